from __future__ import annotations

import pytest

from cloudsealed.api.errors import (
    InvalidFilterError,
    InvalidRequestError,
    RepeatedParameterError,
    UnknownParameterError,
)
from cloudsealed.api.query import Parameter, parse, read_filter
from cloudsealed.storage.filters import Filter

KNOWN = {
    "name": Filter("name", ""),
    "severity": Filter("severity", "", kind="enum", choices=("low", "high")),
    "since": Filter("since", "", kind="time"),
    "limit": Parameter("limit", ""),
}
ULID = "01JD0000000000000000000000"


def test_names_and_values_are_decoded_once() -> None:
    assert parse(b"name=a%2526+b&severity=%C3%A9&", KNOWN) == {
        "name": ["a%26 b"],
        "severity": ["é"],
    }
    assert parse(b"n%61me=x", KNOWN) == {"name": ["x"]}
    assert parse(b"", KNOWN) == {}


def test_what_is_unknown_repeated_or_no_utf8_is_refused() -> None:
    with pytest.raises(UnknownParameterError, match="nome"):
        parse(b"nome=x", KNOWN)
    for query in (b"limit=1&l%69mit=1", b"since=x&since=y"):
        with pytest.raises(RepeatedParameterError):
            parse(query, KNOWN)
    with pytest.raises(InvalidRequestError):
        parse(b"name=%ff", KNOWN)


def test_a_filter_takes_several_values_by_repetition_in_the_order_given() -> None:
    assert parse(b"name=b&severity=low&name=a%2Cc", KNOWN)["name"] == ["b", "a,c"]
    assert read_filter(KNOWN["name"], ["b", "a,c", "b"]) == ("b", "a,c")
    assert read_filter(KNOWN["severity"], ["high", "low,high"]) == ("high", "low")
    with pytest.raises(InvalidFilterError, match="at most 100 values"):
        read_filter(KNOWN["name"], [str(number) for number in range(101)])


@pytest.mark.parametrize(
    ("item", "text", "values"),
    [
        (Filter("s", "", kind="enum", choices=("a", "b")), "b,a,b", ("b", "a")),
        (Filter("i", "", kind="id", prefix="res"), f"res_{ULID}", (f"res_{ULID}",)),
        (Filter("p", "", kind="policy", prefix="pol"), "a-b", ("a-b",)),
        (Filter("p", "", kind="policy", prefix="pol"), f"pol_{ULID}", (f"pol_{ULID}",)),
        (Filter("t", "", kind="time"), "2026-01-31T10:30:00+01:00", ("2026-01-31T09:30:00.000Z",)),
        (Filter("n", ""), "a,b", ("a,b",)),
        (Filter("w", "", kind="word"), "a,b", ("a", "b")),
        (Filter("g", "", kind="tag"), "env=prod,Owner=%61nn", ("env=prod", "Owner=ann")),
        (Filter("g", "", kind="tag"), "a%3Db%2C=c=d", ("a%3Db%2C=c%3Dd",)),
        (Filter("g", "", kind="tag"), "empty=", ("empty=",)),
    ],
)
def test_a_filter_is_read_by_its_kind(item: Filter, text: str, values: tuple[str, ...]) -> None:
    assert read_filter(item, [text]) == values


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (Filter("s", "", kind="enum", choices=("a", "b")), "a,"),
        (Filter("s", "", kind="enum", choices=("a", "b")), "A"),
        (Filter("i", "", kind="id", prefix="res"), f"fnd_{ULID}"),
        (Filter("i", "", kind="id", prefix="res"), f"res_{ULID},"),
        (Filter("a", "", kind="audit", prefix="aud"), f"aud_{ULID},aud_{ULID}"),
        (Filter("p", "", kind="policy", prefix="pol"), "-a"),
        (Filter("t", "", kind="time"), "2026-01-31T10:30:00"),
        (Filter("t", "", kind="time"), "0001-01-01T00:00:00+23:59"),
        (Filter("w", "", kind="word"), "a,"),
        (Filter("g", "", kind="tag"), "prod"),
        (Filter("g", "", kind="tag"), "=prod"),
        (Filter("g", "", kind="tag"), "env=100%"),
        (Filter("g", "", kind="tag"), "env=%ff"),
        (Filter("g", "", kind="tag"), "env=%00"),
        (Filter("g", "", kind="tag"), "env=a,b"),
        (Filter("n", ""), ""),
        (Filter("n", ""), "a\x00"),
        (Filter("n", ""), "x" * 3000),
    ],
)
def test_a_value_of_another_form_names_the_filter(item: Filter, text: str) -> None:
    with pytest.raises(InvalidFilterError) as caught:
        read_filter(item, [text])
    assert caught.value.code == f"invalid_{item.name}_filter"
    assert caught.value.message.startswith(f"{item.name} must be ")


def test_a_parameter_with_choices_takes_no_other() -> None:
    groups = Parameter("group_by", "", ("a", "b"), is_multiple=True)
    assert groups.read(["b", "a,b"]) == ("b", "a")
    with pytest.raises(InvalidFilterError, match="group_by must be one of: a, b"):
        groups.read(["c"])
