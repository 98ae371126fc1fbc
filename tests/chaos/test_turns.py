"""A tenant with one audit beside tenants with many: it has its turns, and does not wait for theirs.

Run by `make chaos`.
"""

from __future__ import annotations

import time

import orjson
import pytest
from sqlalchemy import bindparam, func, select
from tests.e2e.installation import Document, Installation, signed_in
from tests.e2e.workers import RUN, UNPACED, at_work
from tests.waiting import SECONDS, until

from cloudsealed.settings import Settings
from cloudsealed.storage.schema import jobs
from cloudsealed.testing.emulator import Emulator
from cloudsealed.vocabulary import AuditStatus

MANY, SOME = 100, 10
WORKERS = 2
PARTS = 3  # of a reanalysis: an account is judged and reconciled, and the audit sealed
SCOPE = {"regions": ["eu-west-1", "us-east-1"], "services": ["ec2", "iam", "s3", "sqs"]}

_DONE = select(func.count()).where(jobs.c.tenant_id == bindparam("tenant"), jobs.c.status == "done")

pytestmark = pytest.mark.timeout(1800)


class Tenant:
    """A tenant and its audits."""

    def __init__(self, installation: Installation, name: str) -> None:
        self._services = installation.services
        self.id = self._services.tenants.create(name=name).id
        self._services.policies.synchronize(tenant=self.id)
        body = {"provider": "aws", "role_arn": "arn:aws:iam::123456789012:role/audit"}
        self._connection = self._services.connections.ensure(
            tenant=self.id, name="default", body=body
        )

    def audit(self, *, queue: bool = True) -> str:
        body = {"connection_ids": [self._connection], "scope": SCOPE}
        made = self._services.audits.create(tenant=self.id, body=body, queue=queue)
        return str(orjson.loads(made)["id"])

    def reanalyze(self, source: str) -> None:
        self._services.audits.reanalyze(tenant=self.id, ident=source, body={})

    def shown(self, ident: str) -> Document:
        found: Document = orjson.loads(self._services.audits.get(tenant=self.id, ident=ident))
        return found

    def ended(self, ident: str) -> float:
        """Wait for an audit's end; return how many seconds it took."""
        began = time.monotonic()
        until(
            lambda: AuditStatus(self.shown(ident)["status"]).is_final, "an audit ends", 2 * SECONDS
        )
        shown = self.shown(ident)
        assert shown["status"] == "completed", shown["error"]
        return time.monotonic() - began

    def parts_done(self) -> int:
        """Return how many jobs of its audits have ended: each does a part of one."""
        with self._services.database.read() as connection:
            row = connection.first(_DONE, {"tenant": self.id})
        return int(row[0]) if row else 0


def test_a_tenants_one_audit_ends_nearly_as_soon_beside_a_hundred_as_alone(
    installation: Installation, settings: Settings, estate: Emulator
) -> None:
    many, some, small = (Tenant(installation, name) for name in ("many", "some", "small"))
    with signed_in(installation.environment):
        sources = {}
        for tenant in (many, some):
            sources[tenant] = tenant.audit(queue=False)
            installation.services.runner.run(tenant=tenant.id, ident=sources[tenant], owner="tests")
    with at_work(settings, estate, WORKERS, UNPACED + RUN):
        alone = [small.ended(small.audit()) for _ in range(2)]
        for tenant, number in ((many, MANY), (some, SOME)):
            for _ in range(number):
                tenant.reanalyze(sources[tenant])
        until(lambda: many.parts_done() > 2 and some.parts_done() > 2, "others are at work")
        before = [tenant.parts_done() for tenant in (many, some, small)]
        beside = small.ended(small.audit())
        after = [tenant.parts_done() for tenant in (many, some, small)]
        parts = [late - early for early, late in zip(before, after, strict=True)]
    print(
        f"alone {', '.join(f'{each:.1f}' for each in alone)} s, beside {MANY} and {SOME}"
        f" {beside:.1f} s: {beside / max(alone):.1f} times; parts done meanwhile {parts}"
    )
    assert many.parts_done() < MANY * PARTS, "they were gone before it ended"
    assert beside < 2 * max(alone)
