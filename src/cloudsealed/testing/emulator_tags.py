"""What the services that are held say of one resource's tags: as the lists for all tell them.

botocore's output shapes say in which form; a resource is asked for by its ARN, id, name or URL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_READS = re.compile(r"(?:Describe|Get|List)\w*Tags?(?:$|For|Of)")
_KEY, _VALUE = re.compile(r"(?i)(?:tag)?key"), re.compile(r"(?i)(?:tag)?value")
_TAGS = "tag"
_LAST = re.compile(r"[^/:]+$")
Tags = Mapping[str, str]


def reads_tags(operation: str) -> bool:
    """Return whether an operation reads the tags of resources that it is asked for."""
    return _READS.match(operation) is not None


def tags_asked(asked: Mapping[str, Any], told: Mapping[str, Tags]) -> dict[str, Tags]:
    """Return the tags of each resource that is asked for and told of, by what asks for it."""
    named = {_last(arn): tags for arn, tags in told.items()}
    texts = list(_texts(asked))
    return {each: tags for each in texts if (tags := told.get(each, named.get(_last(each))))}


def tags_as(shape: Any, tags: Mapping[str, Tags]) -> dict[str, Any]:
    """Return tags in the form of an operation's output shape, which is a structure."""
    said: dict[str, Any] = {}
    for name, member in shape.members.items():
        if _TAGS in name.lower() or member.type_name == "structure":
            said[name] = _as(member, tags)
    return {name: value for name, value in said.items() if value is not None}


def _as(shape: Any, tags: Mapping[str, Tags]) -> Any:
    (_, first), *_ = tags.items()
    if shape.type_name == "map":
        return dict(first)
    if shape.type_name == "structure":
        return tags_as(shape, tags) | _pairs_within(shape, first)
    if shape.type_name != "list" or shape.member.type_name != "structure":
        return None
    names = list(shape.member.members)
    if _of(names, _KEY) and _of(names, _VALUE):
        return _pairs(names, first)
    ident = next(name for name in names if _TAGS not in name.lower())
    return [{ident: each, **tags_as(shape.member, {each: one})} for each, one in tags.items()]


def _pairs_within(shape: Any, tags: Tags) -> dict[str, Any]:
    """Lists of tags whose member is not called so, such as CloudFront's `Tags.Items`."""
    found = {}
    for name, member in shape.members.items():
        if member.type_name == "list" and member.member.type_name == "structure":
            names = list(member.member.members)
            if _of(names, _KEY) and _of(names, _VALUE):
                found[name] = _pairs(names, tags)
    return found


def _pairs(names: list[str], tags: Tags) -> list[dict[str, str]]:
    key, value = _of(names, _KEY), _of(names, _VALUE)
    return [{key: k, value: v} for k, v in tags.items()]


def _of(names: list[str], what: re.Pattern[str]) -> str:
    return next((name for name in names if what.fullmatch(name)), "")


def _last(text: str) -> str:
    found = _LAST.search(text)
    return found[0] if found else text


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
