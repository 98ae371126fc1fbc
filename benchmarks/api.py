"""Requests a second of the findings list and of one finding, against a static route of the process.

    python benchmarks/api.py

One server process (uvicorn, a million findings on SQLite) and one client process on loopback,
interleaved rounds, medians. Bars: list of 50 >= 0.35 of the static FastAPI route, one finding
>= 0.50. Also shown: the same with a writer at work in another process. Exits 1 when one is missed.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import select
import socket
import statistics
import sys
import time
from dataclasses import replace
from multiprocessing.connection import Connection as Pipe
from typing import Any

from million import TENANT, prepare

from cloudsealed.settings import Settings, Window

ROUNDS, SECONDS, CONNECTIONS = 7, 1.0, 8
BARS = {"list": 0.35, "get": 0.50}
_UNLIMITED = (Window(10**9, 60),)


def _serve(settings: Settings, pipe: Pipe) -> None:
    """Serve the API with one more route, as plain as FastAPI has them; send the port when ready."""
    import uvicorn
    from fastapi import FastAPI

    from cloudsealed.api.app import create_app
    from cloudsealed.wiring import build_services

    os.sched_setaffinity(0, {0})
    gate: Any = create_app(build_services(settings))
    inner: FastAPI = gate._app

    @inner.get("/static-route")
    async def static_route() -> dict[str, bool]:
        return {"ok": True}

    listener = socket.create_server(("127.0.0.1", 0))
    pipe.send(listener.getsockname()[1])
    config = uvicorn.Config(
        gate, loop="uvloop", http="httptools", log_config=None, access_log=False
    )
    uvicorn.Server(config).run(sockets=[listener])


def _write(settings: Settings, stop: Any) -> None:
    from cloudsealed.storage.database import SqliteDatabase

    database = SqliteDatabase(settings.sqlite_path)
    chance = random.Random(3)
    with database.read() as connection:
        raw = connection._raw  # type: ignore[attr-defined]
        known = [row[0] for row in raw.execute("SELECT id FROM findings LIMIT 20000")]
    while not stop.is_set():
        with database.write() as connection:
            raw = connection._raw  # type: ignore[attr-defined]
            sql = "UPDATE findings SET audit_id = ? WHERE tenant_id = ? AND id = ?"
            rows = [(f"aud_{chance.random()}", TENANT, chance.choice(known)) for _ in range(100)]
            raw.executemany(sql, rows)
        stop.wait(0.05)


class Load:
    """Keeps requests in flight on some connections, and counts whole answers."""

    def __init__(self, port: int, token: str) -> None:
        self._sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
        self._head = f" HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"

    def measure(self, path: str, seconds: float = SECONDS) -> float:
        """Return the answers a second to GET `path`; each must be a 200."""
        request = f"GET {path}{self._head}".encode()
        for each in self._sockets:
            each.sendall(request)
        answered, began = 0, time.monotonic()
        left = dict.fromkeys(self._sockets, b"")
        ends = began + seconds
        while left:
            ready, _, _ = select.select(list(left), [], [], 10)
            assert ready, "the server does not answer"
            for each in ready:
                left[each] += each.recv(262_144)
                if not self._is_whole(left[each]):
                    continue
                answered += 1
                left[each] = b""
                if time.monotonic() < ends:
                    each.sendall(request)
                else:
                    del left[each]
        return answered / (time.monotonic() - began)

    @staticmethod
    def _is_whole(data: bytes) -> bool:
        head, separator, body = data.partition(b"\r\n\r\n")
        if not separator:
            return False
        assert head.startswith(b"HTTP/1.1 200"), head[:300]
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        return len(body) >= length


def _token(settings: Settings) -> tuple[str, str]:
    """Return a token of the benchmark's tenant and the id of one of its findings."""
    from cloudsealed.auth.model import Scope
    from cloudsealed.vocabulary import Role
    from cloudsealed.wiring import build_services

    services = build_services(settings)
    email = f"bench-{time.monotonic_ns()}@example.com"
    user = services.users.create(tenant=TENANT, email=email, role=Role.ADMIN)
    made = services.tokens.issue(
        tenant=TENANT, user_id=user.id, name="bench", scopes=frozenset({Scope("findings:read")})
    )
    with services.database.read() as connection:
        raw = connection._raw  # type: ignore[attr-defined]
        ident = raw.execute("SELECT id FROM findings LIMIT 1 OFFSET 500").fetchone()[0]
    services.database.close()
    return made.text, ident


def _compare(load: Load, ident: str) -> dict[str, float]:
    paths = {
        "static": "/static-route",
        "list": "/v1/findings?limit=50",
        "get": f"/v1/findings/{ident}",
    }
    seen: dict[str, list[float]] = {name: [] for name in paths}
    for _ in range(ROUNDS):
        for name, path in paths.items():
            seen[name].append(load.measure(path))
    rates = {name: statistics.median(values) for name, values in seen.items()}
    ratios = {
        name: statistics.median(a / b for a, b in zip(seen[name], seen["static"], strict=True))
        for name in BARS
    }
    print("  " + "  ".join(f"{name} {rate:,.0f}/s" for name, rate in rates.items()))
    print("  " + "  ".join(f"{name}/static {ratio:.2f}" for name, ratio in ratios.items()))
    return ratios


def main() -> int:
    """Measure and compare with the bars."""
    settings = replace(prepare(), limit_core=_UNLIMITED, limit_anonymous=_UNLIMITED)
    token, ident = _token(settings)
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    server = context.Process(target=_serve, args=(settings, theirs), daemon=True)
    server.start()
    port = ours.recv()
    if len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {1})
    load = Load(port, token)
    for path in ("/static-route", "/v1/findings?limit=50", f"/v1/findings/{ident}"):
        load.measure(path, 0.5)
    print("alone:")
    ratios = _compare(load, ident)
    stop = context.Event()
    writer = context.Process(target=_write, args=(settings, stop), daemon=True)
    writer.start()
    print("with a writer at work:")
    _compare(load, ident)
    stop.set()
    writer.join(10)
    server.terminate()
    server.join(10)
    good = all(ratios[name] >= bar for name, bar in BARS.items())
    print("bars met" if good else "BARS MISSED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
