"""A server of the API on a loopback port, and tenants in it, each with a client of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.cluster.running import cluster
from tests.migrated import with_tables
from tests.waiting import SECONDS, until

from cloudsealed.api.server import Listen, server
from cloudsealed.audits.model import Target
from cloudsealed.auth.model import ALL_SCOPES, Scope
from cloudsealed.findings import store as findings
from cloudsealed.findings.model import Finding, Moment, ResourceRef, fingerprint
from cloudsealed.kit.ids import new_id
from cloudsealed.resources import store as resources
from cloudsealed.resources.model import Identity, Resource
from cloudsealed.settings import Settings, parse_budget
from cloudsealed.storage.counters import MemoryCounters
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.statements import SqliteConnection
from cloudsealed.testing.factories import add_audits, make_audit
from cloudsealed.vocabulary import (
    AuditStatus,
    Dimension,
    FindingStatus,
    Outcome,
    ResourceState,
    Role,
    Severity,
)
from cloudsealed.wiring import Services, build_services

POLICY = {
    "key": "groups-are-closed",
    "title": "Groups are closed",
    "dimension": "security",
    "severity": "high",
    "resource_types": ["aws.ec2.security_group"],
    "fail_when": "true",
}
MOMENT = "2026-01-31T09:30:00.000Z"
CONNECTION = "con_01JD0000000000000000000000"


@dataclass
class Tenant:
    """An organisation in a running server. `http` carries a token with every scope."""

    services: Services
    url: str
    id: str
    user_id: str
    http: httpx.Client

    def token(self, *scopes: Scope, role: Role | None = None) -> str:
        """Return a new token, of a new user when it has a role of its own."""
        user_id = self.user_id
        if role is not None:
            address = f"{new_id('x')}@example.com"
            user_id = self.services.users.create(tenant=self.id, email=address, role=role).id
        made = self.services.tokens.issue(
            tenant=self.id, user_id=user_id, name="test", scopes=frozenset(scopes or ALL_SCOPES)
        )
        return made.text

    def client(self, token: str | None) -> httpx.Client:
        """Return a client with a token, or with none."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False)

    def every(self, path: str) -> list[Any]:
        """Return every object of a list."""
        found: list[Any] = []
        query: dict[str, Any] | None = {"limit": 200}
        while query:
            page = self.http.get(path, params=query).json()
            found += page["data"]
            following = page["next_cursor"]
            query = {"limit": 200, "cursor": following} if following else None
        return found

    def add_findings(self, count: int, **changes: Any) -> list[str]:
        """Add findings of one policy on as many groups; return their ids, newest first."""
        listed = self.http.get("/v1/policies", params={"source": "custom"}).json()["data"]
        policy = listed[0] if listed else self.http.post("/v1/policies", json=POLICY).json()
        new = [make_finding(policy["id"], number, **changes) for number in range(count)]
        with self.services.database.write() as connection:
            findings.insert(connection, tenant=self.id, new=new)
        return [finding.id for finding in reversed(new)]


def make_finding(policy_id: str, number: int, **changes: Any) -> Finding:
    native_id = f"arn:aws:ec2:eu-west-1:123456789012:security-group/{new_id('sg')}"
    audit_id, seen = changes.pop("audit_id", new_id("aud")), changes.pop("seen", MOMENT)
    resource = ResourceRef(
        changes.pop("resource_id", new_id("res")),
        "aws.ec2.security_group",
        native_id,
        "web",
        "aws",
        "123456789012",
        "eu-west-1",
    )
    values: dict[str, Any] = {
        "id": new_id("fnd"),
        "fingerprint": fingerprint(
            policy_key="groups-are-closed",
            provider="aws",
            account="123456789012",
            region="eu-west-1",
            native_id=native_id,
        ),
        "policy_id": policy_id,
        "policy_version": 1,
        "connection_id": "con_01JD0000000000000000000000",
        "dimension": Dimension.SECURITY,
        "title": f"Group {number} is open",
        "resource": resource,
        "severity": list(Severity)[number % 5],
        "base_severity": Severity.HIGH,
        "classified_by": None,
        "status": FindingStatus.OPEN,
        "resolution": None,
        "evidence": ({"path": "IpPermissions[0].IpRanges[0].CidrIp", "value": "0.0.0.0/0"},),
        "triage": None,
        "last_observation": Outcome.FAIL,
        "audit_id": audit_id,
        "decided": Moment(seen, audit_id),
        "looked": Moment(seen, audit_id),
        "first_seen_at": seen,
        "last_seen_at": seen,
        "resolved": None,
    }
    return Finding(**(values | changes))


def prepared(folder: Path, **changes: Any) -> Services:
    """Return the services of a new installation in `folder`."""
    settings = Settings(data_dir=folder, **changes)
    ensure_keys(settings.key_path)
    with_tables(settings)
    return build_services(settings)


