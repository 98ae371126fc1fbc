"""What people call a resource: its name, or the shortest of its id that tells it from others; and
who they say owns it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_OF_AN_ACCOUNT = re.compile(r"root|account(?:/.*)?")
_OF_A_REGION = "region-settings"


def called(resource: Mapping[str, Any]) -> str:
    """Return what a resource is called: by its name, which no ARN is; what has none by its id.

    `resource` has `native_id`, `name`, `account` and `region`. Settings of an account or a region
    are called by that.
    """
    name, native_id = resource["name"], resource["native_id"]
    if name and not name.startswith("arn:"):
        return str(name)
    if not native_id.startswith("arn:") or native_id.count(":") < 5:
        return str(native_id)
    rest = native_id.split(":", 5)[5]
    if _OF_AN_ACCOUNT.fullmatch(rest):
        return str(resource["account"])
    if rest == _OF_A_REGION:
        return str(resource["region"])
    return str(rest.split("/")[-1] if "/" in rest else rest.split(":", 1)[-1])


def titled(title: str, resource: Mapping[str, Any]) -> str:
    """Return a finding's title with what the resource is called in the place of its ARN."""
    native_id = resource["native_id"]
    if not native_id.startswith("arn:") or native_id not in title:
        return title
    return re.sub(re.escape(native_id) + r"(?![\w/:-])", lambda _: called(resource), title)


def owner_of(tags: Mapping[str, str], keys: Sequence[str]) -> str | None:
    """Return the value of the first of `keys` (in lower case) that a resource is tagged with.

    A tag of nothing but white space names nobody; of keys that differ in case alone the first in
    the order of characters counts.
    """
    values = {
        key.lower(): value for key in sorted(tags, reverse=True) if (value := tags[key].strip())
    }
    return next((values[key] for key in keys if key in values), None)
