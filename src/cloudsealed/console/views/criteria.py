"""What counts as critical for an organisation: a form for people who know no CEL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cloudsealed.auth.model import Scope
from cloudsealed.console.asking import ApiRefusedError, path_to
from cloudsealed.console.criteria import (
    ASKED,
    FIELDS,
    SUPPRESS,
    TAG_TESTS,
    classification_of,
    expression_of,
    query_of,
    said,
)
from cloudsealed.console.look import Look, View
from cloudsealed.console.views.simulations import start
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.vocabulary import Dimension, Severity

_PATH = "/policies/what-counts"
_COUNTED = ("account", "region", "resource_type", "policy")
_MOST = 40  # choices of one kind
_LONGEST = 7_000  # of an address, which servers and proxies bound; a form that says more has none


async def _gather(look: Look) -> Mapping[str, Any]:
    form = look.form or look.query
    held = said(form)
    try:
        expression = expression_of(form)
    except CloudSealedError:  # the form is half filled in
        expression = ""
    counted = await look.api.get("/v1/policies", kind="classification", limit="200")
    return {
        "held": {name: held.get(name, []) for name in FIELDS},
        "expression": expression,
        "choices": await _choices(look, held),
        "asked": ASKED,
        "tag_tests": TAG_TESTS,
        "suppress": SUPPRESS,
        "simulation": await _simulated(look),
        "counted": counted["data"],
        "may_write": look.may(Scope.POLICIES_WRITE),
    }


async def _choices(look: Look, held: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the values that may be chosen of each kind: those of open findings, most frequent
    first, and what is chosen already."""
    found = {
        "dimension": [each.value for each in Dimension],
        "severity": [each.value for each in reversed(Severity)],
    }
    for name in _COUNTED if look.may(Scope.FINDINGS_READ) else ():
        summary = await look.api.value("/v1/findings/summary", group_by=name, status="open")
        groups = sorted(summary["groups"], key=lambda group: -group["count"])
        found[name] = [group[name] for group in groups if group[name]][:_MOST]
    every = {name: [*found.get(name, ()), *held.get(name, ())] for name in ASKED}
    return {name: list(dict.fromkeys(values)) for name, values in every.items()}


async def _simulated(look: Look) -> Mapping[str, Any] | None:
    """Return the preview that the address names, None when it is gone."""
    ident = look.one("simulation")
    if not ident or look.form or not look.may(Scope.FINDINGS_READ):
        return None
    try:
        found: Mapping[str, Any] = await look.api.get(path_to("/v1/simulations/{id}", id=ident))
    except ApiRefusedError as refused:
        if refused.status != 404:
            raise
        return None
    return found


async def _act(look: Look) -> str:
    """Preview what the form says, or store it."""
    body = classification_of(look.form)
    if look.sent("do") == "store":
        made = await look.api.send("POST", "/v1/policies", body)
        return f"/policies/{made['id']}"
    simulation = await start(look, body)
    preview = f"{_PATH}?{query_of(look.form, simulation=simulation)}"
    if len(preview) > _LONGEST:
        return f"/policies/simulations/{simulation}"
    return preview


VIEWS = (View(_PATH, "policies/criteria.html", _gather, _act),)
