"""Servers for the collectors' tests: an AWS emulator, and one that answers what a test says."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.waiting import SECONDS, until

from cloudsealed.collectors.aws.access import AwsAccess, AwsSession
from cloudsealed.collectors.aws.client import AwsCaller
from cloudsealed.collectors.aws.pagination import operation_model
from cloudsealed.collectors.model import CallRequest, Place, unit_of
from cloudsealed.collectors.registry import RESOURCE_TYPES

ACCOUNT = "123456789012"
KEY = b"the tenant's key of the tests"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=SECONDS):
            return True
    except OSError:
        return False


@pytest.fixture(scope="session")
def emulator_endpoint() -> Iterator[str]:
    """The URL of a fresh emulator, which ends with the test session."""
    port = free_port()
    server = subprocess.Popen(
        [str(Path(sys.executable).with_name("moto_server")), "-p", str(port)],
        env={**os.environ, "MOTO_EC2_LOAD_DEFAULT_AMIS": "false"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        until(
            lambda: _answers(f"{url}/moto-api/") or server.poll() is not None,
            "the emulator answers",
        )
        assert server.poll() is None, "the emulator ended at its start"
        yield url
    finally:
        server.terminate()
        server.wait(SECONDS)


@pytest.fixture(autouse=True)
def _no_ambient_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that every emulator takes."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "an-example-of-a-secret-key")


@pytest.fixture
def emulator(emulator_endpoint: str, credentials: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """The emulator as the endpoint of every AWS client."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator_endpoint)
    return emulator_endpoint


@dataclass
class Reply:
    """What the fault server answers to one request; with `hold` it waits for that long first."""

    status: int = 200
    body: str | bytes = ""
    content_type: str = "text/xml"
    hold: float = 0.0
    trickle: bool = False
    trickle_head: bool = False
    chunked: bool = False
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class FaultServer:
    """A server that answers `replies` in turn, and the last of them ever after."""

    url: str
    ended: threading.Event
    replies: list[Reply] = field(default_factory=list)
    requests: int = 0

    def next(self) -> Reply:
        self.requests += 1
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


class _Handler(BaseHTTPRequestHandler):
    """Answers the next reply of `plan`, which a subclass has."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body would be 40 ms apart
    plan: FaultServer

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(self.plan.next())

    def do_GET(self) -> None:
        self.do_POST()

    def _answer(self, reply: Reply) -> None:
        self.plan.ended.wait(reply.hold)
        body = reply.body if isinstance(reply.body, bytes) else reply.body.encode()
        self.send_response_only(reply.status)
        length = {"Transfer-Encoding": "chunked"}
        if not reply.chunked:
            length = {"Content-Length": str(len(body))}
        headers = {"Date": self.date_time_string(), "Content-Type": reply.content_type, **length}
        for name, value in (headers | reply.headers).items():
            self.send_header(name, value)
        if reply.trickle_head:
            self.flush_headers()
            self._trickle(b"X-Trickle: " + b"a" * 10_000)
        self.end_headers()
        if reply.trickle:
            self._trickle(body)
        elif reply.chunked:
            self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
        else:
            self.wfile.write(body)

    def _trickle(self, data: bytes) -> None:
        for number in range(len(data)):
            if self.plan.ended.wait(0.05):
                return
            self.wfile.write(data[number : number + 1])

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def faults(credentials: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    """A server of faults as the endpoint of every AWS client."""
    ended = threading.Event()
    plan = FaultServer("", ended)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"plan": plan}))
    server.daemon_threads = True
    plan.url = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", plan.url)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield plan
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join(SECONDS)


@pytest.fixture
def reply() -> type[Reply]:
    return Reply


@pytest.fixture
def make_caller() -> Callable[..., AwsCaller]:
    """Makes a caller without ceilings, whose pauses take no time and are recorded."""

    def make(pauses: list[float] | None = None, **access: object) -> AwsCaller:
        return AwsCaller(
            AwsSession(AwsAccess(**access)),  # type: ignore[arg-type]  # by name
            KEY,
            ceilings=_Unlimited(),
            sleep=(pauses if pauses is not None else []).append,
            jitter=lambda: 1.0,
        )

    return make


@pytest.fixture
def request_of() -> Callable[..., CallRequest]:
    """Makes the request of an operation as its row makes it."""

    def make(service: str, operation: str, fills: tuple[str, ...] | None = None) -> CallRequest:
        calls = [
            (tuple(call.fills.values()), call.omits_empty)
            for row in RESOURCE_TYPES.values()
            for call in row.enrich
            if (row.service, call.operation) == (service, operation)
        ] + [
            ((row.items,), row.omits_empty)
            for row in RESOURCE_TYPES.values()
            if (row.service, row.operation) == (service, operation)
        ]
        paths, omits = next(each for each in calls if fills in (None, each[0]))
        members = operation_model(service, operation).input_shape
        given = {
            name: "abc-123456" if members.members[name].type_name == "string" else ["abc"]
            for name in (members.required_members if members else ())
        }
        unit = unit_of(Place(ACCOUNT, "eu-west-1"), service, operation, given)
        return CallRequest(unit, fills=paths, omits_empty=omits)

    return make


class _Unlimited(dict[str, float]):
    def get(self, key: str, default: object = None) -> float:  # type: ignore[override]  # no miss
        return 1e9
