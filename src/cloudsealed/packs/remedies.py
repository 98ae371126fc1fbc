"""A policy's remediation as that of some resources: with their own names in commands and Terraform.

It refuses to put together what does not fit: the Terraform of several resources is the policy's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cloudsealed.packs import commands, hcl
from cloudsealed.packs.names import Resource

COMMANDS = ("first", "cli")
"""The commands of a remediation, in the order in which they are run."""
Remedy = Mapping[str, Any]
"""A remediation as JSON has it: `summary`, `caution`, `first`, `cli`, `terraform` and `effort`."""


def for_resources(remedy: Remedy, resources: Sequence[Resource]) -> dict[str, Any]:
    """Return a remediation for some resources, each line of its commands once."""
    lines = {
        name: _joined(commands.filled(remedy.get(name), each) for each in resources)
        for name in COMMANDS
    }
    terraform = remedy.get("terraform")
    alone = hcl.filled(terraform, resources[0]) if len(resources) == 1 else terraform
    return {**remedy, **lines, "terraform": alone}


def _joined(texts: Iterable[str | None]) -> str | None:
    lines = dict.fromkeys(text for text in texts if text is not None)
    return "\n".join(lines) or None
