"""From what a policy says to a compiled rule. It is the only caller of the engine's compiler."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from cloudsealed.collectors.attributes import attributes_of, shape_of
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.engine import (
    DocumentType,
    Expression,
    ExpressionError,
    Rule,
    compile_expression,
    compile_rule,
)
from cloudsealed.policies.model import InvalidPolicyExpressionError
from cloudsealed.vocabulary import PolicyKind

CLASSIFICATION_VARIABLES = ("resource", "finding")
FINDING_FIELDS = ("policy", "severity", "title", "dimension", "account", "region", "resource_type")
"""What a classification knows of a finding; the severity is the policy's own."""
RESOURCE_NAMES = ("account", "name", "native_id", "provider", "region", "tags", "type")
"""What every resource is known by, in the words of the API: an expression reads it as a field of
`resource`, unless the document has a field of its own by that name."""


_READ = (
    "resource_types",
    "related",
    "params",
    "applies_when",
    "fail_when",
    "severity_when",
    "savings",
    "message",
)
"""What a rule is made of."""
_KEPT = 2_048  # rules: all that ship, and as many as a tenant may have


def compile_check(spec: Mapping[str, Any]) -> Rule:
    """Return the rule of a check, the same one for the same words; raises ExpressionError."""
    words = {name: spec[name] for name in _READ if name in spec}
    return _rule(json.dumps(words))


@lru_cache(maxsize=_KEPT)
def _rule(words: str) -> Rule:
    """Return the rule of a check's words, as JSON: an audit compiles each once for what it needs,
    and for what it judges."""
    spec = json.loads(words)
    return compile_rule(
        fail_when=spec["fail_when"],
        applies_when=spec.get("applies_when"),
        params=spec.get("params") or {},
        related=tuple(spec.get("related") or ()),
        message=spec.get("message"),
        severity_when=[
            (degree["when"], degree["severity"]) for degree in spec.get("severity_when") or ()
        ],
        savings=[(each["price"], each["quantity"]) for each in spec.get("savings") or ()],
        attributes=_document_types(spec),
    )


def _document_types(spec: Mapping[str, Any]) -> dict[str, DocumentType]:
    """Return what is known of the documents that a check reads: a misspelt field is found by it."""
    related = (spec.get("related") or {}).items()
    own = DocumentType.any_of([_type_of(name) for name in spec["resource_types"]])
    resource = {"resource": _with_names(own, own.name, _EVERY_RESOURCE)} if own.fields else {}
    return {
        **resource,
        **{f"related.{name}": _type_of(relation["type"]) for name, relation in related},
    }


_EVERY_RESOURCE = f"every resource has {', '.join(RESOURCE_NAMES)}"
_EVERY_FINDING = f"`finding` has {', '.join(FINDING_FIELDS)}"


def _with_names(own: DocumentType, name: str, hint: str) -> DocumentType:
    """Return the type of a document to which is added what every resource is known by."""
    return DocumentType(name, {**dict.fromkeys(RESOURCE_NAMES), **own.fields}, hint)


@cache
def _type_of(name: str) -> DocumentType:
    return DocumentType(name, attributes_of(name))


def refuse_doubts(spec: Mapping[str, Any], rule: Rule) -> None:
    """Raise the engine's ExpressionError for what a check compares that can never be equal, with
    the others. Whoever writes a check is told; one that is stored is judged as it stands."""
    kinds = spec["resource_types"]
    related = {
        name: [shape_of(relation["type"])] for name, relation in (spec.get("related") or {}).items()
    }
    own = {**dict.fromkeys(RESOURCE_NAMES), **shape_of(kinds[0])} if len(kinds) == 1 else None
    if found := rule.doubts({"resource": own, "related": related}):
        first, *others = found
        first.others = tuple(others)
        raise first


def compile_classification(spec: Mapping[str, Any]) -> Expression:
    """Return the condition of a classification; raises the engine's ExpressionError."""
    return compile_expression(
        spec["when"],
        variables=CLASSIFICATION_VARIABLES,
        expect="bool",
        attributes=_classified_types(),
    )


@cache
def _classified_types() -> dict[str, DocumentType]:
    """Return what is known of what a classification reads: a resource may be of every type."""
    every = DocumentType.any_of([_type_of(name) for name in RESOURCE_TYPES])
    return {
        "resource": _with_names(
            every, "any resource type", f"{_EVERY_RESOURCE}, and {_EVERY_FINDING}"
        ),
        "finding": DocumentType("a finding", dict.fromkeys(FINDING_FIELDS), _EVERY_FINDING),
    }


def refuse_broken(kind: PolicyKind, spec: Mapping[str, Any]) -> None:
    """Raise InvalidPolicyExpressionError for the expressions that do not compile."""
    try:
        if kind is PolicyKind.CLASSIFICATION:
            compile_classification(spec).ready()
        else:
            refuse_doubts(spec, compile_check(spec).ready())
    except ExpressionError as error:
        raise InvalidPolicyExpressionError([*map(explain, error.every)]) from error


def explain(error: ExpressionError) -> dict[str, object]:
    """Return an engine's error as the API's detail."""
    return {
        "field": "when" if error.field == "expression" else error.field,
        "code": "invalid_policy_expression",
        "message": error.message,
        "line": error.line,
        "column": error.column,
        "end_column": error.end_column,
        "suggestion": error.suggestion,
    }
