"""The page of a policy in Markdown: what it finds, why, how to fix it, and how it decides.

A pure function of the policy and of the frameworks. Built-in policies and a user's own, out of a
file or out of the API, have the same page.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from cloudsealed.engine import Rule
from cloudsealed.kit.markdown import code, fence, paragraphs, table, text
from cloudsealed.packs import EXAMPLES_AT, Example, PolicySpec, Relation
from cloudsealed.packs.danger import caution_of
from cloudsealed.packs.model import Scope
from cloudsealed.policies.files import rule_of
from cloudsealed.policies.frameworks import served_by
from cloudsealed.policies.needs import needs_of
from cloudsealed.policies.trial import judged
from cloudsealed.vocabulary import Outcome

_WIDTH = 80
_HEADS = {Outcome.FAIL: "One that fails", Outcome.PASS: "One that passes"}


def page(spec: PolicySpec) -> str:
    """Return a policy's page; raises the engine's ExpressionError for one that does not compile."""
    rule = rule_of(spec)
    blocks = (
        _head(spec),
        _why(spec),
        _fix(spec),
        _decision(spec),
        _examples(spec, rule),
        _controls(spec),
        _reads(spec, rule),
        _references(spec),
    )
    return "\n\n".join(block.strip("\n") for part in blocks for block in part) + "\n"


def _head(spec: PolicySpec) -> Iterator[str]:
    yield f"# {text(spec.title)}"
    types = ", ".join(map(code, spec.resource_types))
    row = (code(spec.key), spec.severity, spec.dimension, types, str(spec.version))
    yield table(("policy", "severity", "dimension", "resource types", "version"), [row])
    if spec.formerly:
        yield f"Formerly {', '.join(map(code, spec.formerly))}."


def _why(spec: PolicySpec) -> Iterator[str]:
    if spec.description:
        yield "## Why it matters"
        yield paragraphs(spec.description)


def _fix(spec: PolicySpec) -> Iterator[str]:
    fix = spec.remediation
    if fix is None:
        return
    yield "## How to fix it"
    yield paragraphs(fix.summary)
    yield f"Effort: {fix.effort}."
    if caution := caution_of(fix.as_dict()):
        yield f"**Careful.** {paragraphs(caution)}"
    if fix.first:
        yield "First, which changes nothing or can be taken back:"
        yield fence("sh", fix.first)
    if fix.cli:
        yield "On the command line:"
        yield fence("sh", fix.cli)
    if fix.terraform:
        yield "In Terraform:"
        yield fence("hcl", fix.terraform)


def _decision(spec: PolicySpec) -> Iterator[str]:
    yield "## How it decides"
    if spec.applies_when:
        yield "It judges a resource only where this is true:"
        yield fence("cel", spec.applies_when)
    if spec.foreign:
        yield "It also judges what another account owns and this one only uses."
    yield "A resource fails where this is true:"
    yield fence("cel", spec.fail_when)
    yield from _severities(spec)
    yield from _savings(spec)
    if spec.params:
        yield "`params`, which can be set without touching the rule, are:"
        yield fence("json", _json(spec.params))
    if spec.related:
        yield "`related` has these other resources:"
        yield "\n".join(_relation(*item) for item in spec.related.items())
    if spec.message:
        yield f"A finding is titled {code(spec.message)}."


_WHERE: Mapping[Scope, str] = {
    "account": "account",
    "region": "account and region",
    "idle_regions": "account in regions that hold nothing of their own",
}


def _severities(spec: PolicySpec) -> Iterator[str]:
    if spec.severity_when:
        yield "The severity of what fails is that of the first that is true:"
        for degree in spec.severity_when:
            yield fence("cel", degree.when)
            yield f"gives {code(degree.severity)}."
        yield (
            f"Where none is, it is {spec.severity}, also of a new finding where the first that is"
            " not false reads what was not read; a known one keeps what it had by this version."
        )
    if spec.yields_to:
        others = ", ".join(map(code, spec.yields_to))
        yield f"It yields to {others}: while one fails on the same resource, that asks alone."


def _savings(spec: PolicySpec) -> Iterator[str]:
    if spec.savings:
        yield "A cure saves the sum of these a month, each a price by its name and how much of it:"
        for each in spec.savings:
            yield fence("cel", f"{each.price}\n{each.quantity}")
    if spec.unpriced:
        yield f"What a cure saves is not reckoned: {paragraphs(spec.unpriced)}"


def _relation(name: str, relation: Relation) -> str:
    where = _WHERE[relation.scope]
    said = f"- {code(name)}: every {code(relation.type)} of the {where}"
    if relation.source is None or relation.key is None:
        return said
    return f"{said} whose {code(relation.key)} is in this resource's {code(relation.source)}"


def _examples(spec: PolicySpec, rule: Rule) -> Iterator[str]:
    first = {example.outcome: example for example in reversed(spec.examples)}
    shown = [(head, first[outcome]) for outcome, head in _HEADS.items() if outcome in first]
    if shown:
        yield "## Examples"
    for head, example in shown:
        yield f"### {head}"
        yield from _example(example, rule)


def _example(example: Example, rule: Rule) -> Iterator[str]:
    shown: dict[str, Any] = {"resource": example.resource}
    if any(example.related.values()):
        shown["related"] = {name: found for name, found in example.related.items() if found}
    if example.unread:
        shown["unread"] = list(example.unread)
    yield fence("json", _json(shown))
    found = judged(rule, example)
    said = f", titled {code(found.message)}" if found.message else ""
    yield f"On {EXAMPLES_AT:%Y-%m-%d} the outcome is {code(found.outcome)}{said}."


def _controls(spec: PolicySpec) -> Iterator[str]:
    if served := served_by(spec.key, spec.controls):
        yield "## Controls"
        named = groupby(served, lambda each: (each.framework, each.version))
        yield table(
            ("framework", "version", "controls"),
            (
                (text(name), text(version), "; ".join(text(f"{s.control} {s.asks}") for s in each))
                for (name, version), each in named
            ),
        )


def _reads(spec: PolicySpec, rule: Rule) -> Iterator[str]:
    needs = needs_of(spec, rule)
    if needs:
        yield "## What it reads"
        yield "Where one of these calls was not answered, the outcome is `unknown`."
        yield table(
            ("resource type", "call", "IAM action"),
            ((code(each.type), code(each.call), code(each.action)) for each in needs),
        )


def _references(spec: PolicySpec) -> Iterator[str]:
    lines = [f"- {text(each)}" for each in spec.references]
    lines += [
        f"- {text(name.capitalize())}: {', '.join(map(code, checks))}"
        for name, checks in spec.equivalents.items()
    ]
    if lines:
        yield "## References"
        yield "\n".join(lines)


def _json(value: object, indent: str = "") -> str:
    """Return JSON in which what fits in a line stands in one."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(line) <= _WIDTH or not isinstance(value, Mapping | list):
        return line
    inner = indent + "  "
    if isinstance(value, Mapping):
        items = [f"{_json(name)}: {_json(each, inner)}" for name, each in value.items()]
    else:
        items = [_json(each, inner) for each in value]
    first, last = line[0], line[-1]
    return f"{first}\n{inner}" + f",\n{inner}".join(items) + f"\n{indent}{last}"
