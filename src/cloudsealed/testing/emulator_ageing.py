"""Makes things in the emulator look older than they are, for what only fails with age.

It moves the times that moto remembers of one thing; it refuses kinds whose times it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends
from moto.utilities.utils import get_partition

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def _user(account: str, region: str, name: str) -> list[Any]:
    user = _iam(account, region).users[name]
    return [user, *user.access_keys]


def _role(account: str, region: str, name: str) -> list[Any]:
    return [each for each in _iam(account, region).roles.values() if each.name == name]


def _policy(account: str, region: str, name: str) -> list[Any]:
    found = _iam(account, region).managed_policies.values()
    return [each for each in found if each.name == name]


def _iam(account: str, region: str) -> Any:
    return iam_backends[account][get_partition(region)]


def _snapshot(account: str, region: str, ident: str) -> list[Any]:
    return [ec2_backends[account][region].snapshots[ident]]


def _instance(account: str, region: str, ident: str) -> list[Any]:
    return [ec2_backends[account][region].get_instance(ident)]


_FINDERS: dict[str, Callable[[str, str, str], list[Any]]] = {
    "aws.iam.user": _user,
    "aws.iam.role": _role,
    "aws.iam.policy": _policy,
    "aws.ec2.snapshot": _snapshot,
    "aws.ec2.instance": _instance,
}


def age(account: str, region: str, kind: str, ident: str, days: int) -> int:
    """Move every time of a thing `days` back; returns how many objects were moved.

    Raises KeyError when `kind` is not one that can age, or `ident` names nothing.
    """
    found = _FINDERS[kind](account, region, ident)
    for thing in found:
        for name, value in vars(thing).items():
            if isinstance(value, datetime):
                setattr(thing, name, value - timedelta(days=days))
            elif isinstance(value, str) and _DATE.search(value):
                setattr(thing, name, _DATE.sub(lambda date: _earlier(date[0], days), value))
    return len(found)


def _earlier(date: str, days: int) -> str:
    return (datetime.fromisoformat(date) - timedelta(days=days)).date().isoformat()
