"""An installation with something of each noun in it, served for schemathesis on a free port.

Its heavy budgets are wide, so that no case is refused for those before it. It says nothing of a
token but to whoever asked for it.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cloudsealed.api.server import Listen, server
from cloudsealed.auth.model import ALL_SCOPES
from cloudsealed.settings import Settings, parse_budget
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.migrate import migrate
from cloudsealed.vocabulary import Role
from cloudsealed.wiring import Services, build_services

WIDE = parse_budget("10000000/minute")
START_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Served:
    """Where the installation is, and a token with every scope."""

    url: str
    token: str


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """Serve a new installation in `folder` until the block ends."""
    services = _services(folder)
    token = _filled(services)
    running = server(services, Listen(port=0))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    ends = time.monotonic() + START_SECONDS
    while not running.started:
        if not thread.is_alive() or time.monotonic() > ends:
            sys.exit("the server did not start")
        time.sleep(0.01)
    port = running.servers[0].sockets[0].getsockname()[1]
    try:
        yield Served(f"http://127.0.0.1:{port}", token)
    finally:
        running.should_exit = True
        thread.join(START_SECONDS)
        services.database.close()


def _services(folder: Path) -> Services:
    settings = Settings(
        data_dir=folder, limit_core=WIDE, limit_anonymous=WIDE, limit_reports=WIDE,
        limit_audits=WIDE, limit_oauth=WIDE, limit_login=WIDE,
    )  # fmt: skip
    ensure_keys(settings.key_path)
    migrate(settings)
    return build_services(settings)


def _filled(services: Services) -> str:
    tenant = services.tenants.create(name="Acme").id
    user = services.users.create(tenant=tenant, email="ann@example.com", role=Role.ADMIN)
    services.policies.synchronize(tenant=tenant)
    role = {"provider": "aws", "role_arn": "arn:aws:iam::123456789012:role/cloudsealed"}
    for name in ("production", "staging"):
        services.connections.create(tenant=tenant, body={**role, "name": name})
    issued = services.tokens.issue(
        tenant=tenant, user_id=user.id, name="contract", scopes=ALL_SCOPES
    )
    return issued.text
