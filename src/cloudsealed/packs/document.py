"""YAML text to a tree of nodes that know their place, and values out of it.

It takes a JSON-like subset: strings, JSON numbers, true, false, null, lists and mappings with
string keys. It refuses duplicate keys, anchors, aliases and tags, and reads no dates, no
`yes`/`on` and no octal numbers: a document must mean what the cloud's JSON means.
"""

from __future__ import annotations

import math
import re
from copy import copy
from typing import Any, ClassVar, NoReturn

import yaml

from cloudsealed.kit.shapes import Path
from cloudsealed.packs.errors import PolicyFileError

MAX_CHARACTERS = 65_536
MAX_DEPTH = 40
ELSEWHERE = "elsewhere"
"""The style of a scalar whose text does not stand in the file, but what asks for it does."""
_WIDTH, _SHORT = 96, 64

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]  # C or Python
    """SafeLoader whose unquoted scalars are JSON's; everything else is a string."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


_JSON_SCALARS = (
    ("bool", r"^(?:true|false)$", "tf"),
    ("null", r"^(?:null|~|)$", ["n", "~", ""]),
    ("int", r"^-?(?:0|[1-9][0-9]*)$", "-0123456789"),
    ("float", r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+][0-9]+)?$", "-0123456789"),
)
for _tag, _pattern, _first in _JSON_SCALARS:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


_MARKED = "in YAML {}, which this format has not: quote the text, as in '!resource.Encrypted'"
_ANCHORED = _MARKED.format("a & or * at the beginning names an anchor")


_OTHER_BREAKS = re.compile("[\r\x85\u2028\u2029]")


_BaseDumper: Any = yaml.SafeDumper


class _Dumper(_BaseDumper):  # type: ignore[misc]  # as the loader
    """SafeDumper that leaves unquoted what `_Loader` reads as a string."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = _Loader.yaml_implicit_resolvers

    def ignore_aliases(self, _data: Any) -> bool:
        """Write everything out: the format has no aliases."""
        return True

    def represent(self, data: Any) -> None:
        """Write a document, whose own parts have a line each."""
        node = self.represent_data(data)
        if isinstance(node, yaml.CollectionNode):
            node.flow_style = False
        self.serialize(node)

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> Any:
        """Write a mapping of values in one line if it is short."""
        node = super().represent_mapping(tag, mapping, flow_style)
        parts = [part for pair in node.value for part in pair]
        node.flow_style = node.flow_style and _is_short(parts)
        return node

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> Any:
        """Write a list of values in one line if it is short."""
        node = super().represent_sequence(tag, sequence, flow_style)
        node.flow_style = node.flow_style and _is_short(node.value)
        return node

    def lines(self, text: str) -> Any:
        """Write a text of several lines as a block; one with other breaks, which a reader would
        fold, as JSON does."""
        style = "|" if "\n" in text else None
        style = '"' if _OTHER_BREAKS.search(text) else style
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _is_short(nodes: list[yaml.Node]) -> bool:
    return sum(len(node.value) + 2 for node in nodes) <= _SHORT


_Dumper.add_representer(str, _Dumper.lines)


def written(value: Any) -> str:
    """Return JSON values as text that a Document reads as the same."""
    text: str = yaml.dump(
        value,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
        width=_WIDTH,
    )
    return text


