"""A Kubernetes API server on the loopback: TLS, bearer tokens, client certificates, faults.

Its error bodies are those of a real one, and what it answers is `api`'s. It refuses to listen
anywhere but on 127.0.0.1.
"""

from __future__ import annotations

import base64
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cloudsealed.kit.clock import Clock, utc_now
from cloudsealed.testing.kubernetes.api import Api, wanted_of
from cloudsealed.testing.kubernetes.rbac import ANONYMOUS, MASTERS, User
from cloudsealed.testing.kubernetes.statuses import Reply, unauthorized
from cloudsealed.testing.kubernetes.store import Object, Store

ADMIN = User("admin", (MASTERS,))
_POLL_SECONDS = 0.02


@dataclass(slots=True)
class Fault:
    """What goes wrong with lists of some resource, `*` for all requests: `status` with `headers`
    and `body` instead of an answer, an answer that ends after `cut` bytes, and before it nothing at
    all for `hang` seconds; for `times` requests, the first `after` of which are spared."""

    resource: str = "*"
    status: int = 0
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    hang: float = 0.0
    cut: int | None = None
    times: int = 1_000_000
    after: int = 0

    def meets(self, plural: str) -> bool:
        """Say whether it meets a request, and count it."""
        if self.times <= 0 or self.resource not in ("*", plural):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        self.times -= 1
        return True


class ApiServer:
    """Serves a store until it is closed. `users` are by bearer token; `tls` are the files of a
    certificate and its key, `clients` is that of the authority that certifies users: the common
    name is the user's, organisations are groups. `clock` says what time its answers tell."""

    def __init__(
        self,
        store: Store,
        users: Mapping[str, User],
        *,
        tls: tuple[Path, Path] | None = None,
        clients: Path | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self.store = store
        self.clock = clock
        self.api = Api(store)
        self.users = dict(users)
        self.faults: list[Fault] = []
        self.asked: list[tuple[str, str]] = []
        self.heard: list[Mapping[str, str]] = []
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        scheme = "http"
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            if clients is not None:
                context.verify_mode = ssl.CERT_OPTIONAL
                context.load_verify_locations(clients)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), daemon=True
        )
        self._thread.start()

    def __enter__(self) -> ApiServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End; requests that hang are let go."""
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def kubeconfig(
        self, token: str, *, authority: bytes | None = None, name: str = "here"
    ) -> Object:
        """Return a kubeconfig that leads here."""
        cluster: Object = {"server": self.url}
        if authority is not None:
            cluster["certificate-authority-data"] = base64.b64encode(authority).decode()
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": name, "user": {"token": token}}],
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # head and body would be 40 ms apart

            def date_time_string(self, timestamp: float | None = None) -> str:
                return super().date_time_string(timestamp or server.clock().timestamp())

            def do_GET(self) -> None:
                self._answer("GET", b"")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self._answer("POST", body)

            def _answer(self, method: str, body: bytes) -> None:
                is_tls = isinstance(self.connection, ssl.SSLSocket)
                peer = (self.connection.getpeercert() if is_tls else None) or {}
                user = server.user(self.headers, peer)
                reply, cut = server.answered(method, self.path, self.headers, body, user)
                self._reply(reply, cut)

            def _reply(self, reply: Reply, cut: int | None) -> None:
                status, body, headers = reply
                self.send_response(status)
                length = {"Content-Type": "application/json", "Content-Length": str(len(body))}
                for name, value in {**length, **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body[:cut])
                self.close_connection = self.close_connection or cut is not None

            def handle(self) -> None:
                with suppress(OSError):  # a handshake that fails, and who hangs up
                    super().handle()

            def log_message(self, *_: object) -> None:
                return

        return Handler

    def answered(
        self, method: str, target: str, headers: Any, body: bytes, user: User | None
    ) -> tuple[Reply, int | None]:
        """Answer a request, and say after how many bytes the answer ends."""
        path = urlsplit(target).path
        wanted = wanted_of(path)
        with self._lock:
            self.asked.append((method, target))
            self.heard.append(dict(headers.items()))
            plural = wanted.plural if wanted else ""
            fault = next((each for each in self.faults if each.meets(plural)), None)
        if fault is not None and fault.hang:
            self._closed.wait(fault.hang)
        if fault is not None and fault.status:
            return (fault.status, fault.body, fault.headers), fault.cut
        if user is None:
            reply = unauthorized()
        elif method == "GET":
            reply = self.api.get(user, target, headers.get("Accept", ""))
        else:
            reply = self.api.post(user, path, body, headers.get("Content-Type", ""))
        return reply, fault.cut if fault is not None else None

    def user(self, headers: Any, certificate: Mapping[str, Any]) -> User | None:
        """Return who asks; None for a token that is nobody's."""
        if certificate:
            facts = [pair for part in certificate["subject"] for pair in part]
            names = [value for name, value in facts if name == "commonName"]
            groups = tuple(value for name, value in facts if name == "organizationName")
            return User(names[0] if names else "", groups)
        if "Authorization" not in headers:
            return ANONYMOUS
        kind, _, token = headers["Authorization"].partition(" ")
        return self.users.get(token) if kind == "Bearer" else None
