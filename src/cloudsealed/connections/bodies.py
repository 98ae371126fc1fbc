"""What bodies about connections may say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cloudsealed.kit.shapes import (
    NAME,
    Component,
    FormError,
    Part,
    Path,
    Record,
    Text,
    Texts,
    ident,
    words,
)
from cloudsealed.vocabulary import ConnectionMethod, Provider

CONNECTION_ID = ident("ConnectionId", "con", "a connection")
MOST_CONNECTIONS = 100
ROLE = "arn:aws:iam::123456789012:role/cloudsealed"
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,512}", re.ASCII)
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
_MOST_REGIONS = 50
_NAME = "Its name, unique in the tenant."


@dataclass(frozen=True, slots=True)
class _RoleArn(Text):
    """The ARN of a role that can be assumed."""

    def read(self, value: Any, at: Path) -> str:
        text = Text.read(self, value, at)
        if not _ROLE.fullmatch(text):
            raise FormError(at, "must be the ARN of an IAM role")
        return text


@dataclass(frozen=True, slots=True)
class _Regions(Texts):
    """Some of a provider's regions."""

    def read(self, value: Any, at: Path) -> tuple[str, ...]:
        found = Texts.read(self, value, at)
        for region in found:
            if not _REGION.fullmatch(region):
                raise FormError(at, f"names no region: {region}")
        return found


def regions(name: str, pattern: str, doc: str) -> Texts:
    """Return the shape of a list of regions, each of which a document knows by a name."""
    region = Component(name, Text(longest=64, told=pattern, least=0), doc, ("eu-west-1",))
    return _Regions(region, most=_MOST_REGIONS)


_REGIONS = regions("AwsRegion", "^[a-z]{2}(-[a-z]+)+-[0-9]$", "A region of AWS.")

CONNECTION = Component(
    "ConnectionBody",
    Record(
        {
            "provider": Part(words(Provider), "The cloud to reach.", needed=True, example="aws"),
            "name": Part(NAME, _NAME, needed=True, example="production"),
            "method": Part(
                words((ConnectionMethod.AMBIENT, ConnectionMethod.ASSUME_ROLE)),
                "How it gets credentials; left out or null: `assume_role` if there is a role,"
                " else `ambient`, the process's own.",
                example="assume_role",
            ),
            "role_arn": Part(
                Component(
                    "RoleArn",
                    _RoleArn(told=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[^\s\u0000]+$", least=0),
                    "ARN of an IAM role.",
                    (ROLE,),
                ),
                "The role to assume.",
            ),
            "regions": Part(
                _REGIONS,
                "The regions to look at; left out or null: every enabled one.",
                example=["eu-west-1"],
            ),
        }
    ),
    "A new connection; `role_arn` goes with the method assume_role, and only with it.",
    ({"provider": "aws", "name": "production", "method": "assume_role", "role_arn": ROLE},),
)

CONNECTION_CHANGE = Component(
    "ConnectionPatch",
    Record(
        {
            "name": Part(NAME, _NAME, needed=True, example="staging"),
            "regions": Part(
                _REGIONS,
                "The regions to look at; null: every enabled one.",
                example=["eu-west-1", "us-east-1"],
            ),
        },
        change=True,
    ),
    "A change of a connection's name or regions; what is left out stays.",
    ({"name": "staging"},),
)


def connections(doc: str, *, needed: bool = True, example: Any = None) -> Part:
    """Return the field of a body that names connections."""
    shape = Texts(CONNECTION_ID, most=MOST_CONNECTIONS)
    return Part(shape, doc, needed=needed, example=example)


FIXED = ("provider", "method", "role_arn")
"""What a change may repeat, but not change."""


def without_fixed(body: Any) -> Any:
    """Return a change without what it only repeats."""
    if not isinstance(body, Mapping):
        return body
    return {name: value for name, value in body.items() if name not in FIXED}
