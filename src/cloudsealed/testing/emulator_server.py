"""The emulator's HTTP server: moto behind a layer that counts, injects faults and always answers.

moto answers an operation that it lacks with an HTML page and status 500, which no AWS client can
read. Here that is AccessDenied in the service's own protocol, so the emulator behaves like an
account whose auditor lacks a few permissions. Calls of moto run one at a time: its backends are
not thread-safe, and a race would look like a denied permission. It refuses to listen anywhere but
on 127.0.0.1.
"""

from __future__ import annotations

import io
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from moto.iam.models import get_account_id_from
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import ThreadedWSGIServer

from cloudsealed.kit.clock import rfc3339, utc_now
from cloudsealed.testing import emulator_lists, emulator_topics
from cloudsealed.testing.emulator_ageing import age
from cloudsealed.testing.emulator_faults import (
    HANG_SECONDS,
    CallCounts,
    FaultBook,
    FaultRule,
    fault_answer,
)
from cloudsealed.testing.emulator_held import Held, path_of
from cloudsealed.testing.emulator_regions import enable
from cloudsealed.testing.emulator_wire import Call, WireAnswer, error_answer, read_call

CONTROL_PREFIX = "/_cloudsealed/"
Headers = list[tuple[str, str]]
_Write = Callable[[bytes], object]


