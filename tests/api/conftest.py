"""The application of a new installation, called without a server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.migrated import with_tables
from tests.waiting import SECONDS, until

from cloudsealed.api.app import create_app
from cloudsealed.api.server import Listen, server
from cloudsealed.auth.model import ALL_SCOPES
from cloudsealed.settings import Settings
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.vocabulary import Role
from cloudsealed.wiring import Services, build_services


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    settings = Settings(
        data_dir=tmp_path,
        cors_origins=("https://app.example.com",),
        trusted_proxies=("10.0.0.0/8",),
    )
    ensure_keys(settings.key_path)
    with_tables(settings)
    found = build_services(settings)
    yield found
    found.database.close()


@pytest.fixture
def token(services: Services) -> str:
    tenant = services.tenants.create(name="Acme").id
    user = services.users.create(tenant=tenant, email="ann@example.com", role=Role.ADMIN)
    return services.tokens.issue(
        tenant=tenant, user_id=user.id, name="test", scopes=ALL_SCOPES
    ).text


Ask = Callable[..., Any]


@pytest.fixture
def connect(services: Services, token: str) -> Callable[..., httpx.AsyncClient]:
    """Returns a client of the application, as if from `address`."""
    app = create_app(services)

    def connect(address: str = "192.0.2.1", *, anonymous: bool = False) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 1))
        headers = {} if anonymous else {"Authorization": f"Bearer {token}"}
        return httpx.AsyncClient(transport=transport, base_url="http://x", headers=headers)

    return connect


@pytest.fixture
def port(services: Services) -> Iterator[int]:
    """The application behind a real server, on a free port."""
    running = server(services, Listen(port=0))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    until(lambda: running.started, "the server starts")
    yield running.servers[0].sockets[0].getsockname()[1]
    running.should_exit = True
    thread.join(SECONDS)
