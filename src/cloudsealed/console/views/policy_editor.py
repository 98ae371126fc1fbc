"""The editor of one's own policies: checked as one writes, tried on a resource, then stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cloudsealed.auth.model import Scope
from cloudsealed.console.asking import ApiRefusedError, path_to
from cloudsealed.console.drafts import Draft, Problem, change_of, fields_of, text_of
from cloudsealed.console.look import Look, View
from cloudsealed.console.tree import tree
from cloudsealed.console.views.simulations import AUDITS, begun
from cloudsealed.policies.rules import FINDING_FIELDS, RESOURCE_NAMES
from cloudsealed.vocabulary import PolicyKind

LIST, _ONE = "/v1/policies", "/v1/policies/{id}"
CHECK = "/policies/check"
_MOST_TYPES = 3  # whose documents are shown beside the text
_RESOURCES = "50"
_LATER = {429, 503}  # examples cannot be tried at the moment: that is no reason to lose a text
_BEGUN = {
    PolicyKind.CHECK: """\
key: buckets-have-owners
title: Bucket has no owner
dimension: compliance
severity: low
resource_types: [aws.s3.bucket]
description: Without an owner nobody answers when a bucket is found exposed.
fail_when: tag(resource, "owner") == null
message: "Bucket {resource.Name} has no owner"
remediation: Tag the bucket with its owner.
examples:
  fail:
    - {resource: {Name: logs, Tags: []}}
  pass:
    - {resource: {Name: logs, Tags: [{Key: owner, Value: platform}]}}
""",
    PolicyKind.CLASSIFICATION: """\
kind: classification
key: prod-is-critical
title: Production matters most
when: tag(resource, 'env') == 'prod' && finding.dimension == 'security'
set: {severity: critical}
reason: Agreed with the platform team
""",
}
"""What the editor shows at first."""


async def _new(look: Look) -> Mapping[str, Any]:
    kind = look.one("kind", PolicyKind.CHECK)
    kind = PolicyKind(kind) if kind in tuple(PolicyKind) else PolicyKind.CHECK
    begun_as = _BEGUN[kind]
    if look.one("like"):
        begun_as = await _copy(look, look.one("like"))
    return await _shown(look, kind, begun_as, policy=None)


async def _copy(look: Look, ident: str) -> str:
    """Return the text of another policy under a key of its own."""
    path = path_to(_ONE, id=ident)
    policy = await look.api.value(path)
    examples = await look.api.value(f"{path}/examples")
    return text_of({**policy, "key": f"own-{policy['key']}"[:100].rstrip("-")}, examples)


async def _edited(look: Look) -> Mapping[str, Any]:
    path = path_to(_ONE, id=look.ident)
    answer = await look.api.ask("GET", path)
    policy = answer.value
    text = text_of(policy, await look.api.value(f"{path}/examples"))
    found = await _shown(look, PolicyKind(policy["kind"]), text, policy=policy)
    return {**found, "etag": look.sent("etag") or answer.headers.get("etag", "")}


async def _shown(
    look: Look, kind: PolicyKind, text: str, *, policy: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    draft = Draft(_text(look) if look.form else text)
    is_valid = False
    if look.error is not None and draft.is_yaml and look.error.details:
        draft.place(look.error.details)
    elif look.form:
        is_valid = await _check(look, draft)
    types = await _types(look, draft.types)
    return {
        "draft": draft,
        "is_valid": is_valid,
        "kind": kind,
        "policy": policy,
        "etag": "",
        "types": types,
        "names": await _type_names(look),
        "fields": fields_of(kind),
        "resource_names": RESOURCE_NAMES,
        "finding_names": FINDING_FIELDS if kind is PolicyKind.CLASSIFICATION else (),
        "resources": await _resources(look, [each["type"] for each in types]),
        "find": look.sent("find"),
        "resource": look.sent("resource"),
        "told": await _explained(look, draft) if is_valid else None,
        "audits": await _audits(look),
        "check": CHECK,
        "check_token": look.visit.token(CHECK),
        "may_write": look.may(Scope.POLICIES_WRITE),
    }


def _text(look: Look) -> str:
    return next(iter(look.form.get("text", ())), "")


async def _check(look: Look, draft: Draft, *, examples: bool = True) -> bool:
    """Say whether the API would take a draft, and place what it finds wrong."""
    if not draft.is_yaml:
        return False
    body = draft.body
    if not examples and isinstance(body, dict):
        body = {name: said for name, said in body.items() if name != "examples"}
    try:
        answer = await look.api.send("POST", f"{LIST}/validate", body)
    except ApiRefusedError as refused:
        if refused.status not in _LATER:
            raise
        draft.problems = [Problem(1, 1, 2, refused.message)]
        return False
    draft.place(answer["errors"])
    return bool(answer["valid"])


async def _types(look: Look, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return what can be read of the types that a draft names, as far as there are such."""
    found = []
    for name in names[:_MOST_TYPES]:
        try:
            described = await look.api.value(path_to("/v1/resource_types/{id}", id=name))
        except ApiRefusedError:
            continue
        found.append({"type": name, "document": tree(described["document"])})
    return found


