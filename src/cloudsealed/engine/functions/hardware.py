"""What a vendor rents out: generations of instance types, and what a type of volume can give.

Source: the tables `generations` and `volumes` of `cloudsealed.packs.facts`. Refuses to guess: a
family or a type that no row knows is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.signature import Function, kinds
from cloudsealed.engine.values import Value
from cloudsealed.packs.facts import facts

_MACHINES: Final = "amazon-ec2"
_SERVICES: Final = ("db.", "cache.", "ml.")
_NUMBERS: Final = ("iops", "throughput", "iops_per_gib")


@cache
def _generations() -> Mapping[tuple[str, str], str]:
    rows = facts("generations")
    return {(row["product"], row["family"]): row["generation"] for row in rows}


def generation(product: str, instance_type: str) -> str:
    """`generation("amazon-ec2", "m4.large")`: "previous" or "current", as the vendor calls it.

    The family counts, of `db.r6g.large` that is r6g. What a product's own rows leave out is what
    it is of `amazon-ec2`. A family that no table knows is an error.
    """
    family = instance_type
    for service in _SERVICES:
        family = family.removeprefix(service)
    family = family.partition(".")[0]
    known = _generations()
    found = known.get((product, family)) or known.get((_MACHINES, family))
    if found is None:
        raise EvaluationError(f"no table knows the instance type {instance_type[:64]!r}")
    return found


@cache
def _volumes() -> Mapping[str, Mapping[str, str]]:
    return {row["type"]: row for row in facts("volumes")}


def volume_limits(volume_type: str) -> dict[Value, Value]:
    """`volume_limits("gp3").iops`: what a volume of the type can give at most.

    A map of `iops`, `throughput` (MiB/s), `iops_per_gib` and `multi_attach` (whether several
    instances may attach it). A type that no table knows is an error.
    """
    row = _volumes().get(volume_type)
    if row is None:
        raise EvaluationError(f"no table knows the volume type {volume_type[:64]!r}")
    return {
        **{name: int(row[name]) for name in _NUMBERS},
        "multi_attach": row["multi_attach"] == "yes",
    }


_TEXT: Final = kinds("string")

HARDWARE: Final = (
    Function("generation", (_TEXT, _TEXT), "string", generation),
    Function("volume_limits", (_TEXT,), "map", volume_limits),
)
