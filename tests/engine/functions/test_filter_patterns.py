from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cloudsealed.engine import EvaluationError

EVENT = {
    "eventName": "CreatePolicyVersion",
    "eventSource": "iam.amazonaws.com",
    "userIdentity": {"type": "Root"},
    "readOnly": False,
    "count": 3,
    "items": [{"port": 22}, {"port": 443}],
    "nothing": None,
}


@pytest.mark.parametrize(
    "pattern",
    [
        '{ $.eventName = "CreatePolicyVersion" }',
        "{$.eventName=CreatePolicyVersion}",
        "($.eventName=DeletePolicy)||($.eventName=CreatePolicyVersion)",
        "{ $.eventName = Create* && $.eventSource = *.amazonaws.com }",
        "{ ($.eventName = A) && ($.eventName = B) || ($.userIdentity.type = Root) }",
        "{ $.eventName = %^Create(Policy|Role)% }",
        "{ $.errorCode NOT EXISTS && $.eventName EXISTS }",
        "{ $.nothing IS NULL && $.readOnly IS FALSE && $.readOnly = false }",
        '{ $.errorCode != "AccessDenied" }',
        "{ $.count >= 3 && $.count < 3.5 && $.count = 3 && $.count != 4 }",
        "{ $.items[1].port = 443 && $.items[*].port = 22 && $.['eventName'] = * }",
        "",
        "Root",
        '"CreatePolicy" -Delete',
        "?Nothing ?Root",
        "%Create[A-Z]%",
    ],
)
def test_a_filter_counts_the_event(pattern: str, value_of: Callable[..., Any]) -> None:
    assert value_of("filter_matches(p, e)", p=pattern, e=EVENT) is True


@pytest.mark.parametrize(
    "pattern",
    [
        "{ $.eventName = CreatePolicy }",
        "{ $.eventName = createpolicyversion }",
        '{ $.userIdentity.type != "Root" }',
        "{ ($.eventName = A || $.userIdentity.type = Root) && ($.eventName = B) }",
        "{ $.eventName NOT EXISTS }",
        "{ $.errorCode = * }",
        "{ $.count > 3 }",
        "{ $.eventName > 3 }",
        "{ $.items.port = 22 }",
        "CreatePolicyVersion DeletePolicy",
        "-Root",
        "?A ?B",
        "createpolicy",
    ],
)
def test_a_filter_does_not_count_the_event(pattern: str, value_of: Callable[..., Any]) -> None:
    assert value_of("filter_matches(p, e)", p=pattern, e=EVENT) is False


@pytest.mark.parametrize(
    "pattern",
    [
        "{ $.eventName = }",
        "{ ($.eventName = A }",
        "{ eventName = A }",
        "{ $.eventName = A } extra",
        "{ $.count > many }",
        "{ $.eventName = %(% }",
        "[ip, user, ...]",
        "{ " + "(" * 60 + "$.a = b" + ")" * 60 + " }",
        "a" * 1_025,
    ],
)
def test_what_cannot_be_read_is_an_error(pattern: str, value_of: Callable[..., Any]) -> None:
    with pytest.raises(EvaluationError, match=r"pattern|regular expression"):
        value_of("filter_matches(p, e)", p=pattern, e=EVENT)
