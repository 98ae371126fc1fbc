"""A door before an HTTP server: it lets everything through, or refuses it, or takes its time."""

from __future__ import annotations

import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.waiting import SECONDS

_REFUSALS = {403: "AccessDenied", 503: "SlowDown"}


class Door:
    """Listens on a free port of the loopback, before one of its ports.

    While `refuses` is a status, 403 or 503, every request gets that, in the words of S3; others
    wait for `pause` seconds. `refused` counts. What a request says is passed on as it is, so its
    signature stays good.
    """

    def __init__(self, port: int) -> None:
        self.refuses, self.pause, self.refused = 0, 0.0, 0
        self._port = port
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        door = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if door.refuses:
                    door.refused += 1
                    self._say(door.refuses, [], _refusal(door.refuses))
                    return
                door._closing.wait(door.pause)
                there = HTTPConnection("127.0.0.1", door._port, timeout=SECONDS)
                try:
                    there.putrequest(
                        self.command, self.path, skip_host=True, skip_accept_encoding=True
                    )
                    for name, text in self.headers.items():
                        there.putheader(name, text)
                    there.endheaders(body)
                    answer = there.getresponse()
                    self._say(answer.status, answer.getheaders(), answer.read())
                except OSError:
                    self.close_connection = True
                finally:
                    there.close()

            def _say(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
                self.send_response_only(status)
                length = dict(headers).get("content-length", str(len(body)))
                for name, text in headers:
                    if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                        self.send_header(name, text)
                self.send_header("Content-Length", length)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass  # noqa: N815

            def log_message(self, *_: object) -> None:
                return None

        return Handler


def _refusal(status: int) -> bytes:
    code = _REFUSALS[status]
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>No</Message></Error>".encode()
