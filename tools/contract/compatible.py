"""Says whether one OpenAPI document keeps every promise of another: what a client could rely on.

Refused: an operation, status, field of an answer or error code that is gone; a parameter or body
field that became required or went; an enum of a request that takes less. Additions are fine.

    python tools/contract/compatible.py RELEASED NEW
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Document = dict[str, Any]
_METHODS = ("get", "post", "patch", "put", "delete")


def breaks(old: Document, new: Document) -> Iterator[str]:
    """Yield every promise of `old` that `new` breaks."""
    for path, methods in old["paths"].items():
        for method in _METHODS:
            if method in methods:
                name = f"{method.upper()} {path}"
                now = new["paths"].get(path, {}).get(method)
                if now is None:
                    yield f"{name} is gone"
                else:
                    given = (methods[method], now, old, new)
                    yield from (f"{name}: {text}" for text in _operation(*given))
    schemas = new["components"]["schemas"]
    asked, answered = _uses(old)
    for name, schema in old["components"]["schemas"].items():
        if name not in schemas:
            continue
        if name in answered:
            yield from (f"{name}: {text}" for text in _answer(schema, schemas[name]))
        if name in asked:
            given = (schema, schemas[name], old, new)
            yield from (f"{name}: {text}" for text in _request(*given))


def _operation(old: Document, new: Document, before: Document, after: Document) -> Iterator[str]:
    if old["operationId"] != new["operationId"]:
        yield f"is {new['operationId']} now"
    yield from (f"no longer answers {s}" for s in old["responses"] if s not in new["responses"])
    was = {p["name"]: p for p in old.get("parameters", ())}
    now = {p["name"]: p for p in new.get("parameters", ())}
    yield from (f"no longer takes {name}" for name in was if name not in now)
    for name, parameter in now.items():
        if parameter.get("required") and not was.get(name, {}).get("required"):
            yield f"needs {name} now"
    for name in was.keys() & now.keys():
        lost = _choices(was[name]["schema"], before) - _choices(now[name]["schema"], after)
        yield from (f"{name} no longer takes {value}" for value in sorted(lost))
    if new.get("requestBody", {}).get("required") and not old.get("requestBody", {}).get(
        "required"
    ):
        yield "needs a body now"
    if (were := _scopes(old)) != (are := _scopes(new)):
        yield f"needs {are}, not {were}"


def _answer(old: Document, new: Document) -> Iterator[str]:
    now = new.get("properties", {})
    yield from (f"{name} is gone" for name in old.get("properties", {}) if name not in now)
    gone = set(old.get("required", ())) - set(new.get("required", ()))
    yield from (f"{name} may be missing now" for name in sorted(gone))


def _request(old: Document, new: Document, before: Document, after: Document) -> Iterator[str]:
    now = new.get("properties", {})
    yield from (f"{name} is refused now" for name in old.get("properties", {}) if name not in now)
    needed = set(new.get("required", ())) - set(old.get("required", ()))
    yield from (f"{name} is needed now" for name in sorted(needed))
    lost = _choices(old, before) - _choices(new, after)
    yield from (f"{value} is refused now" for value in sorted(lost))


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
