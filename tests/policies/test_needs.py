"""What nothing reads: neither a condition, a relation, a message, a classification nor a row."""

from __future__ import annotations

from typing import Any

import pytest

from cloudsealed.packs import load_policies
from cloudsealed.policies import needs
from cloudsealed.policies.needs import not_asked
from cloudsealed.vocabulary import PolicyKind

BALANCER = "aws.elb.load_balancer"
CHECK: dict[str, Any] = {"resource_types": [BALANCER], "fail_when": "false"}


def of(kind: PolicyKind = PolicyKind.CHECK, **said: Any) -> dict[str, set[str]]:
    found = not_asked([(kind, {**CHECK, **said} if kind is PolicyKind.CHECK else said)])
    return {name: set(attributes) for name, attributes in found.items()}


def test_what_no_policy_reads_is_not_asked_for() -> None:
    assert of()[BALANCER] == {"Attributes", "PolicyDescriptions"}


@pytest.mark.parametrize(
    "said",
    [
        {"fail_when": "resource.Attributes.AccessLog.Enabled"},
        {"applies_when": "has(resource.Attributes)"},
        {"message": "drained: {resource.Attributes.ConnectionDraining.Enabled}"},
        {"fail_when": "nonsense("},
    ],
    ids=["condition", "where it applies", "message", "does not compile"],
)
def test_what_a_check_reads_is_asked_for(said: dict[str, Any]) -> None:
    assert "Attributes" not in of(**said).get(BALANCER, set())


def test_who_reads_a_document_as_a_whole_needs_all_of_it() -> None:
    found = of(fail_when="size(resource) > 3")
    assert BALANCER not in found
    assert "Policy" in found["aws.s3.bucket"]


def test_what_is_read_of_related_resources_is_asked_for_and_what_joins_them_too() -> None:
    groups = {"type": "aws.kms.key", "from": "Attributes.AccessLog.S3BucketName", "key": "Policy"}
    found = of(
        related={"keys": groups}, fail_when="related.keys.exists(k, k.RotationEnabled == true)"
    )
    assert "Attributes" not in found[BALANCER]
    assert {"RotationEnabled", "Policy", "Metadata"}.isdisjoint(found["aws.kms.key"])


def test_a_relation_that_no_condition_reads_is_joined_all_the_same() -> None:
    groups = {"type": "aws.kms.key", "from": "KeyId", "key": "Policy"}
    assert "Policy" not in of(related={"keys": groups})["aws.kms.key"]


def test_a_classification_reads_of_every_type() -> None:
    found = of(PolicyKind.CLASSIFICATION, when="resource.Attributes.AccessLog.Enabled == true")
    assert "Attributes" not in found[BALANCER]
    assert "Policy" in found["aws.s3.bucket"]


def test_tags_names_and_relations_of_the_rows_are_always_asked_for() -> None:
    for name, attributes in of().items():
        assert "Tags" not in attributes, name
    assert "Attributes" not in of()["aws.sns.topic"]  # its name is there
    assert "Logging" not in of()["aws.s3.bucket"]  # a relation leads from there
    assert "Aliases" not in of()["aws.iam.account"]


def test_what_ships_leaves_out_calls_a_resource_that_no_policy_needs() -> None:
    found = not_asked([(PolicyKind.CHECK, spec.words) for spec in load_policies()])
    left = {name: set(attributes) for name, attributes in found.items() if attributes}
    assert left["aws.ec2.snapshot"] == {"CreateVolumePermissions"}
    assert left["aws.secretsmanager.secret"] == {"ResourcePolicyOf"}


def test_what_is_kept_of_what_policies_read_is_what_they_read() -> None:
    for spec in load_policies():
        found = list(needs._found(PolicyKind.CHECK, spec.words))
        assert needs._read(PolicyKind.CHECK, spec.words) == found


def test_a_policy_that_was_changed_is_read_anew() -> None:
    for spec in load_policies()[:3]:
        words = {**spec.words, "fail_when": "has(resource.Arn)", "severity_when": []}
        found = dict(needs._read(PolicyKind.CHECK, words))
        assert "Arn" in (found[spec.resource_types[0]] or ())
