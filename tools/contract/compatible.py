"""Says whether one OpenAPI document keeps every promise of another: what a client could rely on.

What breaks one is named with the rule of docs/versioning.md that it breaks. Additions are fine, and
so is that something went whose `x-sunset` is over.

    python tools/contract/compatible.py RELEASED NEW
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

Document = dict[str, Any]
Broken = tuple[str, str]  # a rule, and what breaks it
_METHODS = ("get", "post", "patch", "put", "delete")
RULES = {
    "operations": "Operations stay",
    "statuses": "Statuses stay",
    "parameters": "Parameters stay, and stay optional",
    "values": "What a request may say stays",
    "bodies": "Bodies stay, and stay optional",
    "scopes": "Scopes stay",
    "answers": "Fields of answers stay",
}
"""The rules by their headings in docs/versioning.md."""


def breaks(old: Document, new: Document) -> Iterator[str]:
    """Yield every promise of `old` that `new` breaks, with the rule."""
    for rule, text in _breaks(old, new):
        yield f"{text} [docs/versioning.md: {RULES[rule]}]"


def _breaks(old: Document, new: Document) -> Iterator[Broken]:
    for path, methods in old["paths"].items():
        for method in _METHODS:
            if method in methods and not _may_go(methods[method]):
                name = f"{method.upper()} {path}"
                now = new["paths"].get(path, {}).get(method)
                if now is None:
                    yield "operations", f"{name} is gone"
                else:
                    given = (methods[method], now, old, new)
                    yield from _named(name, _operation(*given))
    schemas = new["components"]["schemas"]
    asked, answered = _uses(old)
    for name, schema in old["components"]["schemas"].items():
        if name not in schemas:
            continue
        if name in answered:
            yield from _named(name, _answer(schema, schemas[name]))
        if name in asked:
            given = (schema, schemas[name], old, new)
            yield from _named(name, _request(*given))


def _named(name: str, found: Iterator[Broken]) -> Iterator[Broken]:
    return ((rule, f"{name}: {text}") for rule, text in found)


def _may_go(node: Document) -> bool:
    """Say whether something was deprecated and its last day is over."""
    last = node.get("x-sunset") if node.get("deprecated") else None
    return last is not None and date.fromisoformat(last) < datetime.now(UTC).date()


def _staying(properties: Document) -> list[str]:
    return [name for name, schema in properties.items() if not _may_go(schema)]


def _operation(old: Document, new: Document, before: Document, after: Document) -> Iterator[Broken]:
    if old["operationId"] != new["operationId"]:
        yield "operations", f"is {new['operationId']} now"
    for status in old["responses"]:
        if status not in new["responses"]:
            yield "statuses", f"no longer answers {status}"
    was = {p["name"]: p for p in old.get("parameters", ())}
    now = {p["name"]: p for p in new.get("parameters", ())}
    for name in _staying(was):
        if name not in now:
            yield "parameters", f"no longer takes {name}"
    for name, parameter in now.items():
        if parameter.get("required") and not was.get(name, {}).get("required"):
            yield "parameters", f"needs {name} now"
    for name in was.keys() & now.keys():
        lost = _lost(was[name]["schema"], now[name]["schema"], before, after)
        yield from (("values", f"{name} no longer takes {value}") for value in sorted(lost))
    if _needs_body(new) and not _needs_body(old):
        yield "bodies", "needs a body now"
    if (were := _scopes(old)) != (are := _scopes(new)):
        yield "scopes", f"needs {are}, not {were}"


def _answer(old: Document, new: Document) -> Iterator[Broken]:
    was, now = _staying(old.get("properties", {})), new.get("properties", {})
    yield from (("answers", f"{name} is gone") for name in was if name not in now)
    missing = set(old.get("required", ())) & set(was) - set(new.get("required", ()))
    yield from (("answers", f"{name} may be missing now") for name in sorted(missing))


def _request(old: Document, new: Document, before: Document, after: Document) -> Iterator[Broken]:
    was, now = _staying(old.get("properties", {})), new.get("properties", {})
    yield from (("bodies", f"{name} is refused now") for name in was if name not in now)
    needed = set(new.get("required", ())) - set(old.get("required", ()))
    yield from (("bodies", f"{name} is needed now") for name in sorted(needed))
    lost = _lost(old, new, before, after)
    yield from (("values", f"{value} is refused now") for value in sorted(lost))


def _lost(old: Document, new: Document, before: Document, after: Document) -> set[str]:
    """Return the values that `old` lists and `new` does not take, by its list or its pattern."""
    was, now = _choices(old, before), _choices(new, after)
    pattern = new.get("pattern")
    if now or pattern is None:
        return was - now
    return {value for value in was if not re.search(pattern, value)}


def _choices(schema: Document, document: Document) -> set[str]:
    """Return the only values that a schema takes, behind references; none if it takes others."""
    if "$ref" in schema:
        return _choices(_component(schema["$ref"], document), document)
    values = schema.get("enum", [schema["const"]] if "const" in schema else ())
    return {str(value) for value in values} or (
        _choices(schema["items"], document) if "items" in schema else set()
    )


def _component(reference: str, document: Document) -> Document:
    kind, _, name = reference.removeprefix("#/components/").partition("/")
    found: Document = document["components"][kind][name]
    return found


def _needs_body(operation: Document) -> bool:
    return bool(operation.get("requestBody", {}).get("required"))


def _scopes(operation: Document) -> list[Any]:
    return [way["oauth"] for way in operation["security"] if "oauth" in way]


def _uses(document: Document) -> tuple[set[str], set[str]]:
    """Return the names of the schemas that requests and that answers reach."""
    asked: set[str] = set()
    answered: set[str] = set()
    for methods in document["paths"].values():
        for operation in methods.values():
            _reach(operation.get("requestBody"), document, asked)
            _reach(operation["responses"], document, answered)
    return asked, answered


def _reach(node: Any, document: Document, found: set[str]) -> None:
    if isinstance(node, list):
        for item in node:
            _reach(item, document, found)
    if not isinstance(node, dict):
        return
    target = str(node.get("$ref", ""))
    if target:
        kind, _, name = target.removeprefix("#/components/").partition("/")
        if kind != "schemas" or name not in found:
            found |= {name} if kind == "schemas" else set()
            _reach(document["components"][kind][name], document, found)
    for value in node.values():
        _reach(value, document, found)


def main(released: Path, new: Path) -> int:
    """Print what is broken; return the exit code."""
    found = list(breaks(json.loads(released.read_text()), json.loads(new.read_text())))
    for text in found:
        print(f"breaks clients: {text}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