class EmulatorApplication:
    """The WSGI application: moto, counted, with faults, never answering an unreadable error."""

    def __init__(self, log: Path | None = None) -> None:
        emulator_lists.install()
        emulator_topics.install()
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._turn = threading.Lock()
        self._held = Held()
        self._faults = FaultBook()
        self._counts = CallCounts()
        self._log = log.open("a", encoding="utf-8") if log else None
        self._log_lock = threading.Lock()
        self.stopping = threading.Event()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request of which the whole body is in `wsgi.input`."""
        body = environ["wsgi.input"].read()
        environ["wsgi.input"] = io.BytesIO(body)
        if environ["PATH_INFO"].startswith(CONTROL_PREFIX):
            status, headers, answer = _json_answer(*self._control(environ, body))
        else:
            status, headers, answer = self._answer(environ, body)
        start_response(f"{status} ", headers)
        return [answer]

    def _answer(self, environ: WSGIEnvironment, body: bytes) -> tuple[int, Headers, bytes]:
        began = time.monotonic()
        call = read_call(
            environ["REQUEST_METHOD"],
            path_of(environ),
            environ.get("QUERY_STRING", ""),
            _headers(environ),
            body,
        )
        account = str(get_account_id_from(call.access_key))
        self._counts.came(call, account)
        kind = self._faults.take(call, account)
        if kind == "hang":
            self.stopping.wait(HANG_SECONDS)
        if kind:
            status, headers, answer = _plain(fault_answer(kind, call))
        else:
            status, headers, answer = self._ask(environ, call, account)
        self._counts.add(call, account, status)
        self._write_log(call, account, status, time.monotonic() - began)
        return status, headers, answer

    def _ask(
        self, environ: WSGIEnvironment, call: Call, account: str
    ) -> tuple[int, Headers, bytes]:
        held = self._held.answer(call, account, environ)
        found = None if held else self._ask_moto(environ, call)
        if found is not None:
            return found
        return _plain(held or self._held.otherwise(call, environ) or _denied(call))

    def _ask_moto(self, environ: WSGIEnvironment, call: Call) -> tuple[int, Headers, bytes] | None:
        """Return what moto answers; None for what it lacks."""
        head = _Head()
        try:
            with self._turn:
                parts = self._moto(environ, head)
                answer = b"".join(parts)
            status, headers = int(head.line.split()[0]), head.headers
        except Exception as error:
            logging.getLogger(__name__).debug("%s failed", call, exc_info=error)
            return None
        unreadable = status >= 400 and answer[:15].lower().startswith(b"<!doctype html")
        return None if unreadable or status >= 500 else (status, headers, answer)

    def _control(self, environ: WSGIEnvironment, body: bytes) -> tuple[int, dict[str, Any]]:
        route = environ["REQUEST_METHOD"], environ["PATH_INFO"].removeprefix(CONTROL_PREFIX)
        actions: dict[tuple[str, str], Callable[[], dict[str, Any]]] = {
            ("GET", "calls"): self._counts.as_dict,
            ("POST", "reset_counts"): self._counts.reset,
            ("POST", "faults"): lambda: self._set_faults(json.loads(body)["rules"]),
            ("POST", "hold"): lambda: self._hold(json.loads(body)),
            ("POST", "age"): lambda: self._age(json.loads(body)),
            ("POST", "regions"): lambda: self._enable(json.loads(body)),
            ("DELETE", "faults"): lambda: self._set_faults([]),
        }
        if route not in actions:
            return 404, {"error": f"No such control: {' '.join(route)}"}
        try:
            return 200, actions[route]()
        except Exception as error:  # whatever is wrong with what was asked
            return 400, {"error": f"{type(error).__name__}: {error}"}

    def _set_faults(self, rules: list[dict[str, Any]]) -> dict[str, Any]:
        self._faults.replace([FaultRule.parse(rule) for rule in rules])
        return {"rules": len(rules)}

    def _hold(self, value: dict[str, Any]) -> dict[str, Any]:
        emulator_lists.tell_tags(value["account"], value["region"], value["tags"])
        return {"held": self._held.hold(**value)}

    def _age(self, value: dict[str, Any]) -> dict[str, Any]:
        with self._turn:
            return {"aged": age(**value)}

    def _enable(self, value: dict[str, Any]) -> dict[str, Any]:
        with self._turn:
            return {"enabled": enable(**value)}

    def _write_log(self, call: Call, account: str, status: int, seconds: float) -> None:
        if self._log is None:
            return
        row = {
            "time": rfc3339(utc_now()),
            "account": account,
            "service": call.service,
            "region": call.region,
            "operation": call.operation,
            "status": status,
            "ms": round(seconds * 1000, 1),
        }
        with self._log_lock:
            self._log.write(json.dumps(row) + "\n")
            self._log.flush()


def _denied(call: Call) -> WireAnswer:
    message = f"Not authorized to perform: {call.service}:{call.operation}"
    return error_answer(call.protocol, 403, "AccessDenied", message)


def _plain(answer: WireAnswer) -> tuple[int, Headers, bytes]:
    return answer.status, [("Content-Type", answer.content_type)], answer.body


def _json_answer(status: int, value: dict[str, Any]) -> tuple[int, Headers, bytes]:
    return status, [("Content-Type", "application/json")], json.dumps(value).encode()


def _headers(environ: WSGIEnvironment) -> dict[str, str]:
    named = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    return named | {"content-type": environ.get("CONTENT_TYPE") or ""}


class _Head:
    """What an application passes to `start_response`, kept."""

    def __init__(self) -> None:
        self.line = ""
        self.headers: Headers = []

    def __call__(self, line: str, headers: Headers, _error: object = None, /) -> _Write:
        self.line, self.headers = line, headers
        return _refuse_write


def _refuse_write(_data: bytes) -> None:
    raise NotImplementedError("WSGI's write() is not served")


class KeepAliveHandler(MotoRequestHandler):
    """Serves many requests a connection: reads each body whole and answers with its length."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def run_wsgi(self) -> None:
        """Answer the request whose head was just parsed."""
        environ = self.make_environ()
        environ["wsgi.input"] = io.BytesIO(self._read_body(environ))
        head = _Head()
        body = b"".join(self.server.app(environ, head))
        line, headers = head.line, head.headers
        self.send_response(int(line.split()[0]))
        for name, value in headers:
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        is_head = self.command == "HEAD"
        length = dict(headers).get("Content-Length", "0") if is_head else str(len(body))
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(b"" if is_head else body)
        self.wfile.flush()

    def _read_body(self, environ: WSGIEnvironment) -> bytes:
        if "chunked" in (self.headers.get("Transfer-Encoding") or "").lower():
            with closing(environ["wsgi.input"]) as chunks:
                return bytes(chunks.read())
        return bytes(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write nothing: the application keeps its own log."""


def make_emulator(
    port: int, log: Path | None = None
) -> tuple[ThreadedWSGIServer, Callable[[], None]]:
    """Return a server bound to 127.0.0.1 (`port` 0: any free one) and a function that ends it."""
    application = EmulatorApplication(log)
    server = ThreadedWSGIServer("127.0.0.1", port, application, handler=KeepAliveHandler)
    server.daemon_threads = True

    def end() -> None:
        application.stopping.set()
        server.shutdown()

    return server, end
