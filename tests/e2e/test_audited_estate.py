"""Audits of an estate that does not change, over real HTTP: they agree, and lose no secret."""

from __future__ import annotations

import csv
import io
from typing import Any

import orjson
import pytest
from tests.e2e.installation import standing

from cloudsealed import working
from cloudsealed.audits.judging import explanation as explanations
from cloudsealed.audits.records.blocks import OBSERVATIONS, Blocks
from cloudsealed.audits.sealing.seal import opened
from cloudsealed.storage.keys import public_key
from cloudsealed.testing.estate_site import MAIN_ACCOUNT


def test_an_audit_of_two_regions_reads_everything(audited_whole: Any) -> None:
    first = audited_whole.audits[0]
    assert (first["status"], first["error"], first["coverage"]) == ("completed", None, 1.0)
    assert first["counts"]["fail"] > 100
    assert first["counts"]["unknown"] == 0
    assert first["calls"]["denied"] == first["calls"]["throttled"] == first["calls"]["failed"] == 0
    assert {account["account"] for account in first["accounts"]} == {MAIN_ACCOUNT}
    regions = {f["resource"]["region"] for f in audited_whole.installation.findings().values()}
    assert regions == {"eu-west-1", "us-east-1", "global"}


def test_its_ledger_names_the_calls_that_the_cloud_counted(audited_whole: Any) -> None:
    who = {"sts"}  # to know whose account it is; it is no evidence
    assert sum(audited_whole.audits[0]["calls"].values()) >= audited_whole.calls[0] - len(who) * 2
    assert audited_whole.calls[0] > 200


def test_its_progress_ends_with_as_many_calls_as_its_ledger_has(audited_whole: Any) -> None:
    first = audited_whole.audits[0]
    assert first["progress"]["calls"] == sum(first["calls"].values())


def test_a_second_audit_of_the_same_estate_changes_nothing(audited_whole: Any) -> None:
    first, second, _ = audited_whole.audits
    assert second["verdict_digest"] == first["verdict_digest"]
    assert audited_whole.standing[1] == audited_whole.standing[0]
    asking = [how for how in audited_whole.standing[0].values() if how[0] == "open"]
    assert (
        audited_whole.events[1]
        == audited_whole.events[0]
        == len(asking)
        < len(audited_whole.standing[0])
    )


def test_a_reanalysis_asks_no_cloud_and_concludes_the_same(audited_whole: Any) -> None:
    first, _, again = audited_whole.audits
    assert again["status"] == "completed"
    assert (again["kind"], again["parent_id"]) == ("reanalysis", first["id"])
    assert audited_whole.calls[2] == 0
    assert sum(again["calls"].values()) == 0
    assert again["verdict_digest"] == first["verdict_digest"]
    assert again["dimensions"] == first["dimensions"]
    assert audited_whole.standing[2] == audited_whole.standing[0]
    assert audited_whole.events[2] == audited_whole.events[0]


def test_each_audit_is_the_next_link_of_the_chain(audited_whole: Any) -> None:
    services, tenant = audited_whole.installation.services, audited_whole.installation.tenant
    key = public_key(services.keys.current("seal"))
    links = [
        opened(services.audits.seal(tenant=tenant, ident=audit["id"]), key)["predicate"]
        for audit in audited_whole.audits
    ]
    assert [link["sequence"] for link in links] == [1, 2, 3]
    assert [link["verdict_digest"] for link in links] == [
        audit["verdict_digest"] for audit in audited_whole.audits
    ]


def test_what_fails_shows_the_answers_that_it_rests_on(audited_whole: Any) -> None:
    installation = audited_whole.installation
    finding = installation.finding("aws-s3-bucket-plain-http", "larkspur-public-assets")
    evidence = installation.services.audits.evidence(tenant=installation.tenant, finding=finding)
    assert evidence["observation"]["outcome"] == "fail"
    assert evidence["snapshot"]["document"]["Name"] == "larkspur-public-assets"
    assert ["s3", "GetBucketPolicy"] in [s[:2] for s in evidence["snapshot"]["sources"]["Policy"]]


