"""Customers' policies over a real audit: simulated, then activated; the forecast comes true."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.e2e.installation import Document, Installation

from cloudsealed import working
from cloudsealed.audits.simulations.model import SimulationNotFoundError
from cloudsealed.kit.clock import rfc3339, utc_now
from cloudsealed.testing.emulator import Emulator

Post = Callable[..., Document]
BUCKETS = {"dimension": "compliance", "resource_types": ["aws.s3.bucket"]}


class Own:
    """An installation with one audit of S3, SQS and IAM, and its policies."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.services = installation.services
        self.tenant = installation.tenant
        self.audit = installation.audit(services=["s3", "sqs", "iam"], regions=["eu-west-1"])

    def create(self, key: str, **said: Any) -> Document:
        body = _body(key, **said)
        return dict(orjson.loads(self.services.policies.create(tenant=self.tenant, body=body)))

    def update(self, key: str, **said: Any) -> Document:
        changed = self.services.policies.update(tenant=self.tenant, ident=key, body=said)
        return dict(orjson.loads(changed))

    def delete(self, key: str) -> None:
        self.services.policies.delete(tenant=self.tenant, ident=key)

    def policy(self, key: str) -> Document:
        return dict(orjson.loads(self.services.policies.get(tenant=self.tenant, ident=key)))

    def work(self, kind: str) -> int:
        """Run the jobs of a kind that wait; return how many there were."""
        worker, done = working.worker(self.services), 0
        while worker.run_once(kind):
            done += 1
        return done

    def simulate(self, policy: Any, *audits: str) -> Document:
        body = {"policy": policy} | ({"audit_ids": list(audits)} if audits else {})
        made = orjson.loads(self.services.simulations.create(tenant=self.tenant, body=body))
        assert made["status"] == "queued"
        assert self.work("simulation") == 1
        found = self.services.simulations.get(tenant=self.tenant, ident=made["id"])
        return dict(orjson.loads(found))

    def seen(self) -> dict[str, tuple[Any, ...]]:
        """Return how each finding stands, by policy and resource."""
        return {
            f"{f['policy']['key']} {f['resource']['native_id']}": (
                f["status"],
                f["severity"],
                f["classified_by"] and f["classified_by"]["key"],
            )
            for f in self.installation.findings().values()
        }

    def tables(self) -> dict[str, int]:
        """Return how many rows each table has."""
        names = self.services.database
        with names.read() as connection:
            tables = connection._raw.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
                " AND sql NOT LIKE 'CREATE VIRTUAL%'"
            ).fetchall()
            return {
                name: connection._raw.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
                for (name,) in tables
            }


def _body(key: str, **said: Any) -> Document:
    return (
        {"key": key, "title": key, "reason": "we say so", **said}
        if "when" in said
        else {"key": key, "title": key, **said}
    )


@pytest.fixture(scope="module")
def whole(estate: Emulator, install: Any, tmp_path_factory: pytest.TempPathFactory) -> Own:
    return Own(install(tmp_path_factory.mktemp("own"), estate))


@pytest.fixture
def own(whole: Own) -> Iterator[Own]:
    """The installation, cleaned of the tenant's own policies after the test."""
    yield whole
    listed = whole.services.policies.list(
        tenant=whole.tenant, filters={"source": ("custom",)}, limit=200
    )
    for item in listed.items:
        whole.delete(orjson.loads(item)["id"])
    whole.work("classification")


def test_a_classification_counts_at_once_and_undoing_it_restores(own: Own) -> None:
    before = own.seen()
    made = own.create(
        "buckets-are-critical",
        kind="classification",
        set={"severity": "critical"},
        when="finding.resource_type == 'aws.s3.bucket'",
    )
    assert made["applied_at"] is None
    assert own.seen() == before
    assert own.work("classification") == 1
    assert own.policy("buckets-are-critical")["applied_at"] >= made["updated_at"]
    during = own.seen()
    touched = {name for name in during if during[name] != before[name]}
    assert touched
    assert all(during[name][1:] == ("critical", "buckets-are-critical") for name in touched)
    assert all("arn:aws:s3" in name for name in touched)
    bases = {f["base_severity"] for f in own.installation.findings().values()}
    assert len(bases) > 1
    own.delete("buckets-are-critical")
    assert own.work("classification") == 1
    assert own.seen() == before


def test_suppression_wins_and_each_step_back_restores_what_is_left(own: Own) -> None:
    before = own.seen()
    when = "finding.resource_type == 'aws.s3.bucket'"
    own.create("low", kind="classification", when=when, set={"severity": "low"})
    own.create("critical", kind="classification", when=when, set={"severity": "critical"})
    own.create("hush", kind="classification", when=when, suppress=True)
    own.work("classification")
    buckets = [name for name in before if "arn:aws:s3" in name]
    assert {own.seen()[name][0::2] for name in buckets} == {("suppressed", "hush")}

    def stand() -> set[tuple[Any, ...]]:
        """How buckets' findings count, each with the status that it had before them all."""
        seen = own.seen()
        assert {name: seen[name][0] for name in buckets} == {n: before[n][0] for n in buckets}
        return {seen[name][1:] for name in buckets}

    own.update("hush", enabled=False)
    own.work("classification")
    assert stand() == {("critical", "critical")}
    own.update("critical", enabled=False)
    own.work("classification")
    assert stand() == {("low", "low")}
    own.update("low", set={"severity": "info"})
    assert own.policy("low")["applied_at"] is None
    own.work("classification")
    assert stand() == {("info", "low")}


