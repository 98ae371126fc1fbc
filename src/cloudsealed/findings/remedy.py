"""How the resource of a finding is cured: what its policy says, with the resource's own names.

A row does not keep it, so it is made of a finding when that is shown alone. It reads nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from cloudsealed.packs.consoles import links_of
from cloudsealed.packs.remedies import for_resources


def remedy_of(finding: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the remediation of a finding in its public form, for its own resource."""
    remedy = finding["remediation"]
    return for_resources(remedy, [finding["resource"]]) if remedy else None


def with_own_names(finding: bytes) -> bytes:
    """Return the public JSON of a finding with its resource's own names in its remediation, and
    where the provider's console has it."""
    shown = orjson.loads(finding)
    links = links_of(shown["resource"])
    console = links if any(links.values()) else None
    return orjson.dumps({**shown, "remediation": remedy_of(shown), "console": console})
