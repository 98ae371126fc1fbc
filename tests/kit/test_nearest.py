"""The nearest known name to one that is not known."""

from __future__ import annotations

import pytest

from cloudsealed.kit.nearest import LONGEST, closest, did_you_mean, nearest

REGIONS = ("eu-central-1", "eu-west-3", "eu-west-1", "us-east-1")


@pytest.mark.parametrize(
    ("value", "near"),
    [
        ("eu-west-9", "eu-west-1"),  # of equals the first
        ("EU-WEST-3", "eu-west-3"),
        ("east", "us-east-1"),
        ("zz", None),
        ("", None),
        ("x" * (LONGEST + 1), None),
    ],
)
def test_it_is_the_name_written_most_alike_whatever_the_case(value: str, near: str | None) -> None:
    assert nearest(value, REGIONS) == near


def test_it_is_the_end_of_a_sentence_or_nothing() -> None:
    assert did_you_mean("s4", {"s3"}) == "; did you mean 's3'?"
    assert did_you_mean("s4", ()) == ""


def test_of_equally_near_names_the_one_of_the_same_letters_is_meant() -> None:
    assert closest("Nmae", ("Made", "Name")) == "Name"
    assert closest("zame", ("Made", "Zone", "Name")) == "Name"
