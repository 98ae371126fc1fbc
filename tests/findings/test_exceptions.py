"""A file of accepted risks: what it is about, until when, and what is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from cloudsealed.findings.exceptions import Exceptions, is_accepted, read_exceptions
from cloudsealed.packs import PolicyFileError

KEYS = ("ssh-open", "public-bucket", *(f"policy-{number}" for number in range(20)))
NO_TIME = "must be an RFC 3339 time such as 2026-01-31T00:00:00Z"
NOW = "2026-06-01T12:00:00.000Z"


def finding(policy: str = "ssh-open", **given: Any) -> dict[str, Any]:
    resource = {
        "native_id": "arn:aws:ec2:eu-west-1:123456789012:security-group/sg-1",
        "name": "bastion",
        "account": "123456789012",
        "region": "eu-west-1",
    }
    return {"policy": {"key": policy}, "triage": None, "resource": {**resource, **given}}


def read(*lines: str) -> Exceptions:
    entry = {
        "policy": "ssh-open",
        "resource": "bastion",
        "reason": "a bastion",
        "expires_at": "2026-12-31",
    }
    for line in lines:
        name, _, value = line.partition(": ")
        entry[name] = value
    body = "\n    ".join(f"{name}: {value}" for name, value in entry.items())
    return read_exceptions(f"exceptions:\n  - {body}\n", file="ex.yaml", policies=KEYS)


def errors(text: str) -> list[str]:
    with pytest.raises(PolicyFileError) as refused:
        read_exceptions(text, file="ex.yaml", policies=KEYS)
    return [str(each) for each in refused.value.every]


def accepts(exceptions: Exceptions, found: dict[str, Any], now: str = NOW) -> bool:
    [seen] = exceptions.applied([found])
    return is_accepted(seen, now)


@pytest.mark.parametrize(
    ("said", "accepted"),
    [
        (("resource: bastion",), True),
        (("resource: arn:aws:ec2:eu-west-1:123456789012:security-group/sg-1",), True),
        (("resource: arn:aws:ec2:*:security-group/sg-*",), True),
        (('resource: "*"',), True),
        (("resource: bas*on",), True),
        (("resource: bastion*",), True),
        (("resource: bastion*n",), False),  # a character counts once
        (('resource: "*x*"',), False),
        (("resource: bast",), False),
        (("resource: .astion",), False),  # a point is a point
        (("account: 123456789012",), True),  # a number, as YAML reads it
        (('account: "210987654321"',), False),
        (("region: eu-*",), True),
        (("region: us-east-1",), False),
        (("policy: public-bucket",), False),
    ],
)
def test_an_exception_is_about_what_it_names(said: tuple[str, ...], accepted: bool) -> None:
    assert accepts(read(*said), finding()) is accepted


@pytest.mark.parametrize(
    ("end", "now", "counts"),
    [
        ("2026-12-31", "2026-12-31T23:59:59.000Z", True),  # the day itself still counts
        ("2026-12-31", "2027-01-01T00:00:00.000Z", False),
        ("2026-12-31T10:00:00+02:00", "2026-12-31T07:59:59.000Z", True),
        ("2026-12-31T10:00:00+02:00", "2026-12-31T08:00:00.000Z", False),
    ],
)
def test_an_exception_counts_until_its_end(end: str, now: str, counts: bool) -> None:
    assert accepts(read(f"expires_at: {end}"), finding(), now) is counts


def test_an_accepted_finding_reads_as_one_that_a_person_accepted() -> None:
    [seen] = read("accepted_by: Ann").applied([finding()])
    assert seen["triage"] == {
        "state": "accepted_risk",
        "assignee": None,
        "note": "a bastion",
        "expires_at": "2026-12-31T23:59:59.999Z",
        "updated_at": None,
        "updated_by": "Ann",
    }


def test_what_a_person_accepted_stays_theirs_and_other_triage_gives_way() -> None:
    theirs = {"state": "false_positive", "expires_at": None}
    [kept] = read().applied([finding() | {"triage": theirs}])
    assert kept["triage"] == theirs
    seen = {"state": "in_progress", "expires_at": None}
    assert accepts(read(), finding() | {"triage": seen})


def test_of_two_exceptions_the_one_that_ends_last_counts() -> None:
    text = """exceptions:
  - {policy: ssh-open, resource: "*", reason: short, expires_at: 2026-01-31}
  - {policy: ssh-open, resource: bastion, reason: long, expires_at: 2026-12-31}
"""
    exceptions = read_exceptions(text, file="ex.yaml", policies=KEYS)
    [seen] = exceptions.applied([finding()])
    assert seen["triage"]["note"] == "long"
    assert list(exceptions.remarks(NOW)) == [
        "ex.yaml:2: ssh-open on * ended 2026-01-31, and counts no more"
    ]


def test_an_exception_that_is_about_nothing_is_told() -> None:
    exceptions = read("resource: nosuch")
    assert not accepts(exceptions, finding())
    assert list(exceptions.remarks(NOW)) == [
        "ex.yaml:2: ssh-open on nosuch is about no finding of this audit"
    ]


def test_everything_that_is_wrong_is_told_with_its_line_and_field() -> None:
    told = errors("""exceptions:
  - policy: ssh-opne
    resource: bastion
    reason: why
    expires_at: 2026-02-30
  - policy: ssh-open
    resource: bastion
    because: why
    expires_at: tomorrow
""")
    assert told == [
        "ex.yaml:2:13: exceptions[0].policy cannot be 'ssh-opne'; did you mean 'ssh-open'?",
        "ex.yaml:5:17: exceptions[0].expires_at is no day that there is: 2026-02-30",
        "ex.yaml:6:5: missing field 'reason'",
        "ex.yaml:8:5: unknown field 'because'",
        f"ex.yaml:9:17: exceptions[1].expires_at {NO_TIME}",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("- policy: x\n", "must be a mapping"),
        ("exceptions: none\n", "exceptions must be a list"),
        ("exception: []\n", "unknown field 'exception'"),
        ("exceptions: [", "not YAML"),
        ("exceptions:\n  - {policy: ssh-open, resource: *}\n", "quote the text"),
        ("exceptions:\n  - policy: ssh-open\n    resource: *-bastion\n", "quote the text"),
        ("exceptions:\n  - policy: ssh-open\n    resource: *:x\n", "quote the text"),
    ],
)
def test_what_is_no_file_of_exceptions_is_refused(text: str, said: str) -> None:
    assert any(said in each for each in errors(text))


def test_a_file_of_no_exceptions_accepts_nothing() -> None:
    exceptions = read_exceptions("exceptions: []\n", file="ex.yaml", policies=KEYS)
    assert not accepts(exceptions, finding())
