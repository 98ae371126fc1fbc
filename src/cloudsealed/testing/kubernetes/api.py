"""The answers of an API server about a store: discovery, lists in chunks, objects, reviews.

It answers reads and questions about the caller, and nothing that changes an object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cloudsealed.testing.kubernetes import protobuf
from cloudsealed.testing.kubernetes.discovery import discovered
from cloudsealed.testing.kubernetes.rbac import ANONYMOUS, User, allows, rules_of
from cloudsealed.testing.kubernetes.selectors import ANY_VERSION, chosen, named, place_of, token
from cloudsealed.testing.kubernetes.statuses import (
    NO_PAGE,
    Reply,
    document,
    expired,
    forbidden,
    not_found,
    status,
)
from cloudsealed.testing.kubernetes.store import KINDS, Kind, Object, Store, key_of

_PATH = re.compile(
    r"(?:/api/(?P<core>v1)|/apis/(?P<group>[^/]+)/(?P<version>[^/]+))"
    r"(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?"
)
_METADATA = "as=PartialObjectMetadata"
_ASKED = ("verb", "group", "resource", "namespace", "name")
_PROTOBUF = "application/vnd.kubernetes.protobuf"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a path asks for; `kind` is None for what the server does not have."""

    group: str
    version: str
    plural: str
    namespace: str
    name: str

    @property
    def kind(self) -> Kind | None:
        """The kind of the objects."""
        which = (self.group, self.version, self.plural)
        return next((k for k in KINDS if (k.group, k.version, k.plural) == which), None)


def wanted_of(path: str) -> Wanted | None:
    """Return what a path asks for; None for one that is of no objects."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    namespace, name, plural = found["namespace"] or "", found["name"] or "", found["plural"]
    if path.startswith("/api/v1/namespaces/") and plural == "namespaces":
        namespace, name = "", name or namespace
    return Wanted(found["group"] or "", found["core"] or found["version"], plural, namespace, name)


@dataclass(slots=True)
class Api:
    """What a server says of a store. Groups of `lacks` are none that it has, `says_who` whether it
    tells callers who they are."""

    store: Store
    lacks: frozenset[str] = frozenset()
    says_who: bool = True

    def get(self, user: User, target: str, accept: str) -> Reply:
        """Answer a GET."""
        url = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        if user != ANONYMOUS and (said := discovered(url.path, self.lacks)) is not None:
            return document(said)
        wanted = wanted_of(url.path)
        if wanted is None:
            return NO_PAGE
        verb, name = ("get", wanted.name) if wanted.name else ("list", named(query))
        which = (verb, wanted.group, wanted.plural, wanted.namespace, name)
        if not allows(self.store, user, *which):
            return forbidden(user.name, *which)
        kind = wanted.kind
        if kind is None or wanted.group in self.lacks:
            return NO_PAGE
        if not wanted.name:
            return self._listed(kind, wanted.namespace or None, query, accept)
        item = self.store.get(kind, wanted.namespace, wanted.name)
        if item is None:
            return not_found(kind.group, kind.plural, wanted.name)
        return document({**_typed(kind), **item})

    def _listed(
        self, kind: Kind, namespace: str | None, query: Mapping[str, str], accept: str
    ) -> Reply:
        store = self.store
        try:
            after, version = (
                place_of(query["continue"], kind) if "continue" in query else (None, ANY_VERSION)
            )
            is_wanted = chosen(kind, query)
        except ValueError as error:
            return status(400, "BadRequest", str(error))
        if after is not None and version != ANY_VERSION and version < store.oldest:
            return expired(token(after, ANY_VERSION))
        version = store.version if version == ANY_VERSION else version
        rows = [
            (place, item)
            for place, item in store.all(kind, namespace, at=version)
            if (after is None or key_of(place) > key_of(after)) and is_wanted(item)
        ]
        limit = int(query.get("limit") or 0) or len(rows) or 1
        shown, rest = rows[:limit], len(rows) - limit
        metadata: Object = {"resourceVersion": str(version)}
        if rest > 0:
            metadata["continue"] = token(shown[-1][0], version)
            if not {"labelSelector", "fieldSelector"} & {*query}:  # nobody counts those
                metadata["remainingItemCount"] = rest
        return document(_list(kind, [item for _, item in shown], metadata, accept))

    def post(self, user: User, path: str, body: bytes, content_type: str) -> Reply:
        """Answer a review of who the caller is, or what they may do."""
        review = path.rpartition("/")[2]
        if review == "selfsubjectreviews" and self.says_who:
            info = {"username": user.name, "groups": sorted(user.all_groups)}
            return _reviewed("authentication", "SelfSubjectReview", {}, {"userInfo": info})
        if review == "selfsubjectaccessreviews":
            asked = _attributes(body, content_type)
            verb, group, resource, namespace, name = (asked.get(each, "") for each in _ASKED)
            allowed = allows(self.store, user, verb, group, resource, namespace, name)
            spec = {"resourceAttributes": asked}
            return _reviewed("authorization", "SelfSubjectAccessReview", spec, {"allowed": allowed})
        if review == "selfsubjectrulesreviews":
            namespace = _namespace(body, content_type)
            rules = [*rules_of(self.store, user, namespace)]
            said = {"resourceRules": rules, "nonResourceRules": [], "incomplete": False}
            return _reviewed(
                "authorization", "SelfSubjectRulesReview", {"namespace": namespace}, said
            )
        return NO_PAGE


def _list(kind: Kind, items: list[Object], metadata: Object, accept: str) -> Object:
    if _METADATA in accept:
        api_version, name = "meta.k8s.io/v1", "PartialObjectMetadata"
        typed = {"kind": name, "apiVersion": api_version}
        items = [{**typed, "metadata": each["metadata"]} for each in items]
    else:
        api_version, name = kind.api_version, kind.name
        items = [
            {name: value for name, value in each.items() if name not in ("kind", "apiVersion")}
            for each in items
        ]
    return {"kind": f"{name}List", "apiVersion": api_version, "metadata": metadata, "items": items}


def _typed(kind: Kind) -> Object:
    return {"kind": kind.name, "apiVersion": kind.api_version}


def _reviewed(group: str, kind: str, spec: Object, said: Object) -> Reply:
    review = {"kind": kind, "apiVersion": f"{group}.k8s.io/v1", "metadata": {}, "status": said}
    return document({**review, **({"spec": spec} if spec else {})}, 201)


def _attributes(body: bytes, content_type: str) -> Mapping[str, str]:
    if _PROTOBUF in content_type:
        return protobuf.access_of(body)
    found: Any = json.loads(body)["spec"].get("resourceAttributes") or {}
    return dict(found)


def _namespace(body: bytes, content_type: str) -> str:
    if _PROTOBUF in content_type:
        return protobuf.namespace_of(body)
    return str(json.loads(body)["spec"].get("namespace") or "")
