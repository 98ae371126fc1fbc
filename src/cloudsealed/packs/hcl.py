"""Terraform with a resource's own names in the place of its `<PLACEHOLDER>`s.

Names come from the cloud: each stays the value that it is, whatever it holds, or its placeholder
stays. It refuses to guess what a configuration calls a resource: what is no value, as in
`aws_s3_bucket.<BUCKET>.arn`, stays too, and so does what stands in or after a document (`<<EOT`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from cloudsealed.packs.names import PLACEHOLDER, Resource, names_of

_Place = Literal["label", "text", "comment", "value"]
_TEXT = r'"(?:[^"\\$%\n]|\\[^\n]|[$%](?!\{)|[$%]\{[^{}"\n]*\})*'
_WHOLE = rf"""(?:[^"#/<]|(?:#|//)[^\n]*\n|/\*.*?\*/|{_TEXT}"|{PLACEHOLDER.pattern}|/(?![/*]))*+"""
_CODE = re.compile(_WHOLE, re.DOTALL)
_IN_TEXT = re.compile(rf"{_WHOLE}{_TEXT}(?<![$%])", re.DOTALL)
_IN_COMMENT = re.compile(rf"{_WHOLE}(?:#|//)[^\n]*", re.DOTALL)
"""What leaves a place of HCL in code, in a text, or in a comment that ends with its line (HCL
Native Syntax Specification, lexical elements and templates)."""
_BEFORE_A_VALUE = re.compile(r"[=,\[(:]\s*\Z")
_AFTER_A_VALUE = re.compile(r"[ \t]*(?:[,\])}\n#]|\Z)")
_LABEL = re.compile(r'^[ \t]*\w+[ \t]+(?:"[^"\n]*"[ \t]+)*"\Z', re.MULTILINE)
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_TEMPLATE = re.compile(r"\A\{|[$%](?:\{|\Z)")  # what could begin one, beside what stands there
_MEANS_MORE = re.compile(r'["\\]')


def filled(text: str | None, resource: Resource) -> str | None:
    """Return HCL with the resource's own names."""
    if text is None:
        return None
    names = names_of(resource)
    return "".join(
        piece if place is None else _value(piece, names.get(piece[1:-1]), place)
        for piece, place in _pieces(text)
    )


@lru_cache(maxsize=4096)
def _pieces(text: str) -> tuple[tuple[str, _Place | None], ...]:
    """Return the pieces of a text, and of each that is a placeholder where it stands."""
    pieces: list[tuple[str, _Place | None]] = []
    at = 0
    for found in PLACEHOLDER.finditer(text):
        pieces += [(text[at : found.start()], None), (found[0], _place(found))]
        at = found.end()
    return (*pieces, (text[at:], None))


def _place(found: re.Match[str]) -> _Place | None:
    before = found.string[: found.start()]
    if _IN_TEXT.fullmatch(before):
        return "label" if _LABEL.search(before) else "text"
    if _IN_COMMENT.fullmatch(before):
        return "comment"
    is_whole = _BEFORE_A_VALUE.search(before) and _AFTER_A_VALUE.match(found.string, found.end())
    return "value" if is_whole and _CODE.fullmatch(before) else None


def _value(placeholder: str, value: str | None, place: _Place) -> str:
    if value is None or _TEMPLATE.search(value):
        return placeholder
    match place:
        case "label":
            return value if _IDENTIFIER.fullmatch(value) else placeholder
        case "comment":
            return value
        case "text":
            return _escaped(value)
        case "value":
            return f'"{_escaped(value)}"'


def _escaped(value: str) -> str:
    """Return a value as it stands between quotes (templates, quoted literals)."""
    return _MEANS_MORE.sub(r"\\\g<0>", value)
