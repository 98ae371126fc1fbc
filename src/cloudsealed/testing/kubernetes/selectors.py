"""Which objects of a list are wanted, and from which place on: selectors, and continue tokens.

Sources: Kubernetes, "Labels and Selectors", "Field Selectors" and "API concepts"; the messages are
those of k8s.io/apimachinery.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from cloudsealed.testing.kubernetes.store import Kind, Object, Place, key_of

Chosen = Callable[[Object], bool]
ANY_VERSION = -1
"""The version of a place from which a list goes on as it is now."""
_OF_ALL = ("metadata.name", "metadata.namespace")
_OF_PODS = (
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "status.phase",
)
_KEY = r"(?P<key>[A-Za-z0-9][\w./-]*)"
_SET = re.compile(rf"\s*{_KEY}\s+(?P<not>not)?in\s*\((?P<values>[^()]*)\)\s*", re.ASCII)
_EQUAL = re.compile(rf"\s*{_KEY}\s*(?P<sign>!=|==|=)\s*(?P<value>[\w.-]*)\s*", re.ASCII)
_THERE = re.compile(rf"\s*(?P<not>!)?\s*{_KEY}\s*", re.ASCII)


def chosen(kind: Kind, query: Mapping[str, str]) -> Chosen:
    """Return what the selectors of a query choose; raises ValueError for what is none."""
    labels = [_label(each) for each in re.split(r",(?![^(]*\))", query.get("labelSelector", ""))]
    fields = [_field(kind, each) for each in _parts(query.get("fieldSelector", ""))]
    return lambda item: all(each(item) for each in (*labels, *fields))


def named(query: Mapping[str, str]) -> str:
    """Return the one name that a field selector leaves, "" for several."""
    found = re.fullmatch(r"metadata\.name=([^,!=]+)", query.get("fieldSelector", ""))
    return found[1] if found else ""


def _parts(text: str) -> list[str]:
    return [each for each in text.split(",") if each]


def _label(text: str) -> Chosen:
    if not text.strip():
        return lambda _: True
    if found := _SET.fullmatch(text):
        values, wanted = {each.strip() for each in found["values"].split(",")}, not found["not"]
        key = found["key"]
        return lambda item: (_labels(item).get(key) in values) is wanted
    if found := _EQUAL.fullmatch(text):
        key, value, wanted = found["key"], found["value"], found["sign"] != "!="
        return lambda item: (_labels(item).get(key) == value) is wanted
    if found := _THERE.fullmatch(text):
        key, wanted = found["key"], not found["not"]
        return lambda item: (key in _labels(item)) is wanted
    raise ValueError(f"unable to parse requirement: {text}")


def _labels(item: Object) -> Mapping[str, str]:
    return item["metadata"].get("labels") or {}


def _field(kind: Kind, text: str) -> Chosen:
    found = re.fullmatch(r"([^=!]+)(!=|==|=)(.*)", text)
    if found is None:
        raise ValueError(f"invalid selector: '{text}'; can't understand '{text}'")
    path, wanted, value = found[1], found[2] != "!=", found[3]
    if path not in _OF_ALL and not (kind.plural == "pods" and path in _OF_PODS):
        raise ValueError(f"field label not supported: {path}")
    return lambda item: (_at(item, path) == value) is wanted


def _at(item: Any, path: str) -> str:
    for name in path.split("."):
        item = item.get(name) if isinstance(item, dict) else None
    return item or ""


def token(place: Place, version: int) -> str:
    """Return the token of a list that goes on after a place, of one version of the store."""
    said = {"v": "meta.k8s.io/v1", "rv": version, "start": key_of(place) + "\0"}
    text = json.dumps(said, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def place_of(text: str, kind: Kind) -> tuple[Place, int]:
    """Return the place and the version of a token; raises ValueError for what is none."""
    try:
        found = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _invalid("illegal base64 data") from None
    try:
        said = json.loads(found)
        start, version = str(said["start"]).removesuffix("\0"), int(said["rv"])
    except (ValueError, LookupError, TypeError):
        first = chr(found[0]) if found else ""
        shown = first if first.isascii() and first.isprintable() else f"\\u{ord(first):04x}"
        raise _invalid(f"invalid character '{shown}' looking for beginning of value") from None
    namespace, _, name = start.rpartition("/") if kind.namespaced else ("", "", start)
    return (namespace, name), version


def _invalid(why: str) -> ValueError:
    return ValueError(f"invalid continue token: continue key is not valid: {why}")
