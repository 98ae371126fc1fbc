"""What counts for an organisation, said in a form: from its fields to a classification."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import orjson

from cloudsealed.console.language import worded
from cloudsealed.kit.errors import InvalidFieldError, MissingFieldError
from cloudsealed.vocabulary import PolicyKind

Form = Mapping[str, Sequence[str]]

TAG_TESTS = {
    "is": worded("is"),
    "is_not": worded("is not"),
    "there": worded("is there, whatever it is"),
    "missing": worded("is missing"),
}
"""What may be asked of a tag."""

ASKED = {
    "account": worded("Account"),
    "region": worded("Region"),
    "resource_type": worded("Type of resource"),
    "dimension": worded("Dimension"),
    "severity": worded("Severity that the policy gives"),
    "policy": worded("Policy"),
}
"""What may be asked of a finding, each one of some values."""

SUPPRESS = "suppress"
FIELDS = ("tag_key", "tag_test", "tag_value", *ASKED, "effect", "until", "title", "reason", "key")
_LONGEST_KEY = 100


def expression_of(form: Form) -> str:
    """Return the CEL expression of what a form asks for; all that is said must hold. Empty when it
    says nothing."""
    return " && ".join((*_of_tag(form), *_of_finding(form)))


def classification_of(form: Form) -> dict[str, Any]:
    """Return the body of `POST /v1/policies` that a form says.

    Raises InvalidFieldError for a form that would match every finding, and MissingFieldError.
    """
    when = expression_of(form)
    if not when:
        raise InvalidFieldError("when", "Say of which findings: at least one condition is needed")
    effect, day = _one(form, "effect"), _one(form, "until")
    if not effect:
        raise MissingFieldError("effect")
    what: Mapping[str, Any] = {"set": {"severity": effect}}
    if effect == SUPPRESS:
        what = {"suppress": True}
    return {
        "kind": PolicyKind.CLASSIFICATION.value,
        "key": _one(form, "key") or _key_of(_one(form, "title")),
        "title": _one(form, "title"),
        "when": when,
        **what,
        "reason": _one(form, "reason"),
        "expires_at": f"{day}T23:59:59Z" if day else None,
    }


def said(form: Form) -> dict[str, list[str]]:
    """Return what a form says, by field, without blanks."""
    return {
        name: kept
        for name in FIELDS
        if (kept := [v.strip() for v in form.get(name, ()) if v.strip()])
    }


def query_of(form: Form, **more: str) -> str:
    """Return a form as the query of an address."""
    return urlencode({**said(form), **more}, doseq=True)


def _of_tag(form: Form) -> Iterator[str]:
    key, test = _one(form, "tag_key"), _one(form, "tag_test") or "is"
    if not key:
        return
    tag = f"tag(resource, {_literal(key)})"
    match test:
        case "missing":
            yield f"{tag} == null"
        case "there":
            yield f"{tag} != null"
        case _:
            same = _among(tag, _parted(form, "tag_value"))
            if not same:
                raise MissingFieldError("tag_value")
            yield f"!({same})" if test == "is_not" else same


def _of_finding(form: Form) -> Iterator[str]:
    for name in ASKED:
        if asked := _among(f"finding.{name}", _parted(form, name)):
            yield asked


def _among(what: str, values: Sequence[str]) -> str:
    if len(values) == 1:
        return f"{what} == {_literal(values[0])}"
    listed = ", ".join(map(_literal, values))
    return f"{what} in [{listed}]" if values else ""


def _parted(form: Form, name: str) -> list[str]:
    """Return the values of a field, which commas may part too, each once."""
    parts = (part.strip() for value in form.get(name, ()) for part in value.split(","))
    return list(dict.fromkeys(part for part in parts if part))


def _one(form: Form, name: str) -> str:
    return next(iter(form.get(name, ())), "").strip()


def _literal(text: str) -> str:
    """Return a text as CEL writes it: what JSON escapes means the same there."""
    if re.fullmatch(r"[\w .:/@+=-]*", text, re.ASCII):
        return f"'{text}'"
    return orjson.dumps(text).decode()


def _key_of(title: str) -> str:
    """Return a key of a title: its Latin letters and digits; the API refuses one of none."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:_LONGEST_KEY].strip("-")
