"""A simulation: what a policy would open, close and change, before it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudsealed.auth.model import Scope
from cloudsealed.console.asking import ApiRefusedError, path_to
from cloudsealed.console.look import Look, View
from cloudsealed.vocabulary import PolicyKind

_ONE = "/v1/simulations/{id}"
_PAGE = "/policies/simulations/{id}"
AUDITS = "10"  # that one may be tried on


async def begun(look: Look, policy: Any) -> str:
    """Begin a simulation of a policy on the audits that the form names, the newest if none; return
    the path of its page."""
    simulation = await start(look, policy)
    return _PAGE.format(id=simulation)


async def start(look: Look, policy: Any) -> str:
    """Begin it; return its id."""
    audits = list(look.form.get("audit", ()))
    is_check = not isinstance(policy, Mapping) or policy.get("kind") != PolicyKind.CLASSIFICATION
    if is_check and not audits:
        newest = await look.api.value("/v1/audits", status="completed", limit="1")
        audits = [each["id"] for each in newest["data"]]
    body = {"policy": policy, **({"audit_ids": audits} if audits else {})}
    made = await look.api.send("POST", "/v1/policies/simulate", body)
    ident: str = made["id"]
    return ident


async def _gather(look: Look) -> Mapping[str, Any]:
    simulation = await look.api.get(path_to(_ONE, id=look.ident))
    stored = await _stored(look, simulation["policy"]["key"])
    is_tried = stored is not None and stored["version"] == simulation["policy"]["version"]
    may_write = look.may(Scope.POLICIES_WRITE)
    return {
        "simulation": simulation,
        "stored": stored,
        "may_activate": may_write and is_tried and stored is not None and not stored["enabled"],
    }


async def _stored(look: Look, key: str) -> Mapping[str, Any] | None:
    """Return the policy that has the key, None while there is none."""
    if not look.may(Scope.POLICIES_READ):
        return None
    try:
        found: Mapping[str, Any] = await look.api.value(path_to("/v1/policies/{id}", id=key))
    except ApiRefusedError as refused:
        if refused.status != 404:
            raise
        return None
    return found


async def _activate(look: Look) -> str:
    key = (await look.api.value(path_to(_ONE, id=look.ident)))["policy"]["key"]
    changed = await look.api.send("PATCH", path_to("/v1/policies/{id}", id=key), {"enabled": True})
    return f"/policies/{changed['id']}"


async def _simulate(look: Look) -> str:
    """Begin one of a policy that is stored."""
    return await begun(look, look.ident)


async def _offered(look: Look) -> Mapping[str, Any]:
    page = await look.api.value("/v1/audits", status="completed", limit=AUDITS)
    return {
        "policy": await look.api.value(path_to("/v1/policies/{id}", id=look.ident)),
        "audits": page["data"],
        "may_write": look.may(Scope.POLICIES_WRITE),
    }


VIEWS = (
    View(_PAGE, "policies/simulation.html", _gather, _activate),
    View("/policies/{id}/simulate", "policies/simulate.html", _offered, _simulate),
)
