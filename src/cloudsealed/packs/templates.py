"""What policies of one kind share, written once: a template, and policy files that are like it.

A file of `templates/` has `parameters`, a mapping of names to what each is, and under `policy` what
its policies say. A policy file says `like: NAME`, `with: {PARAMETER: value}` and what is its own,
which stands in place of what the template says; of `remediation` each part by itself. `[[NAME]]`
in a text of the template is the parameter's text, and alone in a value the parameter's value.
It has no conditions: what needs one is another kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Final

import yaml

from cloudsealed.kit.nearest import closest
from cloudsealed.packs.document import ELSEWHERE, Document

LIKE: Final = "like"
WITH: Final = "with"
_MERGED = ("remediation",)
_PARAMETER = re.compile(r"\[\[(\w+)\]\]")
_Pairs = list[tuple[yaml.Node, yaml.Node]]


def expanded(document: Document) -> Document:
    """Return a policy file as one that has everything itself. Raises PolicyFileError."""
    own = _members(document.root)
    if LIKE not in own:
        return document
    name = own[LIKE]
    template = _named(document, name)
    given = _given(document, own.get(WITH), template, name)
    said = _members(_filled(_members(template.root)["policy"], given, name))
    root = document.root
    assert isinstance(root, yaml.MappingNode)
    pairs = [(key, value) for key, value in root.value if key.value not in (LIKE, WITH)]
    return document.rooted(_mapping(root, _merged(pairs, said, name)))


@cache
def texts() -> Mapping[str, str]:
    """Return the text of every template by name."""
    folder = files("cloudsealed.packs") / "templates"
    found = (each for each in folder.iterdir() if each.name.endswith(".yaml"))
    return {each.name.removesuffix(".yaml"): each.read_text("utf-8") for each in found}


@cache
def _template(name: str) -> Document:
    return Document(texts()[name], f"templates/{name}.yaml")


def _named(document: Document, node: yaml.Node) -> Document:
    if isinstance(node, yaml.ScalarNode) and node.value in texts():
        return _template(node.value)
    suggestion = closest(node.value, texts()) if isinstance(node, yaml.ScalarNode) else None
    raise document.error(node, f"like must be a template: {', '.join(sorted(texts()))}", suggestion)


def _members(node: yaml.Node) -> dict[str, yaml.Node]:
    pairs: _Pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return {key.value: value for key, value in pairs}


def _given(
    document: Document, node: yaml.Node | None, template: Document, name: yaml.Node
) -> dict[str, yaml.Node]:
    wanted = _members(_members(template.root)["parameters"])
    pairs: _Pairs = node.value if isinstance(node, yaml.MappingNode) else []
    for key, _ in pairs:
        if key.value not in wanted:
            raise document.error(
                key, f"unknown parameter {key.value!r}", closest(key.value, wanted)
            )
    given = {key.value: value for key, value in pairs}
    within = {m[1] for text in _scalars(template.root) for m in _PARAMETER.finditer(text)}
    for key, value in given.items():
        if key in within and not isinstance(value, yaml.ScalarNode):
            raise document.error(value, f"parameter {key!r} must be a text: it stands within one")
    for missing in (each for each in wanted if each not in given):
        raise document.error(node or name, f"missing parameter {missing!r} of {name.value}")
    return given


def _scalars(node: yaml.Node) -> Iterator[str]:
    """Yield the texts below a node that are more than a parameter alone."""
    if isinstance(node, yaml.ScalarNode):
        yield from [] if _PARAMETER.fullmatch(node.value) else [node.value]
        return
    for each in node.value:
        for part in each if isinstance(each, tuple) else (each,):
            yield from _scalars(part)


def _text(node: yaml.Node) -> str:
    assert isinstance(node, yaml.ScalarNode)  # what is none was refused
    text: str = node.value
    return text


def _filled(node: yaml.Node, given: Mapping[str, yaml.Node], at: yaml.Node) -> yaml.Node:
    """Return a node of a template with its parameters, at the place that asks for it."""
    if isinstance(node, yaml.MappingNode):
        return _mapping(at, [(_filled(k, given, at), _filled(v, given, at)) for k, v in node.value])
    if isinstance(node, yaml.SequenceNode):
        items = [_filled(each, given, at) for each in node.value]
        return yaml.SequenceNode(node.tag, items, at.start_mark, at.end_mark)
    alone = _PARAMETER.fullmatch(node.value)
    if alone and alone[1] in given:
        return given[alone[1]]
    text = _PARAMETER.sub(lambda m: _text(given[m[1]]) if m[1] in given else m[0], node.value)
    return yaml.ScalarNode(node.tag, text, at.start_mark, at.end_mark, ELSEWHERE)


def _merged(own: _Pairs, said: Mapping[str, yaml.Node], at: yaml.Node) -> _Pairs:
    names = {key.value for key, _ in own}
    pairs = [
        (key, _mapping(value, _merged(value.value, _members(said[key.value]), at)))
        if key.value in _MERGED and key.value in said and isinstance(value, yaml.MappingNode)
        else (key, value)
        for key, value in own
    ]
    return [*pairs, *((_name(each, at), said[each]) for each in said if each not in names)]


def _name(text: str, at: yaml.Node) -> yaml.ScalarNode:
    return yaml.ScalarNode("tag:yaml.org,2002:str", text, at.start_mark, at.end_mark)


def _mapping(at: yaml.Node, pairs: _Pairs) -> yaml.MappingNode:
    return yaml.MappingNode("tag:yaml.org,2002:map", pairs, at.start_mark, at.end_mark)
