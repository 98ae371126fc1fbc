"""Reports of a real audit: what they are made from, and a seal that anyone can check."""

from __future__ import annotations

import os
from typing import Any

import orjson
import pytest

from cloudsealed.kit.canonical import sha256
from cloudsealed.reports.kinds import build
from cloudsealed.reports.look import PLAIN
from cloudsealed.reports.model import Report, ReportRequest, ReportSource
from cloudsealed.reports.render import render_pdf
from cloudsealed.reports.source import ReportSources
from cloudsealed.storage.keys import Key, KeyFileError, KeyRing
from cloudsealed.testing.estate_site import ALIAS, MAIN_ACCOUNT
from cloudsealed.vocabulary import ReportKind, ReportStatus, Severity

MOMENT = "2026-11-21T10:00:00.000Z"


def source_of(
    audited: Any, number: int, *seal_keys: Key, language: str | None = None
) -> ReportSource:
    """Return what a summary of one of the audits is made from, with these keys of seals."""
    services, tenant = audited.installation.services, audited.installation.tenant
    keys = KeyRing({**services.keys.keys, "seal": seal_keys or services.keys.all("seal")})
    sources = ReportSources(
        tenants=services.tenants,
        users=services.users,
        policies=services.policies,
        events=services.events,
        audits=services.audits,
        findings=services.findings,
        resources=services.resources,
        keys=keys,
        owner_tags=(),
        look=PLAIN,
    )
    ident = audited.audits[number]["id"]
    request = ReportRequest(ReportKind.EXECUTIVE_SUMMARY, ident, language=language)
    return sources(tenant, Report("rep_1", ReportStatus.RUNNING, request, created_at=MOMENT))


def test_the_first_audit_has_nothing_to_compare_with(audited: Any) -> None:
    source = source_of(audited, 0)
    assert source.since is None
    assert [audit["id"] for audit in source.history] == [audited.audits[0]["id"]]


def test_a_report_is_in_the_language_that_was_asked_for(audited: Any) -> None:
    assert source_of(audited, 0).look.language == "en"
    assert source_of(audited, 0, language="fr").look.language == "fr"


def test_an_audit_is_compared_with_the_one_before(audited: Any) -> None:
    first, second, _ = audited.audits
    source = source_of(audited, 1)
    assert source.since is not None
    assert source.since.audit["id"] == first["id"]
    assert (list(source.since.entered), list(source.since.left)) == ([], [])
    assert [audit["id"] for audit in source.history] == [first["id"], second["id"]]


def test_a_reanalysis_stands_for_its_ledger_and_is_compared_with_its_parent(audited: Any) -> None:
    source = source_of(audited, 2)
    assert [audit["id"] for audit in source.history] == [audited.audits[2]["id"]]
    assert source.since is not None
    assert source.since.audit["id"] == audited.audits[0]["id"]


def test_the_seals_digest_is_what_the_next_seal_names(audited: Any) -> None:
    services, tenant = audited.installation.services, audited.installation.tenant
    envelope = services.audits.seal(tenant=tenant, ident=audited.audits[0]["id"])
    seal = source_of(audited, 0).seal
    assert seal is not None
    assert (seal["digest"], seal["sequence"]) == (sha256(envelope), 1)


def test_a_report_of_an_audit_that_an_older_key_sealed_can_be_made(audited: Any) -> None:
    older = audited.installation.services.keys.current("seal")
    before = source_of(audited, 0).seal
    assert source_of(audited, 0, Key("seal-new", os.urandom(32)), older).seal == before


def test_a_seal_of_a_key_that_is_gone_is_not_vouched_for(audited: Any) -> None:
    with pytest.raises(KeyFileError, match="not in the key file"):
        source_of(audited, 0, Key("seal-new", os.urandom(32)))


def test_the_same_audit_gives_the_same_bytes(audited: Any) -> None:
    request = ReportRequest(ReportKind.EXECUTIVE_SUMMARY, audited.audits[1]["id"])
    made = [build(request, source_of(audited, 1)) for _ in range(2)]
    documents = [b"".join(each.files["json"]) for each in made]
    assert documents[0] == documents[1]
    assert render_pdf(made[0].document) == render_pdf(made[1].document)
    assert made[0].document["findings"]["open"] > 100
    assert made[0].document["compliance"]


def test_no_title_of_a_finding_is_an_arn(audited: Any) -> None:
    titles = [finding["title"] for finding in source_of(audited, 0).findings]
    assert titles
    assert [title for title in titles if "arn:" in title] == []


def test_evidence_is_of_the_services_and_the_time_of_an_audits_calls(audited: Any) -> None:
    audit = audited.audits[0]
    collected = source_of(audited, 0).collected
    assert {"ec2", "iam", "s3"} <= set(collected["services"])
    assert collected["first_call_at"] <= collected["last_call_at"] <= audit["finished_at"]
    assert source_of(audited, 2).collected == collected, "a reanalysis makes no call"


def test_a_command_of_a_plan_names_the_resource_in_its_region(audited: Any) -> None:
    source = source_of(audited, 0)
    request = ReportRequest(ReportKind.REMEDIATION_PLAN, audited.audits[0]["id"])
    steps = orjson.loads(b"".join(build(request, source).files["json"]))["steps"]
    severities = [Severity(step["severity"]).rank for step in steps]
    assert severities == sorted(severities, reverse=True)
    groups = [
        (row["cli"], row["resource"])
        for step in steps
        if step["policy"]["key"].startswith("aws-ec2-sg-")
        for row in step["resources"]
        if row["cli"]  # splitting a group up is no one command
    ]
    assert groups
    for line, group in groups:
        named = f"--group-id {group['native_id'].split('/')[-1]} "
        assert (named in line, f"--region {group['region']}" in line) == (True, True)


def test_an_audit_says_what_its_accounts_are_called(audited: Any) -> None:
    for audit in audited.audits:
        named = {each["account"]: each["alias"] for each in audit["accounts"]}
        assert named == {MAIN_ACCOUNT: ALIAS}