class Document:
    """One file's text and its root node."""

    def __init__(self, text: str, file: str, *, longest: int = MAX_CHARACTERS) -> None:
        self.text = text
        self.file = file
        self._longest = longest
        self.root = self._compose()
        self._check(self.root)

    def rooted(self, root: yaml.Node) -> Document:
        """Return the document with another root, whose nodes have their places in this text."""
        other = copy(self)
        other.root = root
        return other

    def error(
        self, node: yaml.Node, message: str, suggestion: str | None = None
    ) -> PolicyFileError:
        """Return the error at the first character of `node`."""
        mark = node.start_mark
        return PolicyFileError(self.file, mark.line + 1, mark.column + 1, message, suggestion)

    def node(self, path: Path, *, name: bool = False) -> yaml.Node:
        """Return the node at a path, or the last one on the way to it; with `name`, its key."""
        key = node = self.root
        for step in path:
            if (below := _below(node, step)) is None:
                return node
            key, node = below
        return key if name else node

    def value(self, node: yaml.Node) -> Any:
        """Return what `node` says as JSON values."""
        if isinstance(node, yaml.MappingNode):
            return {key.value: self.value(value) for key, value in node.value}
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item) for item in node.value]
        assert isinstance(node, yaml.ScalarNode)
        return _scalar(node)

    def place(self, node: yaml.ScalarNode, line: int, column: int) -> tuple[int, int]:
        """Return the file's (line, column) of a position in a scalar's text, all from 1.

        Folding and quoting change white space and add characters but keep the order, so the
        text's other characters are found one after the other in the file.
        """
        if node.style == ELSEWHERE:
            return node.start_mark.line + 1, node.start_mark.column + 1
        lines = node.value.split("\n")
        before = "".join(lines[: line - 1]) + lines[line - 1][: column - 1]
        offset = self._start(node)
        for character in (c for c in before if not c.isspace()):
            found = self.text.find(character, offset)
            if found < 0:
                break
            offset = found + 1
        rest = lines[line - 1][column - 1 : column]
        if rest and not rest.isspace():
            offset = max(offset, self.text.find(rest, offset))
        return self.text.count("\n", 0, offset) + 1, offset - self.text.rfind("\n", 0, offset)

    def _start(self, node: yaml.ScalarNode) -> int:
        """Return the offset at which a scalar's own characters begin."""
        mark = node.start_mark
        block = node.style in ("|", ">")
        starts = [0, *(match.end() for match in re.finditer("\n", self.text))]
        if block:
            return starts[min(mark.line + 1, len(starts) - 1)]
        return starts[mark.line] + int(mark.column) + (node.style in ("'", '"'))

    def _compose(self) -> yaml.Node:
        try:
            self._check_events()
            node = yaml.compose(self.text, Loader=_Loader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            if "alias" in str(error.context) or "anchor" in str(error.context):
                self._refuse(error.context_mark or mark, _ANCHORED)
            self._refuse(mark, f"not YAML: {error.problem or error.context}")
        except yaml.YAMLError as error:
            self._refuse(None, f"not YAML: {error}")
        if node is None:
            self._refuse(None, "the file is empty")
        return node

    def _check_events(self) -> None:
        """Refuse what is too large or not in the subset before anything recursive reads it.

        libyaml's composer recurses in C: 60 kB of "- - - " would end the process.
        """
        if len(self.text) > self._longest:
            self._refuse(None, f"longer than {self._longest} characters")
        depth = 0
        for event in yaml.parse(self.text, Loader=_Loader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                self._refuse(event.start_mark, f"nested deeper than {MAX_DEPTH}")
            if getattr(event, "anchor", None):
                self._refuse(event.start_mark, _ANCHORED)
            if getattr(event, "tag", None):
                self._refuse(event.start_mark, _MARKED.format("a ! at the beginning makes a tag"))

    def _refuse(self, mark: Any, message: str) -> NoReturn:
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise PolicyFileError(self.file, line, column, message)

    def _check(self, node: yaml.Node) -> None:
        """Refuse keys and numbers that JSON documents cannot have, anywhere below `node`."""
        if isinstance(node, yaml.MappingNode):
            self._check_keys(node)
        elif isinstance(node, yaml.ScalarNode):
            self._check_number(node)
        for child in node.value if isinstance(node, yaml.CollectionNode) else ():
            for part in child if isinstance(child, tuple) else (child,):
                self._check(part)

    def _check_number(self, node: yaml.ScalarNode) -> None:
        kind = node.tag.rpartition(":")[2]
        if kind == "float" and not math.isfinite(float(node.value)):
            raise self.error(node, "a number out of range")
        if kind == "int" and (len(node.value) > 20 or not -(2**63) <= int(node.value) < 2**63):
            raise self.error(node, "an integer must fit in 64 bits")

    def _check_keys(self, node: yaml.MappingNode) -> None:
        names: set[str] = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:str":
                raise self.error(key, "a key must be a string")
            if key.value in names:
                raise self.error(key, f"duplicate key {key.value!r}")
            names.add(key.value)


def _below(node: yaml.Node, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """Return the key and the value that a step leads to; an item of a list is its own key."""
    if isinstance(node, yaml.MappingNode):
        return next((pair for pair in node.value if pair[0].value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


def _scalar(node: yaml.ScalarNode) -> Any:
    text: str = node.value
    match node.tag.rpartition(":")[2]:
        case "null":
            return None
        case "bool":
            return text == "true"
        case "int":
            return int(text)
        case "float":
            return float(text)
        case _:
            return text
