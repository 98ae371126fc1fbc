"""Reads the body of `POST /v1/policies` into what a policy says. Pure; it compiles nothing."""

from __future__ import annotations

import re
from typing import Any

from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.kit.fields import Fields
from cloudsealed.packs import EFFORTS, KEY, SCOPES
from cloudsealed.vocabulary import Dimension, PolicyKind, Severity

_KEY = re.compile(KEY)
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
COMMON = ("kind", "key", "title", "enabled")
CHECK = (
    "dimension", "severity", "resource_types", "fail_when", "applies_when", "related", "params",
    "message", "description", "remediation", "controls",
)  # fmt: skip
CLASSIFICATION = ("when", "set", "suppress", "reason", "expires_at")
_RELATION = ("type", "from", "key", "scope")
_REMEDIATION = ("summary", "cli", "terraform", "effort")
LONGEST_EXPRESSION = 4096


def read_kind(body: Any) -> PolicyKind:
    """Return the kind of policy that a body describes; a check unless it says otherwise."""
    fields = Fields(body, (*COMMON, *CHECK, *CLASSIFICATION))
    return PolicyKind(fields.optional_text("kind", choices=tuple(PolicyKind)) or PolicyKind.CHECK)


def read_key(body: Any) -> str:
    """Return the policy's key: a-z, 0-9 and single dashes, at most 100 characters."""
    fields = Fields(body, (*COMMON, *CHECK, *CLASSIFICATION))
    key = fields.text("key", longest=100)
    if not _KEY.fullmatch(key) or key.startswith("pol_"):
        raise fields.refuse(
            "key", "must be of a-z, 0-9 and single dashes, such as no-public-buckets"
        )
    return key


def read_spec(body: Any) -> dict[str, Any]:
    """Return what the policy says, each field checked; raises the error of the first bad one."""
    return _check(body) if read_kind(body) is PolicyKind.CHECK else _classification(body)


def _check(body: Any) -> dict[str, Any]:
    fields = Fields(body, (*COMMON, *CHECK))
    types = fields.texts("resource_types", most=20, required=True) or ()
    for name in types:
        _known_type(fields, "resource_types", name)
    return {
        "title": fields.text("title", longest=200),
        "dimension": fields.text("dimension", choices=tuple(Dimension)),
        "severity": fields.text("severity", choices=tuple(Severity)),
        "resource_types": list(types),
        "fail_when": fields.text("fail_when", longest=LONGEST_EXPRESSION),
        "applies_when": fields.optional_text("applies_when", longest=LONGEST_EXPRESSION),
        "related": _related(fields),
        "params": fields.mapping("params") or {},
        "message": fields.optional_text("message"),
        "description": fields.optional_text("description", longest=4000),
        "remediation": _remediation(fields),
        "controls": _controls(fields),
    }


def _known_type(fields: Fields, name: str, value: Any) -> None:
    if value not in RESOURCE_TYPES:
        raise fields.refuse(name, f"names no known resource type: {value}")


def _related(fields: Fields) -> dict[str, Any]:
    related = fields.mapping("related") or {}
    result = {}
    for name, value in related.items():
        path = f"related.{name}"
        relation = Fields(value, _RELATION, path=path)
        if not _NAME.fullmatch(name):
            raise fields.refuse(path, "must be a name of a-z, 0-9 and _")
        kind = relation.text("type")
        _known_type(relation, "type", kind)
        source, key = relation.optional_text("from"), relation.optional_text("key")
        if (source is None) != (key is None):
            raise relation.refuse("key", "and from go together")
        scope = relation.optional_text("scope", choices=SCOPES) or "account"
        result[name] = {"type": kind, "from": source, "key": key, "scope": scope}
    return result


def _remediation(fields: Fields) -> dict[str, Any] | None:
    value = fields.body.get("remediation")
    if value is None:
        return None
    if isinstance(value, str):
        value = {"summary": value}
    parts = Fields(value, _REMEDIATION, path="remediation")
    return {
        "summary": parts.text("summary", longest=4000),
        "cli": parts.optional_text("cli", longest=4000),
        "terraform": parts.optional_text("terraform", longest=4000),
        "effort": parts.optional_text("effort", choices=EFFORTS) or "medium",
    }


def _controls(fields: Fields) -> list[dict[str, str]]:
    value = fields.body.get("controls")
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > 50:
        raise fields.refuse("controls", "must be a list of at most 50 controls")
    read = [
        Fields(item, ("framework", "control"), path=f"controls[{i}]")
        for i, item in enumerate(value)
    ]
    return [{"framework": item.text("framework"), "control": item.text("control")} for item in read]


def _classification(body: Any) -> dict[str, Any]:
    fields = Fields(body, (*COMMON, *CLASSIFICATION))
    effect = fields.mapping("set")
    severity = None
    if effect is not None:
        severity = Fields(effect, ("severity",), path="set").text(
            "severity", choices=tuple(Severity)
        )
    suppress = fields.flag("suppress", default=False)
    if suppress == (severity is not None):
        raise fields.refuse("set", "or suppress: true, exactly one of them, is required")
    return {
        "title": fields.text("title", longest=200),
        "when": fields.text("when", longest=LONGEST_EXPRESSION),
        "set": {"severity": severity} if severity else None,
        "suppress": suppress,
        "reason": fields.text("reason"),
        "expires_at": fields.moment("expires_at"),
    }
