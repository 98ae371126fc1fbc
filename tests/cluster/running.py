"""A cluster of real processes: PostgreSQL, Valkey and S3, three `serve` and three workers, and in
front of them a proxy that sends each request to the next server."""

from __future__ import annotations

import os
import re
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import cycle
from pathlib import Path

from tests.s3_servers import S3Server
from tests.servers import PostgresServer
from tests.valkey_server import ValkeyServer
from tests.waiting import SECONDS, until

from cloudsealed.settings import Settings
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.migrate import migrate
from cloudsealed.vocabulary import Role
from cloudsealed.wiring import Services, build_services

SERVERS, WORKERS = 3, 3
_PIECE = 1 << 16
_CONNECTIONS = 8  # of each process


class RoundRobin:
    """Sends each request on the loopback to the next of some servers.

    It asks them to close after each answer, so the next request of a client is a new connection
    and goes to another one. Bytes are passed on as they come, in both directions.
    """

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._ports: Iterator[int] = iter(())
        self._next = threading.Lock()

    def start(self, ports: list[int]) -> None:
        """Begin to send requests to these ports."""
        self._ports = cycle(ports)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more."""
        self._socket.close()

    def _accept(self) -> None:
        with suppress(OSError):  # it was closed
            while True:
                client, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            head = self._head(client)
            if not head:
                return
            with self._next:
                port = next(self._ports)
            with socket.create_connection(("127.0.0.1", port)) as server:
                line, _, rest = head.partition(b"\r\n")
                rest = re.sub(rb"(?im)^connection:.*\r\n", b"", rest)
                server.sendall(line + b"\r\nConnection: close\r\n" + rest)
                self._pass_on(client, server)

    def _head(self, client: socket.socket) -> bytes:
        found = b""
        while b"\r\n\r\n" not in found and len(found) < _PIECE:
            piece = client.recv(_PIECE)
            if not piece:
                return b""
            found += piece
        return found

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        others = {client: server, server: client}
        while True:
            ready, _, _ = select.select(list(others), (), ())
            for one in ready:
                piece = one.recv(_PIECE)
                if not piece:
                    return
                others[one].sendall(piece)


@contextmanager
def cluster(folder: Path, **limits: str) -> Iterator[tuple[Services, str]]:
    """Run a cluster until the block ends; yield the services of its database, and its address.

    `limits` are settings by their names, as `LIMIT_ANONYMOUS`.
    """
    with ExitStack() as stack:
        postgres, valkey, s3 = PostgresServer(), ValkeyServer(), S3Server("seaweedfs")
        for each in (postgres, valkey, s3):
            stack.callback(each.stop)
        proxy = RoundRobin()
        stack.callback(proxy.close)
        options = ",".join("=".join(pair) for pair in s3.options())
        environment = {
            "DATABASE_URL": postgres.create("cluster"),
            "DATABASE_CONNECTIONS": str(_CONNECTIONS),
            "VALKEY_URL": valkey.url,
            "BLOB_URL": s3.bucket("reports"),
            "BLOB_OPTIONS": options,
            "KEY_FILE": str(folder / "keys.json"),
            "PUBLIC_URL": proxy.url,
            **limits,
        }
        settings = Settings.from_environment(
            {f"CLOUDSEALED_{name}": text for name, text in environment.items()}
            | {"CLOUDSEALED_DATA_DIR": str(folder / "tests")}
        )
        ensure_keys(settings.key_path)
        migrate(settings)
        services = build_services(settings)
        stack.callback(services.database.close)
        first = services.tenants.ensure(name="first").id
        services.users.create(
            tenant=first,
            email="first@example.com",
            role=Role.ADMIN,
            password="correct horse battery",
        )
        workers = _started(stack, folder / "workers", environment, "worker", "--processes", "3")
        servers = [
            _started(
                stack, folder / f"server-{n}", environment, "serve", "--port", "0", "--workers", "0"
            )
            for n in range(SERVERS)
        ]
        assert workers
        proxy.start([until(lambda each=each: _port(each), "a server listens") for each in servers])
        yield services, proxy.url


def _started(stack: ExitStack, folder: Path, environment: dict[str, str], *command: str) -> Path:
    """Start a command with a data folder of its own; return its log."""
    folder.mkdir(parents=True)
    log = folder.with_suffix(".log")
    variables = {f"CLOUDSEALED_{name}": text for name, text in environment.items()}
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "cloudsealed", *command],
            env={**os.environ, **variables, "CLOUDSEALED_DATA_DIR": str(folder)},
            stdin=subprocess.DEVNULL,
            stderr=file,
            stdout=file,
        )
    stack.callback(_ended, process)
    return log


def _ended(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(SECONDS)
    finally:
        process.kill()


def _port(log: Path) -> int:
    found = re.search(r"running on http://127\.0\.0\.1:(\d+)", log.read_text())
    return int(found[1]) if found else 0
