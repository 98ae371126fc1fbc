"""Every resource is known to expressions by the words of the API, where its document has no own."""

from __future__ import annotations

from typing import Any

import pytest
from tests.audits.world import ACCOUNT, Clock, Cloud

from cloudsealed.audits.classifying.classify import Classifier
from cloudsealed.audits.judging.given import Reads, given
from cloudsealed.audits.judging.purse import Purse
from cloudsealed.engine import ExpressionError
from cloudsealed.policies.rules import RESOURCE_NAMES, compile_check, compile_classification
from cloudsealed.vocabulary import CallOutcome

ARN = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:orders"
TRUE = (
    "resource.type == 'aws.sqs.queue'",
    "resource.name == 'orders'",
    "resource.region == 'eu-west-1' && resource.account == '123456789012'",
    f"resource.provider == 'aws' && resource.native_id == '{ARN}'",
    "resource.tags['env'] == 'prod' && has(resource.tags.env) && !has(resource.tags.team)",
    "resource['type'].startsWith('aws.sqs.') && resource.?name.orValue('') != ''",
    "finding.resource_type == resource.type",
)


@pytest.fixture
def judged(begin: Any, cloud: Cloud, check: Any, classification: Any) -> Any:
    """Returns the observation of a queue that a check or a classification was tried on."""
    cloud.queues["orders"], cloud.tags["env"] = {}, "prod"

    def judged(fail_when: str, when: str | None = None) -> dict[str, Any]:
        audit = begin()
        audit.collect(cloud)
        said = [] if when is None else [classification("c", when, set={"severity": "critical"})]
        audit.judge(check(fail_when, message="{resource.type}: {resource.tags.env}"), *said)
        found: dict[str, Any] = audit.lines("queues")["orders"]
        return found

    return judged


@pytest.mark.parametrize("when", TRUE)
def test_a_classification_reads_a_resource_by_the_words_of_the_api(judged: Any, when: str) -> None:
    assert judged("true", when)["severity"] == "critical"
    assert judged("true", f"!({when})")["severity"] == "high"


@pytest.mark.parametrize("fail_when", TRUE[:-1])
def test_a_check_reads_them_too_and_its_message_shows_them(judged: Any, fail_when: str) -> None:
    line = judged(fail_when)
    assert (line["outcome"], line["title"]) == ("fail", "aws.sqs.queue: prod")


def test_a_field_of_the_documents_own_stands_before_the_word_of_the_api() -> None:
    snapshot = {
        "type": "aws.eks.cluster",
        "name": "api's",
        "unread": {},
        "document": {"name": "own"},
    }
    rule = compile_check(
        {"fail_when": "resource.name == 'own'", "resource_types": ["aws.eks.cluster"]}
    )
    found = given(Reads.of(rule, ()), snapshot, {})
    assert (found.resource["name"], found.partly) == ("own", False)


@pytest.mark.parametrize(
    ("when", "severity"),
    [
        ("resource.tags.env != 'prod'", "high"),
        ("!has(resource.tags.env)", "high"),
        ("resource.type == 'aws.sqs.queue' || resource.tags.env == 'x'", "critical"),
    ],
)
def test_tags_that_could_not_be_read_are_not_taken_for_none(
    judged: Any, cloud: Cloud, when: str, severity: str
) -> None:
    for operation in ("GetResources", "ListQueueTags"):
        cloud.faults[operation] = (CallOutcome.DENIED, "AccessDenied")
    assert judged("true", when)["severity"] == severity


def test_the_error_names_the_way() -> None:
    with pytest.raises(ExpressionError) as met:
        compile_classification({"when": "resource.sort == 'aws.ec2.address'"})
    for name in (*RESOURCE_NAMES, "resource_type"):
        assert name in met.value.message
    with pytest.raises(ExpressionError, match="every resource has account, name"):
        compile_check({"fail_when": "resource.sort == 1", "resource_types": ["aws.s3.bucket"]})


def test_of_a_snapshot_alone_a_classification_knows_the_same(
    classification: Any, clock: Clock
) -> None:
    snapshot = {
        "type": "aws.ec2.address",
        "name": None,
        "region": "eu-west-1",
        "account": ACCOUNT,
        "provider": "aws",
        "native_id": "arn:x",
        "tags": {},
        "unread": {},
        "document": {},
    }
    version = classification("c", "resource.type == 'aws.ec2.address'", suppress=True)
    found = Classifier([version], Purse(each=60)).classify(
        {"severity": "high"}, snapshot, clock.now
    )
    assert found.suppressed
