"""Strangers of every kind, held equal to every request of a small world; and any document."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.access.requests import anyone_may

from cloudsealed.engine import EvaluationError
from cloudsealed.engine.access.public import opening, refuses
from cloudsealed.engine.meter import Meter

NOW = datetime(2026, 11, 29, tzinfo=UTC)
OWN = "111122223333"
FIXED = ["o-a", "vpce-1", OWN]
PLAIN = {"aws:SecureTransport": "false", "s3:TlsVersion": None}
BUCKET = ("arn:aws:s3:::b", "arn:aws:s3:::b/*")


@st.composite
def lines(draw: st.DrawFn, loose: bool) -> dict[str, Any]:
    """One line of a condition."""
    keys = ["aws:PrincipalOrgID", "aws:principalaccount", "AWS:SourceVpce"]
    key = draw(
        st.sampled_from([*keys, "aws:SourceIp", "aws:SecureTransport", "", *["free"] * loose])
    )
    form = draw(st.sampled_from(["", "IfExists"]))
    if key == "":
        null = {draw(st.sampled_from(keys)): draw(st.sampled_from(["true", "false"]))}
        return {"Null": null}
    if key == "aws:SourceIp":
        blocks = ["8.8.8.0/24", "0.0.0.0/0", "0.0.0.0/1", "2000::/3", "10.0.0.0/8"]
        values = draw(st.lists(st.sampled_from(blocks), min_size=1, max_size=2))
        return {draw(st.sampled_from(["IpAddress", "NotIpAddress"])) + form: {key: values}}
    if key == "aws:SecureTransport":
        return {f"Bool{form}": {key: draw(st.sampled_from(["true", "false"]))}}
    if key == "free":
        key = draw(st.sampled_from(["aws:Referer", "aws:PrincipalArn"]))
        written = ["https://one/", "https://*", "arn:aws:iam::*:role/deploy", "*"]
    else:
        written = [*FIXED, "*"]
    qualifier = draw(st.sampled_from(["", "", "ForAllValues:", "ForAnyValue:"]))
    operator = draw(st.sampled_from(["StringLike", "StringNotLike"]))
    values = draw(st.lists(st.sampled_from(written), min_size=1, max_size=2))
    return {f"{qualifier}{operator}{form}": {key: values}}


@st.composite
def documents(draw: st.DrawFn, loose: bool = False) -> dict[str, Any]:
    """A policy of up to four statements."""
    made = []
    for _ in range(draw(st.integers(1, 4))):
        one: dict[str, Any] = {"Effect": draw(st.sampled_from(["Allow", "Deny"]))}
        who = draw(st.sampled_from(["*", "*", {"AWS": "*"}, {"AWS": OWN}, None]))
        one |= {"NotPrincipal": {"AWS": OWN}} if who is None else {"Principal": who}
        action = draw(st.sampled_from(["Action", "Action", "NotAction"]))
        patterns = st.sampled_from(["*", "s3:*", "S3:Get*", "s3:GetObject", "s3:PutObject"])
        one[action] = draw(patterns | st.lists(patterns, min_size=1, max_size=2))
        resource = draw(st.sampled_from(["Resource", "Resource", "NotResource"]))
        one[resource] = draw(st.sampled_from(["*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/x"]))
        condition: dict[str, Any] = {}
        for line in draw(st.lists(lines(loose), max_size=2)):
            for operator, keys in line.items():
                condition[operator] = {**condition.get(operator, {}), **keys}
        made.append(one | ({"Condition": condition} if condition else {}))
    return {"Statement": made}


ASKED = st.sampled_from(["*", "s3:Get*", "s3:GetObject", "s3:PutObject"])


@settings(max_examples=120)
@given(documents(), ASKED)
def test_everybody_is_let_in_where_a_request_of_a_stranger_is(
    document: dict[str, Any], action: str
) -> None:
    found = opening(Meter.at(NOW), document, (action,)) is not None
    assert found is anyone_may(document, action)


@settings(max_examples=80)
@given(documents(loose=True), ASKED)
def test_no_request_of_a_stranger_gets_past_what_is_called_closed(
    document: dict[str, Any], action: str
) -> None:
    if anyone_may(document, action):
        assert opening(Meter.at(NOW), document, (action,)) is not None


@settings(max_examples=50)
@given(documents())
def test_a_document_in_text_and_in_another_order_says_the_same(document: dict[str, Any]) -> None:
    found = opening(Meter.at(NOW), document) is not None
    turned = {"Statement": document["Statement"][::-1]}
    assert (opening(Meter.at(NOW), json.dumps(turned)) is not None) is found


_TEXT = st.sampled_from(
    ["*", "Allow", "Deny", "s3:*", "arn:aws:s3:::b", "false", "8.8.8.8/33", "${a"]
)
_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXT, inner, max_size=2),
    max_leaves=4,
)
_NAMES = ["Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource"]
_CONDITION = st.dictionaries(
    st.sampled_from(["Bool", "IpAddress", "ForAllValues:StringLike", "DateLessThan", "Null", "x"]),
    st.dictionaries(st.sampled_from(["aws:SourceIp", "aws:CurrentTime", "aws:userid"]), _ANY)
    | _ANY,
    max_size=2,
)


@settings(max_examples=150)
@given(
    st.lists(st.dictionaries(st.sampled_from(_NAMES), _TEXT | _ANY), max_size=3),
    st.lists(_CONDITION | _ANY, max_size=3),
)
def test_whatever_a_document_holds_it_is_judged_or_an_error(
    statements: list[dict[str, Any]], conditions: list[Any]
) -> None:
    for one, condition in zip(statements, conditions, strict=False):
        one.update({"Effect": "Allow", "Principal": "*", "Action": "*", **one}, Condition=condition)
    for document in ({"Statement": statements}, {"Statement": conditions}, conditions):
        with suppress(EvaluationError):
            found = opening(Meter.at(NOW), document)
            assert opening(Meter.at(NOW), document) == found
            refuses(Meter.at(NOW), document, PLAIN, ("s3:*",), BUCKET)
