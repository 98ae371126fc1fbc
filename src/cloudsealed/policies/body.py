"""Bodies of `/v1/policies`, read by the form of policies. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.kit.shapes import (
    Anything,
    Choice,
    Component,
    Fault,
    FormError,
    Part,
    Path,
    Record,
    Shape,
    Use,
    mapping,
    read_body,
    refusal,
    refuse,
    refuse_all,
    unknown,
)
from cloudsealed.packs import CLASSIFICATION as CLASSIFICATION_FORM
from cloudsealed.packs import (
    PolicyBody,
    body_schema,
    change_schema,
    check_form,
    draft_of,
    refuse_yields,
)
from cloudsealed.packs import read_body as read_policy
from cloudsealed.packs.reader import kind_of
from cloudsealed.policies.model import (
    BuiltinPolicyImmutableError,
    InvalidPolicyExpressionError,
    Policy,
    nowhere,
)
from cloudsealed.policies.rules import refuse_broken
from cloudsealed.vocabulary import PolicyKind

FIELDS = {
    PolicyKind.CHECK: check_form().of(Use.API).known,
    PolicyKind.CLASSIFICATION: CLASSIFICATION_FORM.of(Use.API).known,
}
"""What a body of each kind may say."""


@dataclass(frozen=True, slots=True)
class _New:
    """A new policy of one kind, by the form of policies."""

    kind: PolicyKind

    def read(self, value: Any, at: Path) -> PolicyBody:
        return read_policy(value, types=RESOURCE_TYPES)

    def schema(self) -> dict[str, Any]:
        return body_schema(self.kind)


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of a policy, whose values are read with those that the policy has."""

    known: Mapping[str, Part]

    def read(self, value: Any, at: Path) -> Mapping[str, Any]:
        said = mapping(value, at)
        refuse_all(unknown(said, self.known, at))
        return said

    def schema(self) -> dict[str, Any]:
        return change_schema()


CHECK = Component(
    "CheckBody",
    _New(PolicyKind.CHECK),
    "A new check of the tenant's own: it raises findings from the next audit on.",
)
CLASSIFICATION = Component(
    "ClassificationBody",
    _New(PolicyKind.CLASSIFICATION),
    "A new classification: open findings are classified by it at once, in the background.",
)
_KINDS = {PolicyKind.CHECK: CHECK, PolicyKind.CLASSIFICATION: CLASSIFICATION}


def _chosen(value: Any, _at: Path) -> Shape:
    return _KINDS[kind_of(value)]


POLICY = Component(
    "PolicyBody",
    Choice((CHECK, CLASSIFICATION), _chosen, by="kind", words=_KINDS),
    "A new policy of the tenant's own; one without `kind` is taken as a check.",
)
DRAFT = Component(
    "PolicyDraft",
    Anything(),
    "A policy as far as it is written: whatever is wrong with it is the answer.",
    ({"key": "buckets-have-owners", "title": "Buckets have owners"},),
)
CHANGE = Component(
    "PolicyPatch",
    _Change({name: part for known in FIELDS.values() for name, part in known.items()}),
    "A change of a policy; what is left out stays, and of a built-in one more than `enabled` and\n"
    "`params` does.",
)
_ADJUSTED = Record(
    {name: FIELDS[PolicyKind.CHECK][name] for name in ("enabled", "params")}, change=True
)
"""What a tenant says of a built-in policy."""


def read_policy_body(body: Any) -> PolicyBody:
    """Return what a body says; raises the 422 that names the first field that is wrong, whose
    details name the others and the expressions that do not compile."""
    try:
        said: PolicyBody = POLICY.read(body)
        return said
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
    change = read_body(CHANGE, body)
    for name in ("kind", "key"):
        if name in change and change[name] != getattr(policy, name):
            raise refuse(name, "cannot be changed")
    said = {name: policy.spec[name] for name in FIELDS[policy.kind] if name in policy.spec}
    own = {"kind": policy.kind, "key": policy.key, "enabled": policy.enabled}
    return read_policy_body({**own, **said, **change})


def read_adjustment(body: Any, policy: Policy) -> Mapping[str, Any]:
    """Return what a body says of a built-in policy: `enabled` and `params`, where they are there.

    Raises BuiltinPolicyImmutableError, or the 422 of the first field that is wrong.
    """
    change = read_body(_Change(FIELDS[policy.kind]), body)
    if other := set(change) - _ADJUSTED.known.keys():
        raise BuiltinPolicyImmutableError(
            f"{policy.key} is built in: only enabled and params change, not {min(other)}"
        )
    said: Mapping[str, Any] = read_body(_ADJUSTED, change)
    for name in said.get("params", ()):
        if name not in policy.spec["params"]:
            raise refuse(f"params.{name}", "is not a param of this policy")
    return said


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
