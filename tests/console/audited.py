"""A tenant of a running site whose queues were audited, as far as a worker would have been."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.audits.world import ACCOUNT, REGION, TENANT, Clock, Cloud, Pass
from tests.auth.oauth.party import Site
from tests.console.estate import HOSTILE

from cloudsealed.audits.model import Target
from cloudsealed.storage.schema import audits, tenants
from cloudsealed.testing.factories import add_connections, make_connection
from cloudsealed.vocabulary import AuditStatus, CallOutcome, Role

CONNECTION, KEY = "con_01JD0000000000000000000000", "queues-are-good"
POLICY = {
    "key": KEY,
    "title": f"Queues {HOSTILE}",
    "dimension": "security",
    "severity": "high",
    "resource_types": ["aws.sqs.queue"],
    "fail_when": "resource.Attributes.A == 'bad'",
}


@dataclass
class Audited:
    """A cloud of queues, and the audits of it; the newest is the last."""

    site: Site
    clock: Clock
    cloud: Cloud
    idents: list[str]

    def begun(self, status: AuditStatus = AuditStatus.QUEUED) -> str:
        """Return a new audit that nobody works at."""
        return self._pass(status=status).id

    def set(self, ident: str, **columns: Any) -> None:
        """Change an audit's row as a worker would."""
        this = audits.update().where(audits.c.tenant_id == TENANT, audits.c.id == ident)
        with self.site.services.database.write() as connection:
            connection.run(this.values(**columns), {})

    def audit(self, seen: Callable[[str], None] = lambda _ident: None) -> str:
        """Audit the cloud as it is; return the audit's id. `seen` is told it when it has begun."""
        self.clock.move(hours=1)
        found = self._pass()
        seen(found.id)
        lease = found.take()
        found.collect(self.cloud, lease)
        found.collected(lease)
        assert self.site.services.runner.run(tenant=TENANT, ident=found.id, owner="test")
        self.idents.append(found.id)
        return found.id

    def _pass(self, **changes: Any) -> Pass:
        services = self.site.services
        policies = services.policies.audit_set(tenant=TENANT, only=(KEY,)).as_list()
        return Pass(
            services.database,
            self.clock,
            ("aws.sqs.queue",),
            policies=(KEY,),
            policy_set=tuple(policies),
            connection_ids=(CONNECTION,),
            targets=(Target(CONNECTION, ACCOUNT, "aws", (REGION,)),),
            **changes,
        )


def audited(site: Site) -> Audited:
    """Return a new tenant with two audits: of a queue that is bad in both, one that is mended, and
    one that may not be looked at."""
    row = {"tenant_id": TENANT, "name": "Audited", "created_at": "2026-01-01T00:00:00.000Z"}
    with site.services.database.write() as connection:
        connection.run(tenants.insert(), row)
    mine = Site(site.services, site.url, TENANT)
    mine.person(Role.ADMIN)
    connection = make_connection(id=CONNECTION, name=HOSTILE)
    add_connections(site.services.database, TENANT, connection)
    with mine.http() as http:
        assert http.post("/v1/policies", json=POLICY).status_code == 201
    clock = Clock()
    cloud = Cloud(clock)
    cloud.queues = {"bad": {"A": "bad"}, "mended": {"A": "bad"}, "dark": {"A": "?"}}
    cloud.faults["GetQueueAttributes", "dark"] = (CallOutcome.DENIED, "AccessDenied")
    found = Audited(mine, clock, cloud, [])
    found.audit()
    cloud.queues["mended"] = {"A": "good"}
    found.audit()
    return found
