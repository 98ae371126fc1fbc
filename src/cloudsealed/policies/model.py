"""What a policy is: a check that raises findings, or a classification that says what counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson

from cloudsealed.kit.canonical import digest
from cloudsealed.kit.errors import CloudSealedError, NotFoundError
from cloudsealed.packs import AUTHORS, load_policies
from cloudsealed.vocabulary import FIRST_PROVIDER, PolicyKind, PolicySource, Provider


class PolicyNotFoundError(NotFoundError):
    """No policy of the tenant has this id or key."""

    code = "policy_not_found"

    def __init__(self, ident: str) -> None:
        super().__init__("policy", ident)


class FrameworkNotFoundError(NotFoundError):
    """No framework has this key."""

    code = "framework_not_found"

    def __init__(self, ident: str) -> None:
        super().__init__("framework", ident)


class BuiltinPolicyImmutableError(CloudSealedError):
    """A built-in policy was to be deleted, or changed beyond `enabled` and `params`."""

    code = "builtin_policy_immutable"
    status = 409
    remedy = "Change `enabled` or `params` alone, or write a policy or classification of your own."


class NameAlreadyExistsError(CloudSealedError):
    """Another object of the tenant has this key or name."""

    code = "name_already_exists"
    status = 409
    remedy = "Use another name, or change the object that has it."


class QuotaExceededError(CloudSealedError):
    """The tenant has as many of these as it can have; fewer is what helps, not waiting."""

    code = "quota_exceeded"
    status = 409
    remedy = "Delete some that are not needed any more."


class InvalidPolicyExpressionError(CloudSealedError):
    """An expression of a policy is blank, too long or does not compile; `details` give line, column
    and suggestion."""

    code = "invalid_policy_expression"
    status = 422
    remedy = (
        "Mend the expression at that place; `POST /v1/policies/validate` tries it without storing."
    )

    def __init__(self, details: Sequence[Mapping[str, object]]) -> None:
        first = details[0]
        where = f"{first['field']}, line {first['line']}, column {first['column']}"
        super().__init__(f"{where}: {first['message']}", details=details)


class InvalidPolicyExampleError(CloudSealedError):
    """An example of a policy ends otherwise than it says; `details` name each."""

    code = "invalid_policy_example"
    status = 422
    remedy = (
        "Change the expression or the example; `cloudsealed policy explain` shows how it came out."
    )

    def __init__(self, wrong: Sequence[tuple[str, str]]) -> None:
        details = [
            {"field": field, "code": self.code, "message": message} for field, message in wrong
        ]
        super().__init__(f"{wrong[0][0]} {wrong[0][1]}", details=details)


def nowhere(field: str, message: str) -> dict[str, object]:
    """Return the detail of an expression that is wrong as a whole."""
    place = {"line": 1, "column": 1, "end_column": None, "suggestion": None}
    return {"field": field, "code": InvalidPolicyExpressionError.code, "message": message, **place}


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy as it stands. `spec` is what its author wrote (and, built in, what ships);
    `params` are the tenant's own values over the spec's; `applied_at` is when the open findings
    were last classified by a classification as it stands, None while that is to be done.
    `created_by` and `updated_by` are ids of users, None for what no user did."""

    id: str
    key: str
    kind: PolicyKind
    source: PolicySource
    enabled: bool
    version: int
    spec: Mapping[str, Any]
    created_at: str
    updated_at: str
    params: Mapping[str, Any] = field(default_factory=dict)
    applied_at: str | None = None
    created_by: str | None = None
    updated_by: str | None = None

    @property
    def provider(self) -> str:
        """The cloud of its resource types; of a classification without any, the first."""
        types = self.spec.get("resource_types")
        return Provider.of_type(types[0]) if types else FIRST_PROVIDER

    @property
    def effective(self) -> dict[str, Any]:
        """What an audit judges by: the spec with the tenant's params."""
        said = {name: value for name, value in self.spec.items() if name not in AUTHORS}
        if self.kind is not PolicyKind.CHECK:
            return said
        return {**said, "params": {**self.spec.get("params", {}), **self.params}}

    @property
    def pinned(self) -> PolicyVersion:
        """This version as an audit keeps it."""
        return PolicyVersion(self.id, self.key, self.version, self.kind, self.effective)


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One immutable version of a policy, as an audit judged by it."""

    id: str
    key: str
    version: int
    kind: PolicyKind
    spec: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """The SHA-256 of what it says; the same words have the same digest everywhere."""
        return digest({"kind": self.kind, **self.spec})

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> PolicyVersion:
        """Return the version that `as_dict` described."""
        kind = PolicyKind(said["kind"])
        return cls(said["id"], said["key"], said["version"], kind, said["spec"])

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "id": self.id,
            "key": self.key,
            "version": self.version,
            "kind": self.kind,
            "digest": self.digest,
            "spec": self.spec,
        }


_OPTIONAL: tuple[tuple[str, Any], ...] = (
    ("description", None),
    ("resource_types", []),
    ("fail_when", None),
    ("severity_when", []),
    ("savings", []),
    ("unpriced", None),
    ("yields_to", []),
    ("foreign", False),
    ("applies_when", None),
    ("related", {}),
    ("message", None),
    ("references", []),
    ("when", None),
    ("set", None),
    ("suppress", None),
    ("reason", None),
    ("expires_at", None),
)


def public(policy: Policy, controls: Sequence[Mapping[str, str]]) -> bytes:
    """Return a policy's public JSON."""
    spec = policy.effective
    body = {
        "id": policy.id,
        "object": "policy",
        "key": policy.key,
        "version": policy.version,
        "kind": policy.kind,
        "source": policy.source,
        "enabled": policy.enabled,
        "title": spec["title"],
        "dimension": spec.get("dimension"),
        "severity": spec.get("severity"),
        "provider": policy.provider,
        "params": spec.get("params", {}),
        "controls": list(controls),
        **{name: spec.get(name, default) for name, default in _OPTIONAL},
        **{name: policy.spec.get(name, default) for name, default in AUTHORS.items()},
        **_shipped(policy),
        "remediation": _remediation(spec),
        "applied_at": policy.applied_at,
        "created_at": policy.created_at,
        "updated_at": policy.updated_at,
        "created_by": policy.created_by,
        "updated_by": policy.updated_by,
    }
    return orjson.dumps(body)


def finding_part(version: PolicyVersion, controls: Sequence[Mapping[str, str]]) -> bytes:
    """Return the policy's part of a finding's public JSON, without the braces around it."""
    spec = version.spec
    body = {
        "dimension": spec["dimension"],
        "description": spec.get("description"),
        "policy": {"id": version.id, "key": version.key, "version": version.version},
        "remediation": _remediation(spec),
        "controls": list(controls),
        "console": None,  # of a finding that is shown alone
    }
    return orjson.dumps(body)[1:-1]


def _shipped(policy: Policy) -> dict[str, Any]:
    """Return what is told of a built-in policy and kept nowhere but in its file."""
    if policy.source is not PolicySource.BUILTIN:
        return {}
    return {"equivalents": _equivalents().get(policy.key, {})}


@cache
def _equivalents() -> Mapping[str, Mapping[str, Sequence[str]]]:
    return {spec.key: spec.equivalents for spec in load_policies() if spec.equivalents}


def _remediation(spec: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return how a finding is cured, with what versions of before had no words for."""
    said = spec.get("remediation")
    return {"caution": None, "first": None, **said} if said else None