async def _type_names(look: Look) -> list[str]:
    listed = await look.api.value("/v1/resource_types", limit="200")
    return [each["type"] for each in listed["data"]]


async def _resources(look: Look, types: Sequence[str]) -> Sequence[Mapping[str, Any]]:
    """Return resources that the draft can be tried on."""
    if not types or not look.may(Scope.RESOURCES_READ, Scope.EVIDENCE_READ):
        return ()
    page = await look.api.value(
        "/v1/resources", type=types, name=look.sent("find"), limit=_RESOURCES
    )
    found: Sequence[Mapping[str, Any]] = page["data"]
    return found


async def _audits(look: Look) -> Sequence[Mapping[str, Any]]:
    if not look.may(Scope.AUDITS_READ):
        return ()
    page = await look.api.value("/v1/audits", status="completed", limit=AUDITS)
    found: Sequence[Mapping[str, Any]] = page["data"]
    return found


async def _explained(look: Look, draft: Draft) -> Mapping[str, Any] | None:
    """Return what the draft says of the chosen resource, or why that cannot be told."""
    if look.sent("do") != "explain" or not look.sent("resource"):
        return None
    body = {"policy": draft.body, "resource_id": look.sent("resource")}
    try:
        return {"told": await look.api.send("POST", f"{LIST}/explain", body), "refusal": None}
    except ApiRefusedError as refused:
        return {"told": None, "refusal": refused}


async def _make(look: Look) -> str | None:
    """Do what the button says: show what is wrong, simulate, or store, in use or not yet."""
    draft = Draft(_text(look))
    wanted = look.sent("do")
    if not isinstance(draft.body, dict) or wanted not in ("simulate", "store", "activate"):
        return None
    if wanted == "simulate":
        return await begun(look, draft.body)
    body = {**draft.body, "enabled": wanted == "activate"}
    made = await look.api.send("POST", LIST, body)
    return f"/policies/{made['id']}"


async def _change(look: Look) -> str | None:
    """The same of a policy that there is; another's change meanwhile is refused."""
    draft = Draft(_text(look))
    wanted = look.sent("do")
    if not isinstance(draft.body, dict) or wanted not in ("simulate", "store", "activate"):
        return None
    path = path_to(_ONE, id=look.ident)
    policy = await look.api.value(path)
    if wanted == "simulate":
        return await begun(look, draft.body)
    change = change_of(draft, policy["kind"])
    enabled = {"enabled": True} if wanted == "activate" else {}
    await look.api.send("PATCH", path, {**change, **enabled}, match=look.sent("etag") or None)
    return f"/policies/{policy['id']}"


async def _problems(look: Look) -> Mapping[str, Any]:
    draft = Draft(_text(look))
    is_valid = await _check(look, draft, examples=False) if look.form else False
    return {"draft": draft, "is_valid": is_valid}


async def _again(_look: Look) -> None:
    """Show it with what was sent."""


VIEWS = (
    View(CHECK, "policies/check.html", _problems, _again),
    View("/policies/new", "policies/editor.html", _new, _make),
    View("/policies/{id}/edit", "policies/editor.html", _edited, _change),
)
