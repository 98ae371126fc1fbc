"""What only connections to AWS say: the role that is assumed, and which regions count."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cloudsealed.collectors.fields import regions
from cloudsealed.kit.shapes import Component, FormError, Part, Path, Text
from cloudsealed.vocabulary import ConnectionMethod

ROLE: Final = "arn:aws:iam::123456789012:role/cloudsealed"
REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,512}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _RoleArn(Text):
    """The ARN of a role that can be assumed."""

    def read(self, value: Any, at: Path) -> str:
        text = Text.read(self, value, at)
        if not _ROLE.fullmatch(text):
            raise FormError(at, "must be the ARN of an IAM role")
        return text


FIELDS: Final[Mapping[str, Part]] = {
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
        regions("AwsRegion", "^[a-z]{2}(-[a-z]+)+-[0-9]$", "A region of AWS.", "eu-west-1", REGION),
        "The regions to look at; left out or null: every enabled one.",
        example=["eu-west-1"],
    ),
}
METHODS: Final[Mapping[ConnectionMethod, str | None]] = {
    ConnectionMethod.AMBIENT: None,
    ConnectionMethod.ASSUME_ROLE: "role_arn",
}
EXAMPLE: Final = {"name": "production", "method": "assume_role", "role_arn": ROLE}
