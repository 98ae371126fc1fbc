"""A finding: what is wrong, why, on what evidence, how to mend it, and what people decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudsealed.auth.model import Scope
from cloudsealed.console.asking import ApiRefusedError, path_to
from cloudsealed.console.counts import Counted
from cloudsealed.console.decisions import decision
from cloudsealed.console.look import Look, Passage, View
from cloudsealed.console.tree import tree

_ONE = "/v1/findings/{id}"
_OTHERS, _PAST = 20, 100


async def _gather(look: Look) -> Mapping[str, Any]:
    path = path_to(_ONE, id=look.ident)
    finding = await look.api.get(path)
    may_see_evidence = look.may(Scope.EVIDENCE_READ)
    evidence, explained, refusal = None, None, None
    if may_see_evidence:
        try:
            evidence = await look.api.get(f"{path}/evidence")
            explained = await _explained(look, finding)
        except ApiRefusedError as error:  # the evidence is gone, or the policy is another by now
            refusal = error
    resource = finding["resource"]["id"]
    others = await look.api.value("/v1/findings", resource=resource, limit=str(_OTHERS + 1))
    return {
        "finding": finding,
        "evidence": evidence,
        "explained": explained,
        "refusal": refusal,
        "may_see_evidence": may_see_evidence,
        "may_see_resource": look.may(Scope.RESOURCES_READ),
        "may_triage": look.may(Scope.FINDINGS_WRITE),
        "may_classify": look.may(Scope.POLICIES_WRITE),
        "document": _document(finding, evidence),
        "history": await look.api.value(f"{path}/history", limit=str(_PAST)),
        "decisions": await look.api.value(f"{path}/triage_history", limit=str(_PAST)),
        "others": [each for each in others["data"] if each["id"] != finding["id"]][:_OTHERS],
    }


async def _explained(look: Look, finding: Mapping[str, Any]) -> Counted[Any] | None:
    """Return why it fails; None while that is being found out, which takes a process of its own."""
    path = f"{path_to(_ONE, id=look.ident)}/explanation"
    caller = look.visit.me.caller
    key = (caller.tenant_id, caller.scopes, path, finding["audit_id"])
    return await look.counts.of(key, lambda: look.api.value(path))


def _document(finding: Mapping[str, Any], evidence: Mapping[str, Any] | None) -> Any:
    if evidence is None or evidence["snapshot"] is None:
        return None
    marked = {each["path"] for each in finding["evidence"] if each["path"]}
    return tree(evidence["snapshot"]["document"], marked)


async def _triage(look: Look) -> str:
    body = {"triage": decision(look)}
    await look.api.send("PATCH", path_to(_ONE, id=look.ident), body)
    return look.visit.here


VIEWS = (View("/findings/{id}", "finding.html", _gather, _triage),)
PASSAGES = (Passage("/findings/{id}/proof", f"{_ONE}/proof"),)
