"""Whatever a cloud answers can be stored and read back, or says that it cannot."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import orjson
import pytest

from cloudsealed.collectors.decode import credential_report, json_text
from cloudsealed.collectors.storable import DEEPEST, UnstorableError, storable
from cloudsealed.kit.canonical import canonical

BIG = 2**64
NESTED = "[" * 300 + "]" * 300


def test_a_response_becomes_json():
    east = timezone(timedelta(hours=2))
    response = {
        "At": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=east),
        "Naive": datetime(2026, 1, 2),  # noqa: DTZ001 - naive on purpose
        "Bytes": b"\x00\xff",
        "List": ({"Deep": [None, True, 1, 1.5, Decimal("2.5")]},),
    }
    assert storable(response) == {
        "At": "2026-01-02T01:04:05.678Z",
        "Naive": "2026-01-02T00:00:00.000Z",
        "Bytes": "AP8=",
        "List": [{"Deep": [None, True, 1, 1.5, "2.5"]}],
    }


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (BIG, str(BIG)),
        (-(2**63) - 1, str(-(2**63) - 1)),
        (BIG - 1, BIG - 1),
        (-(2**63), -(2**63)),
        (math.inf, "inf"),
        (math.nan, "nan"),
        ("a\ud800b", "a\\ud800b"),
        ("\u00e9\U0001f600\x00", "\u00e9\U0001f600\x00"),
        ({1: "a", "1\udfff": "b", None: "c"}, {"1": "a", "1\\udfff": "b", "None": "c"}),
        (
            datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5))),
            "9999-12-31T23:00:00-05:00",
        ),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000Z"),
        (object, "<class 'object'>"),
    ],
)
def test_what_json_cannot_hold_becomes_text_that_loses_nothing(value, stored):
    assert storable({"v": [value]}) == {"v": [stored]}
    assert orjson.loads(canonical(storable({"v": [value]}))) == {"v": [stored]}


def test_what_is_nested_too_deep_is_unstorable_and_never_runs_out_of_stack():
    value: object = "a"
    for _ in range(DEEPEST):
        value = [value]
    assert orjson.loads(canonical(storable(value))) == value
    for _ in range(100_000):
        value = {"a": value}
    with pytest.raises(UnstorableError):
        storable(value)


@pytest.mark.parametrize(
    "text", ['{"a": 1e999}', f'{{"a": {BIG}}}', '{"a": "\\ud800"}', '{"a": NaN}']
)
def test_a_policy_that_json_cannot_hold_is_read_with_text_in_its_place(text):
    found = json_text(text)
    assert isinstance(found["a"], str)
    canonical(found)


def test_a_policy_of_300_nested_lists_stays_text():
    assert json_text(NESTED) == NESTED


def test_a_credential_report_with_cells_too_many_or_too_few_is_read():
    report = "dXNlcixhcm4sbWZhCmEsYgpjLGQsdHJ1ZSxleHRyYQo="  # user,arn,mfa / a,b / c,d,true,extra
    assert credential_report(report) == [
        {"user": "a", "arn": "b", "mfa": None},
        {"user": "c", "arn": "d", "mfa": True},
    ]
