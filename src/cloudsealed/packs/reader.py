"""Policy and framework files, read strictly. It refuses what it does not know and fills no gap."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import yaml

from cloudsealed.packs.document import Document
from cloudsealed.packs.errors import PolicyFileError
from cloudsealed.packs.form import EXAMPLE_OUTCOMES, FRAMEWORK, policy_form
from cloudsealed.packs.model import (
    Control,
    Example,
    Framework,
    PolicySpec,
    Relation,
    Remediation,
    Section,
)
from cloudsealed.packs.shapes import Found
from cloudsealed.vocabulary import Dimension, Severity

Compile = Callable[[PolicySpec], object]


def parse_policy(
    text: str,
    *,
    file: str,
    types: Iterable[str] | None = None,
    compile: Compile | None = None,  # noqa: A002 - what it does
) -> PolicySpec:
    """Read one policy file. With `types`, a resource type that is not among them is refused.

    `compile` may refuse an expression by a ValueError that has `message`, `line` and `column`
    (from 1, in the expression), perhaps `suggestion`, and `field` (`fail_when`) or `expression`
    (its text); it becomes a PolicyFileError at its place in the file.

    Raises:
        PolicyFileError: the first thing that is wrong, with its line and column.
    """
    document = Document(text, file)
    found = policy_form(types).read(document, document.root, "the file")
    spec = _policy(found)
    if compile is not None:
        try:
            compile(spec)
        except ValueError as error:
            raise _located(found, error) from error
    return spec


def parse_framework(text: str, *, file: str) -> Framework:
    """Read one framework file; raises PolicyFileError at the first thing that is wrong."""
    document = Document(text, file)
    found = FRAMEWORK.read(document, document.root, "the file")
    seen: set[str] = set()
    return Framework(
        key=found["key"],
        title=found["title"],
        version=found["version"],
        source=found["source"],
        provider=found["provider"],
        sections=tuple(_section(section, seen) for section in found["sections"]),
    )


def _policy(found: Found) -> PolicySpec:
    related = found["related"].values if "related" in found else {}
    return PolicySpec(
        key=found["key"],
        version=found["version"],
        title=found["title"],
        dimension=Dimension(found["dimension"]),
        severity=Severity(found["severity"]),
        resource_types=found["resource_types"],
        description=found["description"],
        params=found["params"].values if "params" in found else {},
        related={name: _relation(each) for name, each in related.items()},
        applies_when=found["applies_when"],
        fail_when=found["fail_when"],
        message=found["message"],
        remediation=Remediation(**found["remediation"].values) if "remediation" in found else None,
        references=found["references"],
        discriminator=found["discriminator"],
        formerly=found["formerly"],
        examples=_examples(found["examples"], tuple(related)) if "examples" in found else (),
    )


def _relation(found: Found) -> Relation:
    return Relation(
        type=found["type"], source=found["from"], key=found["key"], scope=found["scope"]
    )


def _examples(found: Found, relations: tuple[str, ...]) -> tuple[Example, ...]:
    return tuple(
        Example(outcome, each["resource"], _related(each, relations))
        for outcome in EXAMPLE_OUTCOMES
        for each in found[outcome.value]
    )


def _related(example: Found, relations: tuple[str, ...]) -> dict[str, list[dict[str, Any]]]:
    """Return the related documents of an example; a relation that it leaves out is empty."""
    if "related" not in example:
        return {name: [] for name in relations}
    related: Found = example["related"]
    related.refuse_unknown(relations)
    return {name: list(related.values.get(name, ())) for name in relations}


def _section(found: Found, seen: set[str]) -> Section:
    controls = tuple(_control(control, seen) for control in found["controls"])
    return Section(id=found["id"], title=found["title"], controls=controls)


def _control(found: Found, seen: set[str]) -> Control:
    control = Control(**found.values)
    if control.id in seen:
        found.fail("id", f"control {control.id!r} is there twice")
    if control.manual and control.policies:
        found.fail("manual", "a manual control has no policies")
    seen.add(control.id)
    return control


def _located(found: Found, error: ValueError) -> PolicyFileError:
    """Return `error` with its place in the file instead of its place in the expression."""
    name = getattr(error, "field", None) or _field_of(found, getattr(error, "expression", None))
    node = found.nodes.get(name, found.node)
    line, column = getattr(error, "line", 1), getattr(error, "column", 1)
    if isinstance(node, yaml.ScalarNode):
        line, column = found.document.place(node, line, column)
    else:
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
    return PolicyFileError(
        found.document.file,
        line,
        column,
        f"{name}: {getattr(error, 'message', error)}",
        getattr(error, "suggestion", None),
    )


def _field_of(found: Found, expression: str | None) -> str:
    """Return which field holds the expression's text."""
    for name in ("fail_when", "applies_when", "message"):
        node = found.nodes.get(name)
        if node is not None and node.value == expression:
            return name
    return "fail_when"