def serving(services: Services) -> Iterator[str]:
    """Serve on a free port of the loopback; yield the address."""
    running = server(services, Listen(port=0))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    until(lambda: running.started or not thread.is_alive(), "the server starts")
    assert thread.is_alive(), "the server ended"
    port = running.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    running.should_exit = True
    thread.join(SECONDS)
    services.database.close()


_ROOM = "100000/minute"


@pytest.fixture(scope="session")
def clustered(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Services, str] | None]:
    """A cluster of processes and its address, where the tests are told to stand on one."""
    if not request.config.getoption("--cluster"):
        yield None
        return
    with cluster(tmp_path_factory.mktemp("cluster"), LIMIT_ANONYMOUS=_ROOM) as found:
        yield found


@pytest.fixture(scope="session")
def roomy(
    clustered: tuple[Services, str] | None, tmp_path_factory: pytest.TempPathFactory
) -> Services:
    """An installation where no test spends the budget of another's address."""
    if clustered:
        return clustered[0]
    return prepared(tmp_path_factory.mktemp("roomy"), limit_anonymous=parse_budget(_ROOM))


@pytest.fixture(scope="session")
def url(clustered: tuple[Services, str] | None, roomy: Services) -> Iterator[str]:
    if clustered:
        yield clustered[1]
    else:
        yield from serving(roomy)


@pytest.fixture
def strict(tmp_path: Path) -> Services:
    """An installation with every default, where no window of a budget ends during a test."""
    now = time.time()
    return replace(prepared(tmp_path), counters=MemoryCounters(lambda: now))


@pytest.fixture
def strict_url(strict: Services) -> Iterator[str]:
    yield from serving(strict)


MakeTenant = Callable[..., Tenant]


@pytest.fixture
def make_tenant() -> Iterator[MakeTenant]:
    made: list[Tenant] = []

    def make(services: Services, url: str) -> Tenant:
        tenant = services.tenants.create(name="Acme")
        address = f"{new_id('x')}@example.com"
        user = services.users.create(tenant=tenant.id, email=address, role=Role.ADMIN)
        http = httpx.Client(base_url=url, trust_env=False)
        found = Tenant(services, url, tenant.id, user.id, http)
        http.headers["Authorization"] = f"Bearer {found.token()}"
        made.append(found)
        return found

    yield make
    for tenant in made:
        tenant.http.close()


@pytest.fixture
def tenant(make_tenant: MakeTenant, roomy: Services, url: str) -> Tenant:
    return make_tenant(roomy, url)


@pytest.fixture
def strict_tenant(make_tenant: MakeTenant, strict: Services, strict_url: str) -> Tenant:
    return make_tenant(strict, strict_url)


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the SQLite databases of this process are asked from now on, in order."""
    asked: list[str] = []

    def watched(run: Callable[..., Any]) -> Callable[..., Any]:
        def ask(self: SqliteConnection, statement: Any, *given: Any) -> Any:
            asked.append(str(statement))
            return run(self, statement, *given)

        return ask

    for name in ("all", "first", "run", "many"):
        monkeypatch.setattr(SqliteConnection, name, watched(getattr(SqliteConnection, name)))
    return asked


@pytest.fixture
def completed() -> Callable[[Tenant], str]:
    """Adds a completed audit, which read nothing."""

    def add(tenant: Tenant) -> str:
        audit = make_audit(
            status=AuditStatus.COMPLETED,
            connection_ids=(CONNECTION,),
            targets=(Target(CONNECTION, "123456789012", "aws", ("eu-west-1",)),),
            clock=MOMENT,
            created_at=MOMENT,
            started_at=MOMENT,
            finished_at=MOMENT,
            verdict_digest="0" * 64,
        )
        add_audits(tenant.services.database, tenant.id, audit)
        return audit.id

    return add


@pytest.fixture
def add_resource() -> Callable[[Tenant], str]:
    """Adds a security group."""

    def add(tenant: Tenant) -> str:
        native_id = "arn:aws:ec2:eu-west-1:123456789012:security-group/sg-1"
        identity = Identity("aws", "123456789012", "eu-west-1", "aws.ec2.security_group", native_id)
        resource = Resource(
            new_id("res"),
            identity,
            "con_01JD0000000000000000000000",
            "web",
            {"env": "prod"},
            {"vpc": ["vpc-1"]},
            ResourceState.PRESENT,
            "0" * 64,
            "aud_x",
            MOMENT,
            MOMENT,
            MOMENT,
        )
        with tenant.services.database.write() as connection:
            resources.insert(connection, tenant=tenant.id, new=[resource])
        return resource.id

    return add
