"""An installation with something of each noun in it, served for schemathesis on a free port.

Its heavy budgets are wide, so that no case is refused for those before it. It says nothing of a
token but to whoever asked for it.
"""

from __future__ import annotations

import secrets
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cloudsealed.api.server import Listen, server
from cloudsealed.api.v1.views import FORMS
from cloudsealed.auth.model import ALL_SCOPES
from cloudsealed.console import Console
from cloudsealed.settings import Settings, parse_budget
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.migrate import migrate
from cloudsealed.vocabulary import Role
from cloudsealed.wiring import Services, build_services

WIDE = parse_budget("10000000/minute")
START_SECONDS = 20
EMAIL = "ann@example.com"


@dataclass(frozen=True, slots=True)
class Served:
    """Where the installation is, a token with every scope, and a user who can log in."""

    url: str
    token: str
    email: str
    password: str


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """Serve a new installation in `folder` until the block ends."""
    port = free_port()
    url, password = f"http://127.0.0.1:{port}", secrets.token_urlsafe(18)
    services = _services(folder, url)
    token = _filled(services, password)
    running = server(services, Listen(port=port), Console(services))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    ends = time.monotonic() + START_SECONDS
    while not running.started:
        if not thread.is_alive() or time.monotonic() > ends:
            sys.exit("the server did not start")
        time.sleep(0.01)
    try:
        yield Served(url, token, EMAIL, password)
    finally:
        running.should_exit = True
        thread.join(START_SECONDS)
        services.database.close()


def free_port() -> int:
    """Return a port that is free now: the metadata names it before anything listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _services(folder: Path, url: str) -> Services:
    settings = Settings(
        data_dir=folder,
        public_url=url,
        limit_core=WIDE,
        limit_anonymous=WIDE,
        limit_reports=WIDE,
        limit_audits=WIDE,
        limit_exports=WIDE,
        limit_oauth=WIDE,
        limit_login=WIDE,
    )
    ensure_keys(settings.key_path)
    migrate(settings)
    return build_services(settings)


def _filled(services: Services, password: str) -> str:
    tenant = services.tenants.create(name="Acme").id
    user = services.users.create(tenant=tenant, email=EMAIL, role=Role.ADMIN, password=password)
    services.policies.synchronize(tenant=tenant)
    role = {"provider": "aws", "role_arn": "arn:aws:iam::123456789012:role/cloudsealed"}
    for name in ("production", "staging"):
        services.connections.create(tenant=tenant, body={**role, "name": name})
    report = {"kind": "executive_summary"}
    schedule = {"name": "weekly", "cron": "0 6 * * MON", "report": report}
    services.schedules.create(tenant=tenant, body=schedule)
    issued = services.tokens.issue(
        tenant=tenant, user_id=user.id, name="contract", scopes=ALL_SCOPES
    )
    caller = services.tokens.authenticator.authenticate(issued.text, "127.0.0.1")
    view = {"name": "urgent", "of": "findings", "query": {"severity": ["critical", "high"]}}
    services.views.create(caller=caller, body=view, forms=FORMS)
    return issued.text
