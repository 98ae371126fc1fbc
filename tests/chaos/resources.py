"""A `cloudsealed serve` of real processes under narrow limits, and what they hold of the system."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from tests.servers import free_port

_PROGRAM = (sys.executable, "-m", "cloudsealed.cli.main")
_UNLIMITED = "1000000/minute"
_LIMITS = ("CORE", "AUDITS", "ANONYMOUS", "LOGIN", "REPORTS", "SIMULATIONS")
_ENDED = ("completed", "failed", "canceled")
_START_SECONDS = 60
_AUDIT_SECONDS = 120
_CLIENTS = 12
_OPEN_FILES = 256


@dataclass(frozen=True)
class Held:
    """What one process holds: open handles, threads, and resident memory in KiB."""

    files: int
    threads: int
    memory: int

    @classmethod
    def of(cls, pid: int) -> Held:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        status = dict(line.split(":", 1) for line in lines)
        return cls(
            len(list(Path(f"/proc/{pid}/fd").iterdir())), int(status["Threads"]),
            int(status["VmRSS"].split()[0]),
        )  # fmt: skip


Figures = dict[str, int]


class Served:
    """An installation that is served: its API, its worker, and the administrator's token."""

    def __init__(self, environment: Mapping[str, str], process: subprocess.Popen[bytes], port: int,
                 token: str) -> None:  # fmt: skip
        self._environment = environment
        self._process = process
        self._port = port
        self._token = token

    def ask(
        self, method: str, path: str, body: Any = None, *, token: str | None = None,
        client: http.client.HTTPConnection | None = None,
    ) -> tuple[int, Any]:  # fmt: skip
        """Return the status and the JSON of an answer, None where it has none."""
        client = client or self.client()
        headers = {"Authorization": f"Bearer {token or self._token}"}
        content = None if body is None else json.dumps(body)
        client.request(method, path, content, {**headers, "Content-Type": "application/json"})
        answer = client.getresponse()
        text = answer.read()
        is_json = "json" in (answer.headers["content-type"] or "")
        return answer.status, json.loads(text) if is_json else None

    def client(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)

    def audit(self, number: int, **scope: list[str]) -> None:
        """Run `number` audits of a scope, two at a time as the worker does."""
        connection = self._connection()
        body = {"connection_ids": [connection], "scope": scope}
        for pair in range(0, number, 2):
            size = min(2, number - pair)
            made = [self.ask("POST", "/v1/audits", body) for _ in range(size)]
            assert [status for status, _ in made] == [202] * size, made
            for _, audit in made:
                self._await(audit["id"])

    def _connection(self) -> str:
        _, listed = self.ask("GET", "/v1/connections")
        if listed["data"]:
            return str(listed["data"][0]["id"])
        status, made = self.ask("POST", "/v1/connections", {"provider": "aws", "name": "all"})
        assert status == 201, made
        return str(made["id"])

    def _await(self, ident: str) -> None:
        ends = time.monotonic() + _AUDIT_SECONDS
        while (found := self.ask("GET", f"/v1/audits/{ident}")[1])["status"] not in _ENDED:
            assert time.monotonic() < ends, f"the audit hangs: {found}"
            time.sleep(0.05)
        assert found["status"] == "completed", found
        assert not any(found["calls"][name] for name in ("denied", "throttled", "failed")), found

    def request(self, number: int) -> None:
        """Send `number` requests of many kinds, from clients that work at once."""
        _, listed = self.ask("GET", "/v1/findings?limit=1")
        finding = listed["data"][0]["id"]
        expression = {"kind": "check", "key": "a", "title": "A", "dimension": "security"}
        kinds: tuple[tuple[str, str, Any, str | None, tuple[int, ...]], ...] = (
            ("GET", "/v1/findings?limit=50", None, None, (200,)),
            ("GET", f"/v1/findings/{finding}", None, None, (200,)),
            ("GET", f"/v1/findings/{finding}/evidence", None, None, (200,)),
            ("GET", "/v1/resources?limit=20", None, None, (200,)),
            ("GET", "/v1/findings/summary", None, None, (200,)),
            ("GET", "/v1/audits", None, None, (200,)),
            ("GET", "/v1/policies?limit=100", None, None, (200,)),
            ("GET", "/v1/me", None, "cspat_unknown", (401,)),
            ("GET", "/v1/findings/fnd_none", None, None, (404,)),
            ("POST", "/v1/policies/validate", expression, None, (200, 422)),
            ("GET", "/login", None, None, (200,)),
            ("GET", "/readyz", None, None, (200,)),
        )
        share = -(-number // _CLIENTS)

        def run(start: int) -> None:
            client = self.client()
            for kind in itertools.islice(itertools.cycle(kinds), start, start + share):
                method, path, body, token, expected = kind
                status, answer = self.ask(method, path, body, token=token, client=client)
                assert status in expected, (method, path, status, answer)
            client.close()

        with ThreadPoolExecutor(_CLIENTS) as clients:
            list(clients.map(run, range(_CLIENTS)))

    def figures(self) -> Figures:
        """Return what the API, the worker and the database's server hold, by name."""
        api = self._process.pid
        children = Path(f"/proc/{api}/task/{api}/children").read_text().split()
        [worker] = [pid for pid in children if "worker" in _command(pid)]
        found = {
            f"{name} {kind}": value
            for name, pid in (("api", api), ("worker", int(worker)))
            for kind, value in vars(Held.of(pid)).items()
        }
        if url := self._environment.get("CLOUDSEALED_DATABASE_URL"):
            with psycopg.connect(url) as admin:
                row = admin.execute(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                ).fetchone()
                assert row is not None
                found["connections"] = row[0]
        return found


def _command(pid: str) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


@contextmanager
def served(folder: Path, cloud: Mapping[str, str], *, database_url: str = "") -> Iterator[Served]:
    """Make an installation in `folder` and serve it, each process with at most 256 open files."""
    limits = {f"CLOUDSEALED_LIMIT_{name}": _UNLIMITED for name in _LIMITS}
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(folder), **cloud, **limits,
        "CLOUDSEALED_DATA_DIR": str(folder / "data"), "CLOUDSEALED_DATABASE_URL": database_url,
    }  # fmt: skip
    made = subprocess.run(
        [*_PROGRAM, "init", "--json"], env=environment, cwd=folder, check=True, timeout=60,
        capture_output=True,
    )  # fmt: skip
    initial = json.loads(made.stdout)
    environment["CLOUDSEALED_AMBIENT_CREDENTIALS"] = initial["tenant"]["id"]
    port, log = free_port(), folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_PROGRAM, "serve", "--port", str(port)], env=environment, cwd=folder, stdout=output,
            stderr=output, preexec_fn=_few_files,  # noqa: PLW1509 - one call, no lock
        )  # fmt: skip
    try:
        running = Served(environment, process, port, initial["token"])
        _until_ready(running, process, log)
        yield running
        lines = log.read_text().splitlines()
        assert [line for line in lines if "Traceback" in line or " ERROR " in line] == []
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _few_files() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))


def _until_ready(running: Served, process: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + _START_SECONDS
    while True:
        try:
            if running.ask("GET", "/readyz")[0] == 200:
                return
        except OSError:
            pass
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < ends, log.read_text()
        time.sleep(0.05)


def lives(running: Served, *, audits: int, requests: int, **scope: list[str]) -> dict[str, Figures]:
    """Run audits and requests in turns; return the figures after the tenth audit and at the end."""
    running.audit(10, **scope)
    running.request(requests // 2)
    figures = {"tenth": running.figures()}
    rounds = max(1, (audits - 10) // 10)
    for _ in range(rounds):
        running.audit((audits - 10) // rounds, **scope)
        running.request(requests // 2 // rounds)
        print(json.dumps(running.figures()), flush=True)
    figures["end"] = running.figures()
    print(json.dumps(figures))
    return figures


def grown(figures: dict[str, Figures], *, factor: float = 1.1) -> dict[str, tuple[int, int]]:
    """Return (after the tenth audit, at the end) of what is more than `factor` times as much."""
    pairs = {name: (value, figures["end"][name]) for name, value in figures["tenth"].items()}
    return {name: pair for name, pair in pairs.items() if pair[1] > pair[0] * factor}
