from __future__ import annotations

import base64
import gzip
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collectors.secrets.corpus import Sample, samples
from tests.engine.conformance import folder

from cloudsealed.collectors.secrets import kinds_of

ALL = samples()
RECORDED = folder().parent / "verdicts" / "secrets.jsonl"


def wrong(sample: Sample) -> bool:
    return bool(kinds_of(sample.value, sample.name)) is not sample.secret


def test_there_are_400_values_of_every_place_and_both_sides() -> None:
    counts = Counter((sample.place, sample.secret) for sample in ALL)
    assert len(ALL) >= 400
    assert len(counts) == 6
    assert min(counts.values()) >= 15


@pytest.mark.parametrize("place", ["environment", "stack_parameter", "user_data"])
def test_no_harmless_value_is_called_a_secret_and_every_secret_is_one(place: str) -> None:
    assert [sample for sample in ALL if sample.place == place and wrong(sample)] == []


@pytest.mark.skipif(
    not RECORDED or not RECORDED.exists(), reason="verdicts/secrets.jsonl is not in the test data"
)
def test_values_that_others_judged_are_judged_alike() -> None:
    rows = [json.loads(line) for line in RECORDED.read_text().splitlines()]
    given = [
        Sample(
            row["place"],
            "" if row["place"] == "user_data" else row["name"],
            "".join(row["parts"]),
            row["secret"],
        )
        for row in rows
    ]
    assert [sample for sample in given if wrong(sample)] == []


@pytest.mark.parametrize("sample", [each for each in ALL if each.place == "user_data"], ids=str)
def test_base64_and_gzip_hide_nothing_and_make_nothing(sample: Sample) -> None:
    said = bool(kinds_of(sample.value))
    assert bool(kinds_of(base64.b64encode(sample.value.encode()).decode())) is said
    assert bool(kinds_of(base64.b64encode(gzip.compress(sample.value.encode())).decode())) is said


@given(st.text(), st.text())
def test_any_text_under_any_name_has_an_answer(text: str, name: str) -> None:
    assert isinstance(kinds_of(text, name), frozenset)


def test_the_name_alone_makes_no_secret() -> None:
    for value in ("", "true", "3600", "****", "${TOKEN}", "/run/secrets/token", "2026-11-29"):
        for name in ("DB_PASSWORD", "API_TOKEN", "CLIENT_SECRET", "STRIPE_KEY", "BASIC_AUTH"):
            assert not kinds_of(value, name), (name, value)


def test_nested_bombs_of_base64_end() -> None:
    bomb = base64.b64encode(gzip.compress(b"A" * 50_000_000))
    for _ in range(6):
        bomb = base64.b64encode(gzip.compress(b" ".join([bomb] * 50)))
    assert kinds_of(bomb.decode()) == frozenset()


@pytest.mark.parametrize(
    "build",
    [
        "env:\n  secrets-manager:\n    DB_PASSWORD: prod/db:password\n    API_TOKEN: Deploy9:key\n",
        "env:\r\n  secrets-manager: # names\r\n\r\n    DB_PASSWORD: db:password:AWSCURRENT\r\n",
        '{"env": {"secrets-manager": {"DB_PASSWORD": "prod/db:password"}}}',
    ],
)
def test_variables_of_a_build_that_name_a_secret_hold_none(build: str) -> None:
    assert kinds_of(build, "buildspec") == frozenset()


def test_what_stands_beside_the_named_secrets_of_a_build_is_looked_at() -> None:
    named = "env:\n  secrets-manager:\n    DB_PASSWORD: prod/db:password\n"
    held = "  variables:\n    API_PASSWORD: Tr0ub4dor3xy\n"
    assert kinds_of(named + held, "buildspec") == {"password_assignment"}
