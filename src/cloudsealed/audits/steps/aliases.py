"""What people call the accounts of an audit, as the audit itself read it. It asks nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from cloudsealed.audits.model import Target
from cloudsealed.audits.records.snapshots import Snapshots
from cloudsealed.collectors.paths import read
from cloudsealed.collectors.registry import RESOURCE_TYPES

_LONGEST = 100


def with_aliases(targets: Sequence[Target], snapshots: Snapshots) -> tuple[Target, ...]:
    """Return the targets with the aliases of their accounts; None where none was read. The alias
    that an account gave itself comes before its name in the organisation, which one account may
    tell of all, and that before what whoever leads there calls it."""
    aliases = dict(_names(snapshots))
    return tuple(
        replace(target, alias=aliases.get(str(target.account), target.alias)) for target in targets
    )


def _names(snapshots: Snapshots) -> Iterator[tuple[str, str]]:
    """Yield the id and a name of accounts, what counts most last: the rows are in that order."""
    for kind, row in RESOURCE_TYPES.items():
        for block in snapshots.each(kind) if row.names_accounts else ():
            for _, snapshot in snapshots.of(block):
                for each in read(row.names_accounts or "", snapshot["document"]) or ():
                    if each["Name"]:
                        yield str(each["Id"]), str(each["Name"])[:_LONGEST]