def test_a_plan_is_of_every_open_finding_by_the_owners_that_resources_are_tagged_with(
    audited_whole: Any,
) -> None:
    installation, audit = audited_whole.installation, audited_whole.audits[1]
    services, tenant = installation.services, installation.tenant
    body = {"kind": "remediation_plan", "audit_id": audit["id"]}
    ident = orjson.loads(services.reports.create(tenant=tenant, body=body))["id"]
    assert working.worker(services).run_once("report")
    file = services.reports.file(tenant=tenant, ident=ident, format="csv")
    rows = list(csv.DictReader(io.StringIO(b"".join(file.content).decode(), newline="")))
    opened = installation.findings(status="open")
    assert sorted(row["finding_id"] for row in rows) == sorted(opened)
    owners = {row["native_id"]: row["owner"] for row in rows}
    resources = services.resources.list(tenant=tenant, filters={}, limit=1_000).items
    tags = {r["native_id"]: r["tags"].get("owner", "") for r in map(orjson.loads, resources)}
    assert owners == {native_id: tags[native_id] for native_id in owners}
    assert set(owners.values()) >= {"", "platform"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "cannot be reached"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "no AWS credentials"),
    ],
)
def test_an_audit_that_cannot_begin_fails_with_one_clear_sentence(
    audited_whole: Any, tmp_path: Any, changes: dict[str, str], said: str
) -> None:
    installation = audited_whole.installation
    before = standing(installation.findings())
    nowhere = {
        name: str(tmp_path / "none") for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE")
    }
    body = {"connection_ids": [installation.connection]}
    services = installation.services
    made = services.audits.create(tenant=installation.tenant, body=body, queue=False)
    failed = installation.run(
        orjson.loads(made)["id"], installation.impatient, **nowhere, **changes
    )
    assert failed["status"] == "failed"
    assert said in failed["error"]["message"]
    assert "\n" not in failed["error"]["message"]
    assert "Traceback" not in failed["error"]["message"]
    assert standing(installation.findings()) == before


@pytest.mark.parametrize("kind", ["access_denied", "expired_token", "html", "http_500"])
def test_an_audit_whose_credentials_are_refused_fails(audited_whole: Any, kind: str) -> None:
    installation = audited_whole.installation
    before = standing(installation.findings())
    audited_whole.emulator.faults({"service": "sts", "kind": kind})
    try:
        failed = installation.audit(installation.impatient)
    finally:
        audited_whole.emulator.faults()
    assert failed["status"] == "failed"
    assert failed["error"]["code"] == "cloud_provider_error"
    assert failed["error"]["message"].count(".") <= 5
    assert standing(installation.findings()) == before


SERVICES = ["s3", "ec2", "sqs", "rds", "lambda", "dynamodb"]
LISTS = [{"service": service} for service in ("rds", "lambda", "dynamodb", "sqs")]
ATTRIBUTES = [
    {"service": "s3", "operation": "GetBucketPolicy"},
    {"service": "s3", "operation": "GetBucketVersioning"},
    {"service": "ec2", "operation": "DescribeVolumes"},
]


@pytest.mark.parametrize(
    "kind", ["access_denied", "throttle", "html", "malformed", "http_500", "hang"]
)
def test_a_fault_costs_coverage_and_changes_no_finding(audited_whole: Any, kind: str) -> None:
    installation = audited_whole.installation
    before = standing(installation.findings())
    audited_whole.emulator.faults(*({**rule, "kind": kind} for rule in LISTS + ATTRIBUTES))
    try:
        runner = installation.hasty if kind == "hang" else installation.impatient
        audit = installation.audit(runner, services=SERVICES)
    finally:
        audited_whole.emulator.faults()
    assert audit["status"] == "completed"
    assert 0 < audit["coverage"] < 1
    assert audit["counts"]["unknown"] > 0
    assert standing(installation.findings()) == before
    coverage = installation.coverage(audit)
    gaps = coverage["gaps"]
    missed = {(gap["service"], gap["operation"]) for gap in gaps}
    assert {"rds", "lambda", "dynamodb", "sqs"} <= {service for service, _ in missed}
    if kind != "hang":  # a slow machine may give up the lists before it, too
        read = {(rule["service"], rule["operation"]) for rule in ATTRIBUTES}
        assert read <= missed
    expected = {"access_denied": "denied", "throttle": "throttled"}
    assert {gap["outcome"] for gap in gaps} == {expected.get(kind, "failed")}


