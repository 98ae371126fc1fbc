"""Writes what Kubernetes' API reference says of the objects that are collected: the names and types
of their fields, as `collectors.attributes` has them.

    python -m tools.kubernetes_shapes [--check]

Source: the definitions of the newest version of the API in the package kubernetes-validate. With
`--check` it writes nothing, and exits 1 when the file says something else.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import kubernetes_validate
import orjson

from cloudsealed.collectors.kubernetes.manifests import KINDS

ROOT = Path(__file__).parent.parent
FILE = ROOT / "src" / "cloudsealed" / "collectors" / "kubernetes" / "shapes.json"
_LEFT_OUT: Final = frozenset({"managedFields", "selfLink"})
"""What is never stored."""
_OF_OBJECTS: Final = frozenset({"apiVersion", "kind"})
"""What no list answers of its objects; what names another object, as an owner or a subject, has
them."""
_WORDS: Final = {"string": "string", "integer": "integer", "number": "number", "boolean": "boolean"}
_KEY: Final = "x-kubernetes-group-version-kind"


def definitions() -> Mapping[str, Any]:
    """Return the definitions of the newest version."""
    folder = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
    newest = max(
        (each for each in folder.iterdir() if each.name.endswith("-local")),
        key=lambda each: [int(part) for part in each.name[1:].partition("-")[0].split(".")],
    )
    found: Mapping[str, Any] = orjson.loads((newest / "_definitions.json").read_bytes())["$defs"]
    return found


def written(known: Mapping[str, Any]) -> bytes:
    """Return the file: the fields of each plural, by the names of shapes that several share."""
    wanted: dict[str, Any] = {}

    def shape(schema: Mapping[str, Any]) -> Any:
        if "$ref" in schema:
            name = str(schema["$ref"]).rpartition("/")[2]
            return reference(name)
        kind = schema.get("type")
        kind = (
            next((each for each in kind if each != "null"), None)
            if isinstance(kind, list)
            else kind
        )
        if kind == "array":
            return [shape(schema["items"])]
        if kind == "object":
            without = _LEFT_OUT | _OF_OBJECTS if _KEY in schema else _LEFT_OUT
            below = {
                name: shape(each)
                for name, each in sorted(schema.get("properties", {}).items())
                if name not in without
            }
            return below or "map"
        if kind == "string" and schema.get("format") == "date-time":
            return "time"
        return _WORDS.get(str(kind))

    def reference(name: str) -> Any:
        schema = known[name]
        if not schema.get("properties"):
            return shape({key: value for key, value in schema.items() if key != "$ref"})
        short = name.rpartition(".")[2]
        if short not in wanted:
            wanted[short] = None
            wanted[short] = shape(schema)
        return {"$": short}

    of_plural = {}
    for kind, (group, plural) in sorted(KINDS.items(), key=lambda each: each[1]):
        names = [
            name
            for name, schema in known.items()
            for each in schema.get(_KEY, ())
            if each["kind"] == kind
            and each["group"] == ("" if group == "core" else group)
            and each["version"] in ("v1", "v2")
        ]
        of_plural[f"{group}/{plural}"] = reference(max(names))
    return orjson.dumps(
        {"of": of_plural, "shapes": wanted}, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS
    )


def main() -> int:
    """Write the file, or say that it is not what it should be."""
    found = written(definitions()) + b"\n"
    if "--check" in sys.argv[1:]:
        return int(not FILE.exists() or FILE.read_bytes() != found)
    FILE.write_bytes(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
