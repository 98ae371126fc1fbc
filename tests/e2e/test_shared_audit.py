"""Several workers do one audit, whatever becomes of them, and it concludes what one would."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest
from sqlalchemy import bindparam, select
from tests.e2e.installation import Document, Installation, signed_in
from tests.e2e.workers import CALLS, HANDS, LEFT, Workers, count, ended
from tests.waiting import until

from cloudsealed.settings import Settings
from cloudsealed.storage.schema import audits, calls
from cloudsealed.testing.emulator import Emulator

SERVICES = [*("dynamodb", "ec2", "ecr", "iam", "kms", "lambda", "sns", "sqs")]
REGIONS = ["eu-west-1", "us-east-1", "eu-central-1"]
ACCOUNTS = [f"{number:012d}" for number in range(101, 105)]


@pytest.fixture
def installation(
    storage_settings: Settings, estate: Emulator, unpaced: None
) -> Iterator[Installation]:
    found = Installation(
        storage_settings.data_dir, estate.environment(), database_url=storage_settings.database_url
    )
    yield found
    found.close()


@pytest.fixture
def workers(storage_settings: Settings, estate: Emulator) -> Iterator[Workers]:
    found = Workers(storage_settings, estate)
    yield found
    found.kill(len(found.alive))


def begun(installation: Installation) -> str:
    body = {
        "connection_ids": [installation.connection],
        "scope": {"regions": REGIONS, "services": SERVICES},
    }
    made = installation.services.audits.create(tenant=installation.tenant, body=body)
    return str(orjson.loads(made)["id"])


def test_workers_that_are_killed_leave_an_audit_to_the_others(
    installation: Installation, workers: Workers
) -> None:
    audit = begun(installation)
    workers.start(3)
    for calls_made in (15, 45):
        until(
            lambda more=calls_made: (
                count(installation, CALLS, audit) > more
                or installation.get(audit)["status"] == "completed"
            ),
            "calls are made",
        )
        workers.kill(1)
        workers.start(1)
    shown = ended(installation, audit)
    assert (shown["status"], shown["coverage"] > 0.9) == ("completed", True), shown["error"]
    assert count(installation, HANDS, audit) > 1, "one worker did all of it"
    assert count(installation, LEFT, audit) == 0
    progress = shown["progress"]
    assert progress["calls"] == sum(shown["calls"].values()) == count(installation, CALLS, audit)
    assert progress["tasks_done"] == progress["tasks_total"] > 0
    assert progress["resources"] == shown["resources"] > 0
    workers.kill(3)
    again = installation.reanalyze(audit)
    assert again["verdict_digest"] == shown["verdict_digest"]
    assert again["counts"] == shown["counts"]


def accounts_of(installation: Installation, audit: str) -> None:
    """Let an audit have looked at more accounts: what it heard of one is said by each."""
    names = [column.name for column in calls.columns]
    this = bindparam("audit")
    with installation.services.database.write() as connection:
        rows = connection.all(calls.select().where(calls.c.audit_id == this), {"audit": audit})
        heard = [dict(zip(names, row, strict=True)) for row in rows]
        for account in ACCOUNTS:
            connection.many(calls.insert(), [{**row, "account": account} for row in heard])
        row = connection.first(select(audits.c.plan).where(audits.c.id == this), {"audit": audit})
        assert row is not None
        plan = orjson.loads(row[0])
        (target,) = plan["targets"]
        plan["targets"] = [target, *({**target, "account": account} for account in ACCOUNTS)]
        connection.run(
            audits.update().where(audits.c.id == this).values(plan=bindparam("said")),
            {"audit": audit, "said": orjson.dumps(plan).decode()},
        )


@pytest.fixture
def of_many(installation: Installation) -> tuple[str, Document]:
    """An audit of five accounts, and what one process concludes from its ledger."""
    with signed_in(installation.environment):
        audit = installation.audit(installation.patient, services=SERVICES)
    accounts_of(installation, audit["id"])
    return audit["id"], installation.reanalyze(audit["id"])


def _stood(installation: Installation) -> dict[str, str]:
    return {ident: f["status"] for ident, f in installation.findings().items()}


def test_accounts_are_judged_and_reconciled_by_several_workers_or_one_to_the_same_digest(
    installation: Installation, workers: Workers, of_many: tuple[str, Document]
) -> None:
    parent, alone = of_many
    stood = _stood(installation)
    assert alone["resources"] > 4 * 20
    made = installation.services.audits.reanalyze(tenant=installation.tenant, ident=parent, body={})
    audit = orjson.loads(made)["id"]
    workers.start(3)
    until(lambda: installation.get(audit)["progress"]["observations"] > 0, "accounts are judged")
    workers.kill(1)
    workers.start(1)
    shown = ended(installation, audit)
    assert shown["status"] == "completed", shown["error"]
    assert count(installation, HANDS, audit) > 1, "one worker did all of it"
    for name in ("verdict_digest", "counts", "dimensions", "findings", "resources", "verdicts"):
        assert shown[name] == alone[name], name
    assert _stood(installation) == stood
    workers.kill(2)
    made = installation.services.audits.reanalyze(tenant=installation.tenant, ident=parent, body={})
    shown = ended(installation, orjson.loads(made)["id"])
    assert shown["verdict_digest"] == alone["verdict_digest"]
