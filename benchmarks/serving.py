"""The server process that the benchmarks of HTTP measure, and a token for it.

It is served as `cloudsealed serve` does it, on loopback, without the worker.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection as Pipe
from typing import Any

from million import TENANT, prepare

from cloudsealed.api.listen import Listen
from cloudsealed.api.server import server
from cloudsealed.auth.model import Scope
from cloudsealed.console import Console
from cloudsealed.settings import Settings, Window
from cloudsealed.vocabulary import Role
from cloudsealed.wiring import Services, build_services

_UNLIMITED = (Window(10**9, 60),)
_SERVERS: dict[int, int] = {}
LIST = "/v1/findings?limit=50"

App = Any  # an ASGI application
Around = Callable[[App, Services], App]


def unlimited(*, searchable: bool = True) -> Settings:
    """Return the settings of the filled store, with no budget that a benchmark could spend."""
    filled = prepare(searchable=searchable)
    return replace(
        filled, limit_core=_UNLIMITED, limit_anonymous=_UNLIMITED, limit_login=_UNLIMITED
    )


@contextmanager
def serving(
    settings: Settings, around: Around | None = None, *, pinned: bool = True
) -> Iterator[int]:
    """Serve the API in a process of its own while the block runs; give its port.

    `around` may change the application, in the server's process. When they are pinned and there are
    two cores, the server has the first and this process the second.
    """
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_serve, args=(settings, around, pinned, theirs), daemon=True)
    process.start()
    assert process.pid is not None
    port: int = ours.recv()
    _SERVERS[port] = process.pid
    if pinned and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {1})
    try:
        yield port
    finally:
        process.terminate()
        process.join(15)


def server_of(port: int) -> int:
    """Return the process that listens on a port."""
    return _SERVERS[port]


def _serve(settings: Settings, around: Around | None, pinned: bool, pipe: Pipe) -> None:
    if pinned:
        os.sched_setaffinity(0, {0})
    services = build_services(settings)
    made = server(services, Listen(), Console(services))
    if around is not None:
        made.config.app = around(made.config.app, services)
    listener = socket.create_server(("127.0.0.1", 0))
    pipe.send(listener.getsockname()[1])
    made.run(sockets=[listener])


def token_of(services: Services) -> str:
    """Return a token that may read the findings of the benchmark's tenant."""
    email = f"bench-{time.monotonic_ns()}@example.com"
    user = services.users.create(tenant=TENANT, email=email, role=Role.ADMIN)
    scopes = frozenset({Scope("findings:read")})
    made = services.tokens.issue(tenant=TENANT, user_id=user.id, name="bench", scopes=scopes)
    return made.text
