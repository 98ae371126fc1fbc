"""A collector of traces: OTLP over HTTP on the loopback, which decodes what it is sent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.waiting import SECONDS, until


@dataclass(frozen=True)
class Seen:
    """A span that came: ids in hexadecimal, `parent` empty for one that begins a trace."""

    name: str
    kind: int
    trace: str
    id: str
    parent: str
    links: tuple[tuple[str, str], ...]
    facts: dict[str, Any]
    failed: bool
    events: int
    service: str


class Collector:
    """Keeps what it is sent. While it `hangs` it reads requests and answers none."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.spans: list[Seen] = []
        self.taken = 0
        self._thaw = threading.Event()
        self._thaw.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that send a process's spans here, soon."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self._server.server_port}",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "NO_PROXY": "127.0.0.1",
        }

    def hang(self) -> None:
        self._thaw.clear()

    def find(self, found: Callable[[Seen], bool], what: str) -> Seen:
        """Wait for a span."""
        return until(lambda: next(filter(found, [*self.spans]), None), what)  # type: ignore[no-any-return]

    def close(self) -> None:
        self._thaw.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.taken += 1
                if not collector._thaw.wait(SECONDS):
                    return
                collector._keep(self.path, body)
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                return None

        return Handler

    def _keep(self, path: str, body: bytes) -> None:
        assert path == "/v1/traces"
        self.bodies.append(body)
        self.spans += _decoded(body)


@contextmanager
def collector() -> Iterator[Collector]:
    """Run a collector until the block ends."""
    found = Collector()
    try:
        yield found
    finally:
        found.close()


def _decoded(body: bytes) -> Iterator[Seen]:
    for of in ExportTraceServiceRequest.FromString(body).resource_spans:
        service = _facts(of.resource.attributes)["service.name"]
        for each in (span for scope in of.scope_spans for span in scope.spans):
            yield Seen(
                each.name,
                each.kind,
                each.trace_id.hex(),
                each.span_id.hex(),
                each.parent_span_id.hex(),
                tuple((link.trace_id.hex(), link.span_id.hex()) for link in each.links),
                _facts(each.attributes),
                each.status.code == 2,
                len(each.events),
                service,
            )


def _facts(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
