"""Bodies of `/v1/policies`, read by the form of policies. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.kit.fields import Fields
from cloudsealed.kit.shapes import Fault, FormError, Use, refusal
from cloudsealed.packs import (
    CLASSIFICATION,
    PolicyBody,
    check_form,
    draft_of,
    read_body,
    refuse_yields,
)
from cloudsealed.policies.model import InvalidPolicyExpressionError, Policy, nowhere
from cloudsealed.policies.rules import refuse_broken
from cloudsealed.vocabulary import PolicyKind

FIELDS = {
    PolicyKind.CHECK: tuple(check_form().of(Use.API).known),
    PolicyKind.CLASSIFICATION: tuple(CLASSIFICATION.of(Use.API).known),
}
"""What a body of each kind may say."""


def read_policy_body(body: Any) -> PolicyBody:
    """Return what a body says; raises the 422 that names the first field that is wrong, whose
    details name the others and the expressions that do not compile."""
    try:
        return read_body(body, types=RESOURCE_TYPES)
    except FormError as error:
        refused = _refusal(error)
        others = [detail for each in error.others for detail in _refusal(each).details]
        refused.details = (*refused.details, *others, *_broken(body, error))
        raise refused from error


def _broken(body: Any, error: FormError) -> Sequence[Mapping[str, object]]:
    """Return the details of the expressions that do not compile in a body that is refused."""
    draft = draft_of(body, error.good) if error.good else None
    if draft is None:
        return ()
    try:
        refuse_broken(draft.kind, draft.words)
    except InvalidPolicyExpressionError as broken:
        return broken.details
    return ()


def read_change(body: Any, policy: Policy) -> PolicyBody:
    """Return what a policy of the tenant's own says once `body` changed it; raises the same."""
    fields = Fields(body, [name for known in FIELDS.values() for name in known])
    for name in ("kind", "key"):
        if fields.has(name) and fields.body[name] != getattr(policy, name):
            raise fields.refuse(name, "cannot be changed")
    said = {name: policy.spec[name] for name in FIELDS[policy.kind] if name in policy.spec}
    own = {"kind": policy.kind, "key": policy.key, "enabled": policy.enabled}
    return read_policy_body({**own, **said, **fields.body})


def refuse_strangers(
    key: str,
    words: Mapping[str, Any],
    policies: Callable[[], Iterable[Policy]],
    kept: Collection[str] = (),
) -> None:
    """Raise the 422 for the first policy that a check cannot yield to; see `refuse_yields`.
    `policies` gives the tenant's, if it yields at all."""
    if not words.get("yields_to"):
        return
    checks = {each.key: each.spec for each in policies() if each.kind is PolicyKind.CHECK}
    try:
        refuse_yields(key, words, {**checks, key: words}, kept)
    except FormError as error:
        raise _refusal(error) from error


def _refusal(error: FormError) -> CloudSealedError:
    if error.fault is Fault.EXPRESSION:
        return InvalidPolicyExpressionError([nowhere(error.field, error.message)])
    return refusal(error)
