"""A second, plain reading of resource policies: a request at a time, all requests of a small world.

Source: the AWS IAM user guide, "Policy evaluation logic" and "Condition operators". It shares no
line with the engine. A request is an action, a resource, and the values of its condition keys; a
stranger signs with an account of their own, or not at all.
"""

from __future__ import annotations

import fnmatch
import itertools
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Any, TypeAlias

Request: TypeAlias = dict[str, str]

ACTIONS = ["s3:getobject", "s3:getother", "s3:putobject", "s3:other", "zz:other"]
RESOURCES = ["arn:aws:s3:::b/x", "arn:aws:s3:::b/other", "other"]
WORLD: dict[str, list[str | None]] = {
    "aws:principalaccount": [None, "999999999999"],
    "aws:principalorgid": [None, "o-stranger"],
    "aws:principalarn": [
        *(None, "arn:aws:iam::999999999999:role/deploy", "arn:aws:iam::999999999999:role/x")
    ],
    "aws:sourcevpce": [None, "vpce-stranger"],
    "aws:sourceip": [None, "9.9.9.9", "200.9.9.9", "2600::9"],
    "aws:securetransport": ["true", "false"],
    "aws:referer": [None, "https://one/", "https://two/", "other"],
}
"""What strangers may have for each key; none of it is a fixed value of the documents."""


def requests(keys: set[str]) -> Iterator[Request]:
    """Every request of a stranger, as far as these keys tell."""
    used = [key for key in WORLD if key in keys]
    for values in itertools.product(*(WORLD[key] for key in used)):
        found = {key: value for key, value in zip(used, values, strict=True) if value is not None}
        signing = {
            key in found for key in ("aws:principalaccount", "aws:principalarn") if key in used
        }
        if len(signing) < 2 and not (signing == {False} and "aws:principalorgid" in found):
            yield found


def anyone_may(document: dict[str, Any], action: str) -> bool:
    """Whether a request of a stranger for an action of the pattern is allowed."""
    statements = document["Statement"]
    keys = {key.lower() for each in statements for _, key, _ in _lines(each)}
    return any(
        _decide(statements, request, each, resource)
        for request in requests(keys)
        for each in ACTIONS
        if _like(each, action)
        for resource in RESOURCES
    )


def _decide(statements: list[dict[str, Any]], request: Request, action: str, resource: str) -> bool:
    effects = {
        each["Effect"]
        for each in statements
        if _who(each) and _about(each, action, resource) and _condition(each, request)
    }
    return effects == {"Allow"}


def _who(statement: dict[str, Any]) -> bool:
    return "NotPrincipal" in statement or statement["Principal"] in ("*", {"AWS": "*"})


def _about(statement: dict[str, Any], action: str, resource: str) -> bool:
    for name, text in (("Action", action), ("Resource", resource)):
        if name in statement and not _one_like(text, statement[name]):
            return False
        if f"Not{name}" in statement and _one_like(text, statement[f"Not{name}"]):
            return False
    return True


def _one_like(text: str, patterns: str | list[str]) -> bool:
    return any(_like(text, each) for each in _listed(patterns))


def _like(text: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(text.lower(), pattern.lower())


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _lines(statement: dict[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    for operator, keys in statement.get("Condition", {}).items():
        for key, value in keys.items():
            yield operator, key, _listed(value)


def _condition(statement: dict[str, Any], request: Request) -> bool:
    return all(
        _line(operator, request.get(key.lower()), values)
        for operator, key, values in _lines(statement)
    )


def _line(operator: str, value: str | None, written: list[str]) -> bool:
    if operator == "Null":
        return (value is None) == (written == ["true"])
    qualifier, _, name = operator.rpartition(":")
    if value is None:
        if name.endswith("IfExists") or qualifier == "ForAllValues":
            return True
        return "Not" in name and qualifier != "ForAnyValue"
    return any(_fits(name, value, each) for each in written) != ("Not" in name)


def _fits(operator: str, value: str, written: str) -> bool:
    if "Ip" in operator:
        network = ip_network(written)
        return network.version == ip_address(value).version and ip_address(value) in network
    return fnmatch.fnmatchcase(value, written)
