"""A policy as people write it: the form of a file, in YAML, and where in it each fault stands.

The editor has one text in the place of a field for each of some twenty parts. What is written
there can be kept in a repository, and what is kept in one pasted; parts within parts (relations,
examples, severities) need no forms within forms; and only a text has lines and columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from yaml import ScalarNode

from cloudsealed.kit.shapes import Part, Use, hint
from cloudsealed.kit.shapes.errors import path_of
from cloudsealed.packs import CLASSIFICATION, EXAMPLE_OUTCOMES, PolicyFileError, check_form
from cloudsealed.packs.document import Document, written
from cloudsealed.vocabulary import PolicyKind

_NAMES = {"unknown_field"}
_SET_BY_BUTTONS = ("enabled", "version")
_RECORDS = {"remediation", "related"}  # of which null says that a part is left out
_EMPTY: tuple[Any, ...] = (None, [], {}, False)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where: from line and column to before `end` in the same line, all from
    1."""

    line: int
    column: int
    end: int
    message: str


class Draft:
    """A text, and the body of `POST /v1/policies` that it says; None while it is no YAML."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.body: Any = None
        self.problems: list[Problem] = []
        self._document: Document | None = None
        try:
            self._document = Document(text, "")
        except PolicyFileError as error:
            self.problems = [_unread(text.split("\n"), error)]
        else:
            self.body = self._document.value(self._document.root)

    @property
    def is_yaml(self) -> bool:
        """Whether it can be read at all; the API says what is wrong with what it says."""
        return self._document is not None

    @property
    def types(self) -> list[str]:
        """The types of resources that it says it judges."""
        found = self.body.get("resource_types") if isinstance(self.body, Mapping) else None
        return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []

    def place(self, details: Iterable[Mapping[str, Any]]) -> None:
        """Put what the API found wrong at its place in the text."""
        self.problems = sorted(
            map(self._placed, details), key=lambda each: (each.line, each.column)
        )

    def _placed(self, detail: Mapping[str, Any]) -> Problem:
        assert self._document is not None, "what is no YAML was sent nowhere"
        field, message = str(detail["field"]), str(detail["message"])
        message += hint(message, detail.get("suggestion"))
        node = self._document.node(path_of(field), name=detail.get("code") in _NAMES)
        mark = node.start_mark
        line, column = mark.line + 1, mark.column + 1
        end = node.end_mark.column + 1 if node.end_mark.line == mark.line else column + 1
        if isinstance(node, ScalarNode) and detail.get("line"):
            within = int(detail["line"]), int(detail["column"])
            line, column = self._document.place(node, *within)
            last = int(detail.get("end_column") or 0) - 1
            below = self._document.place(node, within[0], last) if last >= within[1] else None
            end = below[1] + 1 if below and below[0] == line else column + 1
        return Problem(line, column, max(end, column + 1), message)


def _unread(lines: Sequence[str], error: PolicyFileError) -> Problem:
    """Return why a text is no YAML; what is missing after its end stands at its end."""
    if error.line > len(lines):
        last = max(1, len(lines[-1]))
        return Problem(len(lines), last, last + 1, error.message)
    return Problem(error.line, error.column, error.column + 1, error.message)


def text_of(policy: Mapping[str, Any], examples: Mapping[str, Any] | None = None) -> str:
    """Return the text of a policy that the API answers: what its author said, in the order of the
    form."""
    named = [each.value for each in EXAMPLE_OUTCOMES]
    tried = {name: found for name in named if (found := (examples or {}).get(name))}
    said = {**policy, "examples": tried}
    if policy["kind"] == PolicyKind.CHECK:
        said["kind"] = None
    names = (name for name in fields_of(policy["kind"]) if name not in _SET_BY_BUTTONS)
    shown = {name: said[name] for name in names if said.get(name) not in _EMPTY}
    for name in _RECORDS & shown.keys():
        shown[name] = _without_nulls(shown[name])
    return written(shown)


def change_of(draft: Draft, kind: str) -> dict[str, Any]:
    """Return the body of a PATCH after which a policy says what the draft says: what the draft
    leaves out is left out then."""
    known = fields_of(kind)
    left_out = {
        name: None if part.may_be_null else part.default
        for name, part in known.items()
        if name not in (*_SET_BY_BUTTONS, "kind", "key") and not (part.told and part.default)
    }
    return {**left_out, **draft.body}


def fields_of(kind: str) -> Mapping[str, Part]:
    """Return what a policy of a kind may say, by name."""
    form = check_form() if kind == PolicyKind.CHECK else CLASSIFICATION
    return form.of(Use.API).known


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_nulls(each) for each in value]
    return value
