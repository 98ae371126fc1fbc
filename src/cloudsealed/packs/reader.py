"""Policies and frameworks, read strictly. It refuses what it does not know and fills no gap.

What a policy may say is read the same out of a file and out of a body of the API; only where a
mistake stands is said in other words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from typing import Any

import yaml

from cloudsealed.kit.shapes import (
    Fault,
    FormError,
    Record,
    Use,
    path_of,
    refuse_all,
    unknown,
    words,
)
from cloudsealed.packs.document import MAX_CHARACTERS, Document
from cloudsealed.packs.errors import PolicyFileError
from cloudsealed.packs.form import CLASSIFICATION, EXAMPLE_OUTCOMES, FRAMEWORK, RELATED, check_form
from cloudsealed.packs.model import (
    AUTHORS,
    Control,
    Degree,
    Example,
    Framework,
    PolicyBody,
    PolicySpec,
    Relation,
    Remediation,
    SavedQuantity,
    Section,
)
from cloudsealed.packs.templates import expanded
from cloudsealed.packs.yields import refuse_yields
from cloudsealed.vocabulary import Dimension, PolicyKind, Responsibility, Severity

Compile = Callable[[PolicySpec], object]
Values = Mapping[str, Any]

LONGEST_FRAMEWORK = 4 * MAX_CHARACTERS


def parse_policy(
    text: str,
    *,
    file: str,
    types: Iterable[str] | None = None,
    compile: Compile | None = None,  # noqa: A002 - what it does
) -> PolicySpec:
    """Read one policy file. With `types`, a resource type that is not among them is refused.

    The file may be what `GET /v1/policies/{id}` answers of a check: of that, what a file cannot say
    is passed over. `compile` may refuse an expression by a ValueError that has `message`, `line`
    and `column` (from 1, in the expression), perhaps `suggestion`, `others`, and `field`
    (`fail_when`, `severity_when[0].when`) or `expression` (its text); each becomes a
    PolicyFileError at its place in the file. Of what else is wrong, it is given stand-ins.

    Raises:
        PolicyFileError: the first thing that is wrong, with its line and column, and the others.
    """
    document = expanded(Document(text, file))
    found, refused = _draft(check_form(types).of(Use.FILE), _said(document))
    errors = [placed(document, each) for each in refused]
    try:
        spec = policy_of(found)
    except FormError as error:
        errors += [placed(document, each) for each in error.every]
        spec = policy_of({**found, "examples": {}})
    if compile is not None and not _hidden(refused):
        try:
            compile(spec)
        except ValueError as error:
            every = (error, *getattr(error, "others", ()))
            errors += [_located(document, each) for each in every]
    if errors:
        first, *others = sorted(errors, key=lambda each: (each.line, each.column))
        first.others = tuple(others)
        raise first
    return spec


def _said(document: Document) -> Any:
    value = document.value(document.root)
    if isinstance(value, dict) and value.get("object") == "policy":
        known = check_form().of(Use.FILE).known
        value = {name: said for name, said in value.items() if name in known}
    return value


_STAND_INS: Values = {
    "kind": PolicyKind.CHECK,
    "key": "x",
    "title": "x",
    "dimension": Dimension.SECURITY,
    "severity": Severity.LOW,
    "resource_types": [],
    "fail_when": "true",
    "when": "true",
}


def _draft(form: Record, value: Any) -> tuple[Values, Sequence[FormError]]:
    """Return what a value says, with something in place of what is wrong, and what is wrong."""
    try:
        return form.read(value), ()
    except FormError as refused:
        return _filled(form, refused.good), refused.every


def _filled(form: Record, good: Values) -> Values:
    return {
        name: copy(_STAND_INS.get(name, part.default)) if good.get(name) is None else good[name]
        for name, part in form.parts.items()
    }


def _hidden(refused: Iterable[FormError]) -> bool:
    """Say whether what expressions read by name is among what is wrong."""
    return any(each.at[:1] in (("params",), ("related",)) for each in refused)


def read_policies(files: Iterable[tuple[str, str]]) -> list[Values]:
    """Read policy files, each a name and its text, that belong together: what they yield to is
    among them. Return JSON values that `policy_of` takes.

    Raises PolicyFileError for the first thing that is wrong."""
    documents = [expanded(Document(text, file)) for file, text in files]
    read = [_read(document) for document in documents]
    checks = {spec.key: spec.words for spec, _ in read}
    for document, (spec, _) in zip(documents, read, strict=True):
        try:
            refuse_yields(spec.key, spec.words, checks)
        except FormError as refused:
            raise placed(document, refused) from refused
    return [found for _, found in read]


def _read(document: Document) -> tuple[PolicySpec, Values]:
    """Return a policy, and the values that `policy_of` makes it of."""
    try:
        found = check_form().of(Use.FILE).read(_said(document))
        return policy_of(found), found
    except FormError as refused:
        raise placed(document, refused) from refused


def read_body(value: Any, *, types: Iterable[str]) -> PolicyBody:
    """Read a policy of either kind; raises FormError for the first thing that is wrong, with the
    others."""
    kind = kind_of(value)
    form = check_form(types) if kind is PolicyKind.CHECK else CLASSIFICATION
    return _body(kind, form.of(Use.API).read(value))


def draft_of(value: Any, good: Values) -> PolicyBody | None:
    """Return the policy that a refused body would be, with something in place of what is wrong, so
    that its expressions can be looked at; None where what they read is wrong too."""
    kind = kind_of(value)
    form = (check_form() if kind is PolicyKind.CHECK else CLASSIFICATION).of(Use.API)
    if any(good.get(name) is None for name in ("params", "related") if name in form.parts):
        return None
    try:
        return _body(kind, _filled(form, good))
    except FormError:
        return None


def kind_of(value: Any) -> PolicyKind:
    """Return which kind of policy a value says that it is; raises FormError."""
    said = value.get("kind") if isinstance(value, dict) else None
    return PolicyKind(_KIND.read(PolicyKind.CHECK if said is None else said, ("kind",)))


def _body(kind: PolicyKind, found: Values) -> PolicyBody:
    if kind is PolicyKind.CHECK:
        told: dict[str, Any] = {name: found[name] for name in AUTHORS if found[name]}
        if "examples" in told:
            told["examples"] = _as_said(told["examples"])
        spec = {**policy_of(found).words, **told}
    else:
        spec = _classification(found)
    return PolicyBody(kind, found["key"], found["enabled"], spec)


def parse_framework(text: str, *, file: str) -> Framework:
    """Read one framework file; raises PolicyFileError at the first thing that is wrong.

    It may be four times as long as a policy: a catalogue has hundreds of controls.
    """
    document = Document(text, file, longest=LONGEST_FRAMEWORK)
    try:
        return _framework(FRAMEWORK.read(document.value(document.root)))
    except FormError as refused:
        raise placed(document, refused) from refused


_KIND = words(PolicyKind)


def policy_of(found: Values) -> PolicySpec:
    """Return the check that values say, which its form has read."""
    return PolicySpec(
        key=found["key"],
        version=found["version"],
        title=found["title"],
        dimension=Dimension(found["dimension"]),
        severity=Severity(found["severity"]),
        resource_types=tuple(found["resource_types"]),
        description=found["description"],
        params=found["params"],
        related={name: _relation(each) for name, each in found["related"].items()},
        foreign=found["foreign"],
        applies_when=found["applies_when"],
        fail_when=found["fail_when"],
        severity_when=tuple(
            Degree(each["when"], Severity(each["severity"])) for each in found["severity_when"]
        ),
        savings=tuple(SavedQuantity(**each) for each in found["savings"]),
        unpriced=found["unpriced"],
        yields_to=tuple(found["yields_to"]),
        message=found["message"],
        remediation=Remediation(**found["remediation"]) if found["remediation"] else None,
        controls=tuple((each["framework"], each["control"]) for each in found["controls"]),
        references=tuple(found["references"]),
        discriminator=found["discriminator"],
        formerly=tuple(found["formerly"]),
        applies_because=found["applies_because"],
        equivalents={name: tuple(each) for name, each in found["equivalents"].items()},
        examples=examples_of(found["examples"], tuple(found["related"])),
    )


def _relation(found: Values) -> Relation:
    return Relation(
        type=found["type"], source=found["from"], key=found["key"], scope=found["scope"]
    )


def _as_said(found: Values) -> dict[str, Any]:
    """Return examples as they are written, without what their form fills in."""
    return {
        outcome: [
            {n: said for n, said in each.items() if n == "resource" or said not in (None, {}, [])}
            for each in examples
        ]
        for outcome, examples in found.items()
        if examples
    }


def examples_of(found: Values, relations: Sequence[str]) -> tuple[Example, ...]:
    """Return the examples; a relation that one leaves out is empty. Raises FormError."""
    examples, strangers = [], []
    for outcome in EXAMPLE_OUTCOMES:
        for index, each in enumerate(found.get(outcome, ())):
            at = ("examples", outcome, index, "related")
            given = each.get("related") or {}
            strangers += unknown(given, relations, at)
            unread = tuple(each.get("unread") or ())
            parts = (name.removeprefix(RELATED) for name in unread if name.startswith(RELATED))
            strangers += unknown(dict.fromkeys(parts), relations, (*at[:-1], "unread"))
            related = {name: given.get(name, []) for name in relations}
            severity = Severity(each["severity"]) if each.get("severity") else None
            examples.append(Example(outcome, each["resource"], related, severity, unread))
    refuse_all(strangers)
    return tuple(examples)


def _classification(found: Values) -> dict[str, Any]:
    if found["suppress"] == (found["set"] is not None):
        raise FormError(("set",), "or suppress: true, exactly one of them, is required")
    return {name: found[name] for name in found if name not in ("kind", "key", "enabled")}


def _framework(found: Values) -> Framework:
    seen: set[str] = set()
    sections = tuple(
        _section(each, ("sections", index), seen) for index, each in enumerate(found["sections"])
    )
    return Framework(**{**found, "sections": sections})


def _section(found: Values, at: tuple[str | int, ...], seen: set[str]) -> Section:
    controls = tuple(
        _control(each, (*at, "controls", index), seen)
        for index, each in enumerate(found["controls"])
    )
    return Section(**{**found, "controls": controls})


def _control(found: Values, at: tuple[str | int, ...], seen: set[str]) -> Control:
    control = Control(**{**found, "policies": tuple(found["policies"])})
    if control.id in seen:
        raise FormError((*at, "id"), f"is there twice: {control.id!r}")
    if control.manual and control.policies:
        raise FormError((*at, "manual"), "must be false: a manual control has no policies")
    if control.responsibility == Responsibility.PROVIDER and (control.policies or control.manual):
        message = "must be shared: what the provider alone answers for nobody judges here"
        raise FormError((*at, "responsibility"), message)
    seen.add(control.id)
    return control


def placed(document: Document, refused: FormError) -> PolicyFileError:
    """Return what is wrong with its place in the file."""
    name = refused.at[-1] if refused.at else ""
    node = document.node(refused.at, name=refused.fault in (Fault.NAME, Fault.UNKNOWN))
    match refused.fault:
        case Fault.MISSING:
            message = f"missing field {name!r}"
        case Fault.UNKNOWN:
            message = f"unknown field {name!r}"
        case _:
            message = f"{refused.field or 'the file'} {refused.message}"
    return document.error(node, message, refused.suggestion)


def _located(document: Document, error: ValueError) -> PolicyFileError:
    """Return `error` with its place in the file instead of its place in the expression."""
    expression = getattr(error, "expression", None)
    name = getattr(error, "field", None) or _field_of(document, expression)
    node = document.node(path_of(name))
    line, column = getattr(error, "line", 1), getattr(error, "column", 1)
    if isinstance(node, yaml.ScalarNode):
        line, column = document.place(node, line, column)
    else:
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
    return PolicyFileError(
        document.file,
        line,
        column,
        f"{name}: {getattr(error, 'message', error)}",
        getattr(error, "suggestion", None),
    )


def _field_of(document: Document, expression: str | None) -> str:
    """Return which field holds the expression's text."""
    for name in ("fail_when", "applies_when", "message"):
        if document.node((name,)).value == expression:
            return name
    return "fail_when"
