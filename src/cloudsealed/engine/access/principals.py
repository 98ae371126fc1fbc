"""Whether a statement is about everybody.

Source: the AWS IAM user guide, "AWS JSON policy elements: Principal" and "NotPrincipal". The
account of a principal with a wildcard is any account. Services, federated users and canonical users
are none of everybody.
"""

from __future__ import annotations

import re
from typing import Any, Final

from cloudsealed.engine.access.statements import texts
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.values import Value

_ANY_ACCOUNT: Final = re.compile(r"\*+|arn:[^:]*:(iam|sts|\*):[^:]*:[*?]+:.*")
_OF_EVERYBODY: Final = ("AWS", "*", "CanonicalUser")


def is_everyone(meter: Meter, principal: Value) -> bool:
    """Whether a Principal element takes in everybody: `*`, or an ARN of any account."""
    if principal.__class__ is dict:
        listed = [
            text
            for kind in _OF_EVERYBODY
            if kind in principal
            for text in texts(meter, principal[kind], f"Principal.{kind}")
        ]
    else:
        listed = texts(meter, principal, "Principal")
    return any(map(_ANY_ACCOUNT.fullmatch, listed))


def takes_in_strangers(meter: Meter, statement: dict[str, Any]) -> bool:
    """Whether a statement is about callers whom the owner does not know."""
    if "NotPrincipal" in statement:
        return not is_everyone(meter, statement["NotPrincipal"])
    return is_everyone(meter, statement.get("Principal"))


def spares_nobody(meter: Meter, statement: dict[str, Any]) -> bool:
    """Whether a statement is about every caller there is."""
    return "NotPrincipal" not in statement and is_everyone(meter, statement.get("Principal"))