def test_a_denied_audit_says_which_permissions_are_missing(audited_whole: Any) -> None:
    installation = audited_whole.installation
    audited_whole.emulator.faults(*({**rule, "kind": "access_denied"} for rule in ATTRIBUTES))
    try:
        audit = installation.audit(installation.impatient, services=["s3", "ec2"])
    finally:
        audited_whole.emulator.faults()
    statement = installation.coverage(audit)["iam_statement"]
    assert statement["Effect"] == "Allow"
    assert statement["Action"] == [
        "ec2:DescribeVolumes",
        "s3:GetBucketPolicy",
        "s3:GetBucketVersioning",
    ]


def test_canceling_ends_an_audit_soon_and_reconciles_nothing(audited_whole: Any) -> None:
    installation = audited_whole.installation
    before = installation.findings()
    services, tenant = installation.services, installation.tenant
    body = {"connection_ids": [installation.connection], "scope": {"regions": ["eu-west-1"]}}
    ident = orjson.loads(services.audits.create(tenant=tenant, body=body, queue=False))["id"]
    audited_whole.emulator.reset()

    def report(phase: str, counts: Any) -> None:
        if phase == "collecting" and counts["tasks_done"] > 2:
            services.audits.cancel(tenant=tenant, ident=ident)

    canceled = installation.run(ident, report=report)
    assert (canceled["status"], canceled["verdict_digest"]) == ("canceled", None)
    assert audited_whole.emulator.calls()["total"] < audited_whole.calls[0] / 2
    assert installation.findings() == before
    assert ("audit.canceled", ident) in installation.events()


EXPLAINED = (  # a tag, a map, a list in a list, related resources, params
    "aws-s3-bucket-plain-http",
    "aws-ec2-sg-ssh-open",
    "aws-ec2-instance-exposed",
    "aws-ec2-volume-unattached",
    "aws-iam-user-old-access-key",
)


def test_why_it_fails_is_explained_by_the_same_evidence(audited_whole: Any) -> None:
    installation, explained = audited_whole.installation, set()
    for finding in installation.findings().values():
        key = finding["policy"]["key"]
        if key in explained or key not in EXPLAINED:
            continue
        explained.add(key)
        told = installation.services.audits.explanation(tenant=installation.tenant, finding=finding)
        assert (told["outcome"], told["evidence"]) == ("fail", finding["evidence"])
        [fails] = [c["step"] for c in told["conditions"] if c["field"] == "fail_when"]
        assert (fails["value"], fails["decided"]) == (True, True)
    assert len(explained) >= 3


def test_an_explanation_that_takes_too_much_is_refused(
    audited_whole: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = audited_whole.installation.finding(
        "aws-s3-bucket-plain-http", "larkspur-public-assets"
    )
    services, tenant = audited_whole.installation.services, audited_whole.installation.tenant
    for name, value in (("SECONDS", 0), ("MEMORY", 8 * 1024 * 1024)):
        with monkeypatch.context() as patch:
            patch.setattr(explanations, name, value)
            with pytest.raises(explanations.NotExplainableError, match="cannot be explained"):
                services.audits.explanation(tenant=tenant, finding=finding)


def test_what_the_emulator_holds_fails_as_its_truth_says_and_nothing_of_it_is_unknown(
    audited_whole: Any, deployed: Any
) -> None:
    installation, audit = audited_whole.installation, audited_whole.audits[0]
    truths = {
        each.native_id: each for each in deployed.manifest.truths if each.account == MAIN_ACCOUNT
    }
    blocks = Blocks(
        installation.services.database, tenant=installation.tenant, audit_id=audit["id"]
    )
    outcomes = {
        (block.key, line["native_id"]): line["outcome"]
        for block in blocks.all(OBSERVATIONS)
        for line in blocks.lines(block)
        if line["native_id"] in truths
    }
    failing = {who for who, outcome in outcomes.items() if outcome == "fail"}
    wrong = {(key, each.native_id) for each in truths.values() for key in each.fails}
    assert sorted(failing - wrong) == []
    assert sorted(wrong - failing) == []
    assert {native_id for _, native_id in outcomes} == truths.keys()
