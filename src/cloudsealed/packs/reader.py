"""Policy and framework files, read strictly. It refuses what it does not know and fills no gap."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, cast

import yaml

from cloudsealed.packs.document import Document
from cloudsealed.packs.errors import PolicyFileError
from cloudsealed.packs.fields import Fields
from cloudsealed.packs.model import (
    Control,
    Effort,
    Example,
    Framework,
    PolicySpec,
    Relation,
    Remediation,
    Section,
)
from cloudsealed.vocabulary import Dimension, Outcome, Severity

POLICY_FIELDS = (
    "key", "version", "title", "dimension", "severity", "resource_types", "description", "params",
    "related", "applies_when", "fail_when", "message", "remediation", "references",
    "discriminator", "formerly", "examples",
)  # fmt: skip
"""The fields of a policy file in the order in which ours have them."""

RELATION_FIELDS = ("type", "from", "key", "scope")
EXAMPLE_OUTCOMES = (Outcome.FAIL, Outcome.PASS, Outcome.NOT_APPLICABLE)

KEY = r"[a-z0-9]+(?:-[a-z0-9]+)*"
TYPE = r"[a-z0-9]+(?:\.[a-z0-9_]+)+"

Compile = Callable[[PolicySpec], object]


def parse_policy(text: str, *, file: str, compile: Compile | None = None) -> PolicySpec:  # noqa: A002 - what it does
    """Read one policy file.

    `compile` may refuse an expression by a ValueError that has `message`, `line` and `column`
    (from 1, in the expression), perhaps `suggestion`, and `field` (`fail_when`) or `expression`
    (its text); it becomes a PolicyFileError at its place in the file.

    Raises:
        PolicyFileError: the first thing that is wrong, with its line and column.
    """
    document = Document(text, file)
    fields = Fields(document, document.root, POLICY_FIELDS)
    spec = _policy(fields)
    if compile is not None:
        try:
            compile(spec)
        except ValueError as error:
            raise _located(fields, error) from error
    return spec


def parse_framework(text: str, *, file: str) -> Framework:
    """Read one framework file; raises PolicyFileError at the first thing that is wrong."""
    document = Document(text, file)
    known = ("key", "title", "version", "source", "provider", "sections")
    fields = Fields(document, document.root, known)
    seen: set[str] = set()
    return Framework(
        key=fields.text("key", r"[a-z0-9.]+(?:-[a-z0-9.]+)*"),
        title=fields.text("title"),
        version=fields.text("version"),
        source=fields.text("source"),
        provider=fields.text("provider"),
        sections=tuple(
            _section(section, seen)
            for section in fields.each("sections", ("id", "title", "controls"))
        ),
    )


def _policy(fields: Fields) -> PolicySpec:
    document = fields.document
    related = {
        name: _relation(Fields(document, node, RELATION_FIELDS))
        for name, node in fields.entries("related")
    }
    spec = PolicySpec(
        key=fields.text("key", KEY),
        version=fields.number("version", 1),
        title=fields.text("title"),
        dimension=fields.choice("dimension", Dimension),
        severity=fields.choice("severity", Severity),
        resource_types=fields.texts("resource_types", TYPE),
        description=fields.text("description"),
        params={name: document.value(node) for name, node in fields.entries("params")},
        related=related,
        applies_when=fields.optional_text("applies_when"),
        fail_when=fields.text("fail_when"),
        message=fields.optional_text("message"),
        remediation=_remediation(fields) if "remediation" in fields else None,
        references=fields.texts("references"),
        discriminator=fields.optional_text("discriminator"),
        formerly=fields.texts("formerly", KEY),
        examples=_examples(fields, related) if "examples" in fields else (),
    )
    if not spec.resource_types:
        document.fail(fields.at("resource_types"), "at least one resource type is needed")
    return spec


def _relation(fields: Fields) -> Relation:
    if ("from" in fields) != ("key" in fields):
        fields.document.fail(fields.node, "'from' and 'key' go together")
    scope = fields.one_of("scope", ("account", "region")) if "scope" in fields else "account"
    return Relation(
        type=fields.text("type", TYPE),
        source=fields.optional_text("from"),
        key=fields.optional_text("key"),
        scope=cast(Literal["account", "region"], scope),
    )


def _remediation(fields: Fields) -> Remediation:
    inner = fields.below("remediation", ("summary", "cli", "terraform", "effort"))
    return Remediation(
        summary=inner.text("summary"),
        cli=inner.optional_text("cli"),
        terraform=inner.optional_text("terraform"),
        effort=cast(Effort, inner.one_of("effort", ("low", "medium", "high"))),
    )


def _examples(fields: Fields, related: Mapping[str, Relation]) -> tuple[Example, ...]:
    outer = fields.below("examples", [outcome.value for outcome in EXAMPLE_OUTCOMES])
    return tuple(
        Example(outcome, inner.mapping("resource"), _related(inner, list(related)))
        for outcome in EXAMPLE_OUTCOMES
        for inner in outer.each(outcome.value, ("resource", "related"))
    )


def _related(fields: Fields, known: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the related documents of an example; a relation that it leaves out is empty."""
    if "related" not in fields:
        return {name: [] for name in known}
    inner = fields.below("related", known)
    documents: dict[str, list[dict[str, Any]]] = {}
    for name in known:
        for item in inner.items(name):
            if not isinstance(item, yaml.MappingNode):
                fields.document.fail(item, f"each of {name} must be a mapping")
        documents[name] = [fields.document.value(item) for item in inner.items(name)]
    return documents


def _section(fields: Fields, seen: set[str]) -> Section:
    known = ("id", "title", "level", "policies", "manual")
    return Section(
        id=fields.text("id"),
        title=fields.text("title"),
        controls=tuple(_control(control, seen) for control in fields.each("controls", known)),
    )


def _control(fields: Fields, seen: set[str]) -> Control:
    control = Control(
        id=fields.text("id"),
        title=fields.text("title"),
        level=fields.number("level", 1),
        policies=fields.texts("policies", KEY),
        manual=fields.flag("manual"),
    )
    if control.id in seen:
        fields.document.fail(fields.at("id"), f"control {control.id!r} is there twice")
    if control.manual and control.policies:
        fields.document.fail(fields.at("manual"), "a manual control has no policies")
    seen.add(control.id)
    return control


def _located(fields: Fields, error: ValueError) -> PolicyFileError:
    """Return `error` with its place in the file instead of its place in the expression."""
    name = getattr(error, "field", None) or _field_of(fields, getattr(error, "expression", None))
    node = fields.nodes.get(name, fields.node)
    line, column = getattr(error, "line", 1), getattr(error, "column", 1)
    if isinstance(node, yaml.ScalarNode):
        line, column = fields.document.place(node, line, column)
    else:
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
    return PolicyFileError(
        fields.document.file,
        line,
        column,
        f"{name}: {getattr(error, 'message', error)}",
        getattr(error, "suggestion", None),
    )


def _field_of(fields: Fields, expression: str | None) -> str:
    """Return which field holds the expression's text."""
    for name in ("fail_when", "applies_when", "message"):
        node = fields.nodes.get(name)
        if node is not None and node.value == expression:
            return name
    return "fail_when"
