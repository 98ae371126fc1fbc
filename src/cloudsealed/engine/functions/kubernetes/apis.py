"""Our function on versions of the Kubernetes API: `removed_api`.

Source: the table `removed_apis` of `cloudsealed.packs.facts`. Refuses to judge versions that are
only deprecated: a server serves them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from cloudsealed.engine.signature import Function, kinds
from cloudsealed.engine.values import Value
from cloudsealed.packs.facts import facts


@cache
def _removed() -> Mapping[tuple[str, str], Mapping[str, str]]:
    return {(row["api"], row["kind"]): row for row in facts("removed_apis")}


def removed_api(api: str, kind: str) -> Value:
    """`removed_api("policy/v1beta1", "PodDisruptionBudget")`: a map of the version of Kubernetes in
    which a kind was `removed` from a version of the API, and the one to use `instead`; null where
    it is served or no table knows the kind."""
    row = _removed().get((api, kind))
    return None if row is None else {"removed": row["removed"], "instead": row["instead"]}


_TEXT: Final = kinds("string")

APIS: Final = (Function("removed_api", (_TEXT, _TEXT), "dyn", removed_api),)
