"""What people call the accounts of an audit, as the audit itself read it. It asks nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cloudsealed.audits.derive import Snapshots
from cloudsealed.audits.model import Target
from cloudsealed.collectors.registry import RESOURCE_TYPES


def with_aliases(targets: Sequence[Target], snapshots: Snapshots) -> tuple[Target, ...]:
    """Return the targets with the aliases of their accounts; None where none was read."""
    named = [block for block in snapshots.listings() if RESOURCE_TYPES[block.key].names_account]
    aliases: dict[str | None, str | None] = {
        block.account: snapshot["name"] for block in named for _, snapshot in snapshots.of(block)
    }
    return tuple(replace(target, alias=aliases.get(target.account)) for target in targets)
