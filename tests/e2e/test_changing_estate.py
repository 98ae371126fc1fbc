"""Audits of an estate that people mend and break between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.e2e.installation import Document

from cloudsealed.testing.emulator import Emulator
from cloudsealed.testing.estate import deploy
from cloudsealed.testing.estate_mutations import EstateEditor

VERSIONS, BUCKET = "aws-s3-bucket-versioning-off", "larkspur-public-assets"
VOLUME, SPARE = "aws-ec2-volume-unattached", "larkspur-spare"
SSH, BASTION = "aws-ec2-sg-ssh-open", "larkspur-bastion"
FOLLOWED = {"bucket": (VERSIONS, BUCKET), "volume": (VOLUME, SPARE), "ssh": (SSH, BASTION)}


@pytest.fixture(scope="module")
def story(
    install: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[dict[str, Document]]]:
    """How the followed findings stood: at first, after mending, after breaking again."""
    with Emulator() as emulator:
        deploy(emulator.endpoint, with_held=False)
        installation = install(tmp_path_factory.mktemp("changing"), emulator)
        editor = EstateEditor(emulator.endpoint)

        def told() -> dict[str, Document]:
            audit = installation.audit(services=["s3", "ec2"], regions=["eu-west-1"])
            assert audit["status"] == "completed"
            found = {name: installation.finding(*which) for name, which in FOLLOWED.items()}
            return {"audit": audit, "all": installation.findings(), **found}

        chapters = [told()]
        editor.site.client("s3").put_bucket_versioning(
            Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"}
        )
        editor.delete_volume(SPARE)
        editor.close_group(BASTION)
        chapters.append(told())
        editor.spoil_bucket(BUCKET)
        editor.add_open_group("larkspur-new-bastion")
        chapters.append(told())
        chapters.append({"events": installation.events()})  # type: ignore[dict-item]  # a list
        yield chapters


def test_what_is_wrong_is_open(story: Any) -> None:
    assert {story[0][name]["status"] for name in FOLLOWED} == {"open"}


@pytest.mark.parametrize("name", ["bucket", "ssh"])
def test_what_was_mended_is_resolved_as_fixed(story: Any, name: str) -> None:
    found = story[1][name]
    assert (found["status"], found["resolution"]) == ("resolved", "fixed")
    assert found["resolved_at"] > found["last_seen_at"] == story[0][name]["last_seen_at"]
    assert found["last_observation"] == "pass"


def test_what_was_deleted_is_resolved_as_deleted(story: Any) -> None:
    found = story[1]["volume"]
    assert (found["status"], found["resolution"]) == ("resolved", "resource_deleted")
    assert story[2]["volume"] == found


def test_what_breaks_again_is_the_same_finding_reopened(story: Any) -> None:
    found = story[2]["bucket"]
    assert (found["status"], found["resolution"], found["resolved_at"]) == ("open", None, None)
    assert found["id"] == story[0]["bucket"]["id"]
    assert found["first_seen_at"] == story[0]["bucket"]["first_seen_at"]
    assert found["audit_id"] == story[2]["audit"]["id"]


def test_what_is_new_opens_and_what_nobody_touched_stays(story: Any) -> None:
    new = story[2]["all"].keys() - story[0]["all"].keys()
    assert "aws-ec2-sg-ssh-open" in {story[2]["all"][ident]["policy"]["key"] for ident in new}
    touched = {BUCKET, SPARE, BASTION}
    for ident, before in story[0]["all"].items():
        after = story[1]["all"][ident]
        if after["status"] != before["status"]:
            names = {after["resource"]["name"]}
            assert names & touched or after["policy"]["key"] == "aws-ec2-sg-unused"


def test_each_change_is_announced_once(story: Any) -> None:
    happened = story[3]["events"]
    for name, kinds in {
        "bucket": ["finding.opened", "finding.resolved", "finding.reopened"],
        "volume": ["finding.opened", "finding.resolved"],
        "ssh": ["finding.opened", "finding.resolved"],
    }.items():
        ident = story[0][name]["id"]
        assert [kind for kind, subject in happened if subject == ident] == kinds


def test_verdicts_of_a_changed_estate_differ(story: Any) -> None:
    assert len({chapter["audit"]["verdict_digest"] for chapter in story[:3]}) == 3