def test_a_classification_ends_by_itself_when_it_expires(own: Own) -> None:
    before = own.seen()
    expires = utc_now() + timedelta(hours=1)
    own.create(
        "for-now", kind="classification", when="true", suppress=True, expires_at=rfc3339(expires)
    )
    own.work("classification")
    assert {how[0] for how in own.seen().values()} == {"suppressed"}
    working.housekeep(own.services)
    assert own.work("classification") == 0
    policies = own.services.policies
    now, policies._now = policies._now, lambda _tenant: expires + timedelta(seconds=1)
    try:
        working.housekeep(own.services)
        working.housekeep(own.services)
        assert own.work("classification") == 1
    finally:
        policies._now = now
    assert own.seen() == before


def test_a_job_whose_classifications_are_no_longer_those_in_force_leaves_it_to_the_next(
    own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = own.seen()
    own.create("hush", kind="classification", when="true", suppress=True)
    read = own.services.policies.classifications(tenant=own.tenant)
    own.delete("hush")
    with monkeypatch.context() as patch:  # as a job that began before it was deleted read them
        patch.setattr(type(own.services.policies), "classifications", lambda *_, **__: read)
        assert working.worker(own.services).run_once("classification")
    assert own.seen() == before
    assert own.work("classification") >= 1
    assert own.seen() == before


def test_an_audit_that_began_before_a_classification_does_not_undo_it(own: Own) -> None:
    body = {"policies": None}
    made = orjson.loads(
        own.services.audits.reanalyze(
            tenant=own.tenant, ident=own.audit["id"], body=body, queue=False
        )
    )
    own.create("hush", kind="classification", when="true", suppress=True)
    own.work("classification")
    assert own.installation.run(made["id"])["status"] == "completed"
    assert own.work("classification") == 1
    assert {how[0] for how in own.seen().values()} == {"suppressed"}


def test_a_reanalysis_after_a_classification_changes_nothing_more(own: Own) -> None:
    own.create(
        "prod",
        kind="classification",
        when="finding.severity == 'high'",
        set={"severity": "critical"},
    )
    own.work("classification")
    seen = own.seen()
    own.installation.reanalyze(own.audit["id"])
    assert own.work("classification") == 0
    assert own.seen() == seen


def test_the_forecast_of_a_classification_comes_true(own: Own) -> None:
    before, rows = own.seen(), own.tables()
    body = _body("prod", kind="classification", when="finding.severity == 'high'", suppress=True)
    [result] = own.simulate(body)["results"]
    assert own.seen() == before
    rows |= {"simulations": rows["simulations"] + 1, "jobs": rows["jobs"] + 1}
    assert own.tables() == rows
    own.create(**body)
    own.work("classification")
    after = own.seen()
    changed = {name for name in after if after[name] != before[name]}
    assert (result["would_open"], result["would_close"]) == (0, 0)
    assert result["would_change"] == len(changed) > 0
    assert not result["has_more_changes"]
    foretold = {
        c["finding_id"]: (c["after"]["status"], c["after"]["severity"]) for c in result["changes"]
    }
    assert foretold == {
        ident: (f["status"], f["severity"])
        for ident, f in own.installation.findings().items()
        if f"{f['policy']['key']} {f['resource']['native_id']}" in changed
    }


@pytest.mark.parametrize(
    ("mine", "fail_when"),
    [
        ("mine-all", "true"),
        ("mine-none", "false"),
        ("mine-some", "resource.Versioning.Status != 'Enabled'"),
        ("mine-tagged", "tag(resource, 'env') == 'prod'"),
        ("mine-broken", "resource.Name.size() / (resource.Name.size() - 21) > 0"),
    ],
)
def test_the_forecast_of_a_check_comes_true(own: Own, mine: str, fail_when: str) -> None:
    before = own.seen()
    body = _body(mine, severity="low", fail_when=fail_when, **BUCKETS)
    told = own.simulate(body, own.audit["id"])
    assert (told["status"], told["error"]) == ("completed", None)
    [result] = told["results"]
    assert own.seen() == before
    own.create(**body)
    audit = own.installation.reanalyze(own.audit["id"])
    own_now = {name: how for name, how in own.seen().items() if name.startswith(f"{mine} ")}
    assert result["would_open"] == sum(how[0] == "open" for how in own_now.values())
    named = {
        f"{mine} {c['resource']['native_id']}" for c in result["changes"] if c["effect"] == "open"
    }
    assert named == {name for name, how in own_now.items() if how[0] == "open"}
    block = own.services.audits.coverage(tenant=own.tenant, ident=audit["id"])
    assert result["errors"] == sum(e.get("count", 1) for e in block["policy_errors"])
    # what is changed then: the same policy saying something else
    changed = _body(mine, severity="high", fail_when=f"!({fail_when})", **BUCKETS)
    [again] = own.simulate(changed, own.audit["id"])["results"]
    stood = own.seen()
    own.update(mine, **{k: v for k, v in changed.items() if k != "key"})
    own.installation.reanalyze(own.audit["id"])
    stands = own.seen()
    moved = {n for n in stands if n.startswith(f"{mine} ") and stands[n] != stood.get(n)}
    opened = {
        n for n in moved if stands[n][0] == "open" and stood.get(n, ("resolved",))[0] != "open"
    }
    closed = {n for n in moved if stands[n][0] == "resolved"}
    assert (again["would_open"], again["would_close"]) == (len(opened), len(closed))
    assert again["would_change"] >= len(moved - opened - closed)


def test_a_policy_that_exists_is_simulated_by_its_key_as_it_stands(own: Own) -> None:
    key = "aws-s3-bucket-versioning-off"
    [result] = own.simulate(key, own.audit["id"])["results"]
    assert result["counts"]["fail"] > 0
    assert [result[f"would_{effect}"] for effect in ("open", "close", "change")] == [0, 0, 0]


def test_what_cannot_be_judged_any_more_fails_with_its_reason(own: Own) -> None:
    body = {"policy": "aws-s3-bucket-versioning-off", "audit_ids": [own.audit["id"]]}
    made = orjson.loads(own.services.simulations.create(tenant=own.tenant, body=body))
    with own.services.database.write() as connection:
        connection._raw.execute("UPDATE audits SET status = 'failed'")
    try:
        own.work("simulation")
    finally:
        with own.services.database.write() as connection:
            connection._raw.execute("UPDATE audits SET status = 'completed'")
    found = orjson.loads(own.services.simulations.get(tenant=own.tenant, ident=made["id"]))
    assert (found["status"], found["error"]["code"]) == ("failed", "audit_not_finished")


def test_simulations_are_dropped_after_a_week(own: Own, tmp_path: Path) -> None:
    made = own.simulate("aws-s3-bucket-versioning-off", own.audit["id"])
    simulations = own.services.simulations
    clock, simulations._clock = simulations._clock, lambda: utc_now() + timedelta(days=8)
    try:
        simulations.purge()
    finally:
        simulations._clock = clock
    with pytest.raises(SimulationNotFoundError, match="No such simulation"):
        simulations.get(tenant=own.tenant, ident=made["id"])


def told(own: Own, key: str) -> dict[str, tuple[str, str | None]]:
    """How the findings of a policy stand, by bucket, and the policy of those they yield to."""
    found = own.installation.findings().values()
    keys = {finding["id"]: finding["policy"]["key"] for finding in found}
    return {
        f["resource"]["name"]: (f["status"], f["yields_to"] and keys[f["yields_to"]])
        for f in found
        if f["policy"]["key"] == key
    }


def test_a_check_of_ones_own_yields_as_its_forecast_said_and_no_longer_when_it_is_hushed(
    own: Own,
) -> None:
    general = "aws-s3-bucket-versioning-off"
    before = told(own, general)
    body = _body("mine", severity="high", fail_when="true", yields_to=[general], **BUCKETS)
    [result] = own.simulate(body, own.audit["id"])["results"]
    foretold = {c["resource"]["name"]: c["after"]["status"] for c in result["changes"]}
    own.create(**body)
    own.installation.reanalyze(own.audit["id"])
    stands = told(own, "mine")
    assert {name: status for name, (status, _other) in stands.items()} == foretold
    yielding = {name for name, (_status, other) in stands.items() if other}
    assert yielding == {name for name, (status, _other) in before.items() if status == "open"}
    assert len(yielding) < len(stands)

    hush = _body(
        "hush", kind="classification", when=f"finding.policy == '{general}'", suppress=True
    )
    [result] = own.simulate(hush)["results"]
    assert result["would_change"] == 2 * len(yielding)
    own.create(**hush)
    own.work("classification")
    assert set(told(own, "mine").values()) == {("open", None)}
    assert set(told(own, general).values()) == {("suppressed", None)}
    own.delete("hush")
    own.work("classification")
    assert told(own, "mine") == stands
    assert told(own, general) == before


def test_the_forecast_of_a_general_check_names_what_will_yield_to_it(own: Own) -> None:
    general = _body("general", severity="high", fail_when="false", **BUCKETS)
    own.create(**general)
    own.create(
        **_body("narrow", severity="low", fail_when="true", yields_to=["general"], **BUCKETS)
    )
    own.installation.reanalyze(own.audit["id"])
    count = len(told(own, "narrow"))
    changed = general | {"fail_when": "true"}
    [result] = own.simulate(changed, own.audit["id"])["results"]
    assert (result["would_open"], result["would_change"]) == (count, count)
    own.update("general", fail_when="true")
    own.installation.reanalyze(own.audit["id"])
    assert set(told(own, "narrow").values()) == {("suppressed", "general")}
