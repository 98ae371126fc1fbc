"""Which checks yield to which: in the order of their lists, along what fails, never all of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsealed.policies.model import PolicyVersion
from cloudsealed.policies.yielding import Yields
from cloudsealed.vocabulary import PolicyKind

KEYS = "abcdef"


def yields(**others: str) -> Yields:
    """`yields(a="bc")`: a yields to b and c; every letter is a check."""
    return Yields.of(
        PolicyVersion(
            f"pol_{key}", key, 1, PolicyKind.CHECK, {"yields_to": list(others.get(key, ""))}
        )
        for key in KEYS
    )


@pytest.mark.parametrize(
    ("others", "failing", "silent", "asking"),
    [
        ({"a": "b"}, "ab", "", "b"),
        ({"a": "b"}, "a", "", None),
        ({"a": "b"}, "ab", "b", None),
        ({"a": "bc"}, "abc", "", "b"),
        ({"a": "bc"}, "ac", "", "c"),
        ({"a": "bc"}, "abc", "b", "c"),
        ({"a": "b", "b": "c"}, "abc", "", "c"),
        ({"a": "b", "b": "c"}, "ab", "", "b"),
        ({"a": "b", "b": "c"}, "ac", "", None),
        ({"a": "b", "b": "c"}, "abc", "b", "c"),
        ({"a": "b", "b": "c"}, "abc", "c", "b"),
        ({"a": "bc", "b": "d", "c": "d"}, "abcd", "d", "b"),
    ],
)
def test_in_the_place_of_one_that_fails_the_first_that_fails_above_it_asks(
    others: dict[str, str], failing: str, silent: str, asking: str | None
) -> None:
    assert yields(**others).asking("a", failing, silent) == asking


def test_what_is_above_and_below_is_so_through_others_too() -> None:
    found = yields(a="b", b="cd")
    assert found.above == {"a": {"b", "c", "d"}, "b": {"c", "d"}}
    assert found.below == {"b": {"a"}, "c": {"a", "b"}, "d": {"a", "b"}}


GRAPHS = st.fixed_dictionaries({key: st.text(KEYS, max_size=3) for key in KEYS})


@given(GRAPHS, st.sets(st.sampled_from(KEYS), min_size=1), st.sets(st.sampled_from(KEYS)))
def test_whatever_is_said_somebody_asks_who_yields_to_none_that_asks(
    others: dict[str, str], failing: set[str], silent: set[str]
) -> None:
    found = yields(**others)
    counting = failing - silent
    asking = {key: found.asking(key, failing, silent) for key in counting}
    assert bool(counting) == any(other is None for other in asking.values())
    for key, other in asking.items():
        assert other is None or (other in counting and asking[other] is None), key
