"""Which attributes an expression can read: what a verdict is unknown without.

A path is a tuple of field names that begins with a variable: `("resource", "Policy")`. Items of
lists add nothing, so `("related", "groups", "IpPermissions")` is that field of any of them.
- `("resource",)` is the whole document; a computed key reads what it is looked up in.
- `("related", "groups")` is only which resources there are; `("related", "groups", "*")` is any
  attribute of them.
Refuses a field that the document's type does not have, with the nearest one that it has.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from cloudsealed.engine.errors import ExpressionError
from cloudsealed.engine.language.resolve import nearest
from cloudsealed.engine.language.syntax import (
    Apply,
    Bind,
    Conditional,
    Constant,
    Has,
    Index,
    Loop,
    Name,
    Node,
    OptionalIndex,
    OptionalMap,
    Otherwise,
    Select,
    children,
)
from cloudsealed.kit.nearest import suggested

Path: TypeAlias = tuple[str, ...]
Fields: TypeAlias = Mapping[str, "Fields | None"]
"""The fields of a document or of an item of a list; None is a leaf, or what nobody knows."""

_Scope: TypeAlias = Mapping[str, Path | None]


@dataclass(frozen=True, slots=True)
class DocumentType:
    """What is known of a document's fields; `name` is how messages call it (`aws.s3.bucket`), and
    `hint` what they say of where else to look."""

    name: str
    fields: Fields = field(default_factory=dict)
    hint: str = ""

    @classmethod
    def any_of(cls, types: Collection[DocumentType]) -> DocumentType:
        """The type of a document that may be of any of these: a field of one is known."""
        fields: Fields = {}
        for each in types:
            fields = _merge(fields, each.fields)
        return cls(" or ".join(each.name for each in types), fields)


def _merge(one: Fields, two: Fields) -> Fields:
    merged = dict(one)
    for name, below in two.items():
        known = merged.get(name, {})
        merged[name] = None if known is None or below is None else _merge(known, below)
    return merged


def reads_of(
    tree: Node, source: str, variables: Collection[str], types: Mapping[str, DocumentType]
) -> frozenset[Path]:
    """The paths that `tree` can read; `types` are by variable (`resource`, `related.groups`).

    Raises `ExpressionError` for a field that its document cannot have.
    """
    reader = _Reader(source, types)
    reader.use(reader.visit(tree, {name: (name,) for name in variables}))
    return frozenset(reader.paths)


class _Reader:
    def __init__(self, source: str, types: Mapping[str, DocumentType]) -> None:
        self.source = source
        self.types = {tuple(name.split(".")): found for name, found in types.items()}
        self.paths: set[Path] = set()

    def use(self, path: Path | None) -> None:
        """Note that all that is at `path` is read."""
        if path is not None:
            is_relation = len(path) == 2 and path[0] == "related"
            self.paths.add((*path, "*") if is_relation else path)

    def visit(self, node: Node, scope: _Scope) -> Path | None:
        """The path whose value `node` is; if it is none, what it reads has been noted."""
        match node:
            case Name(name=name):
                return scope[name]
            case Select(operand=operand, field=name):
                return self.step(node, self.visit(operand, scope), (name,))
            case Has(operand=operand, field=name):
                self.touch(self.step(node, self.visit(operand, scope), (name,)))
                return None
            case Index() | OptionalIndex():
                return self.index(node, scope)
            case Apply():
                return self.apply(node, scope)
            case Loop():
                return self.loop(node, scope)
            case Conditional(condition=condition, then=then, otherwise=otherwise):
                self.use(self.visit(condition, scope))
                return self.either(self.visit(then, scope), self.visit(otherwise, scope))
            case Bind(variable=variable, value=value, body=body):
                return self.visit(body, {**scope, variable: self.visit(value, scope)})
            case OptionalMap(operand=operand, variable=variable, body=body):
                path = self.visit(operand, scope)
                self.touch(path)
                return self.visit(body, {**scope, variable: path})
            case Otherwise(operand=operand, other=other):
                return self.either(self.visit(operand, scope), self.visit(other, scope))
        for child in children(node):
            self.use(self.visit(child, scope))
        return None

    def touch(self, path: Path | None) -> None:
        """Note that it is read whether `path` is there, or how many items it has."""
        if path is not None:
            self.paths.add(path)

    def either(self, one: Path | None, two: Path | None) -> Path | None:
        if one == two:
            return one
        self.use(one)
        self.use(two)
        return None

    def step(self, node: Node, path: Path | None, names: Path) -> Path | None:
        if path is None:
            return None
        for name in names:
            self.check(node, path, name)
            path = (*path, name)
        return path

    def index(self, node: Index | OptionalIndex, scope: _Scope) -> Path | None:
        path = self.visit(node.operand, scope)
        if isinstance(node.key, Constant) and isinstance(node.key.value, str):
            return self.step(node, path, (node.key.value,))
        if isinstance(node.key, Constant):
            return path
        self.use(path)
        self.use(self.visit(node.key, scope))
        return None

    def apply(self, node: Apply, scope: _Scope) -> Path | None:
        """A call; one that declares what it reads stands for that field of its first argument."""
        paths = [self.visit(argument, scope) for argument in node.arguments]
        reads, fields = node.function.reads, node.function.fields
        for name in fields:
            self.use(self.step(node, paths[0], (name,)))
        for path in paths[1:] if reads or fields else paths:
            if node.function.name == "size":
                self.touch(path)
            else:
                self.use(path)
        if reads is None:
            return None
        values = tuple(
            each.value if isinstance(each, Constant) else None for each in node.arguments
        )
        return self.step(node, paths[0], reads(values))

    def loop(self, node: Loop, scope: _Scope) -> Path | None:
        path = self.visit(node.range, scope)
        self.touch(path)
        inner = {**scope, node.variable: path}
        if node.second is not None:
            # Of a map, the names are data: all of it is read.
            self.use(path)
            inner |= {node.variable: None, node.second: None}
        if node.condition is not None:
            self.use(self.visit(node.condition, inner))
        if node.result is not None:
            result = self.visit(node.result, inner)
            if node.macro == "map":
                return result
            self.use(result)
        return path if node.macro in ("filter", "sort_by") else None

    def check(self, node: Node, path: Path, name: str) -> None:
        """Refuse a field that the type of the document at `path` does not have."""
        for length in range(len(path), 0, -1):
            document = self.types.get(path[:length])
            if document is not None:
                fields = _below(document.fields, path[length:])
                if fields is not None and name not in fields:
                    raise self.unknown(node, name, document, fields)
                return

    def unknown(
        self, node: Node, name: str, document: DocumentType, fields: Fields
    ) -> ExpressionError:
        hint = nearest(name, fields)
        message = f"no field {name!r} in {document.name}{suggested(hint)}"
        if document.hint:
            message = f"{message.rstrip('?')}; {document.hint}"
        start = self.source.rfind(name, node.start, node.end)
        if start < 0:
            return ExpressionError(message, self.source, node.start, node.end, hint)
        return ExpressionError(message, self.source, start, start + len(name), hint)


def _below(fields: Fields, path: Path) -> Fields | None:
    found: Fields | None = fields
    for name in path:
        found = None if found is None else found.get(name)
    return found
