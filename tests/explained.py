"""A finding that can be explained, in an installation that is served."""

from __future__ import annotations

import pytest

from cloudsealed.kit.clock import utc_now
from cloudsealed.policies.model import PolicyVersion
from cloudsealed.settings import Settings
from cloudsealed.storage.database import SqliteDatabase
from cloudsealed.vocabulary import PolicyKind
from tests.audits import world
from tests.served import Served

POLICY = {
    "key": "queues",
    "title": "Queues",
    "dimension": "security",
    "severity": "high",
    "resource_types": ["aws.sqs.queue"],
    "fail_when": "resource.QueueName == 'bad'",
}


def explainable(running: Served) -> str:
    """Return the finding of a policy of one's own, of an audit that is over."""
    made = running.http.post("/v1/policies", json=POLICY).json()
    words = running.http.get(f"/v1/policies/{made['id']}/versions").json()["data"][0]["spec"]
    policy = PolicyVersion(made["id"], made["key"], 1, PolicyKind.CHECK, words)
    database = SqliteDatabase(Settings(data_dir=running.data).sqlite_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world, "TENANT", running.made["tenant"]["id"])
        _audit(database, policy)
    database.close()
    [finding] = running.http.get("/v1/findings").json()["data"]
    return str(finding["id"])


def _audit(database: SqliteDatabase, policy: PolicyVersion) -> None:
    clock = world.Clock()
    clock.now = utc_now()
    audit = world.Pass(database, clock, ("aws.sqs.queue",))
    audit.collect(world.Cloud(clock, queues={"bad": {"VisibilityTimeout": "30"}}))
    audit.judge(policy)
    audit.apply()
    audit.shards.cancel(tenant=world.TENANT, ident=audit.id)
