"""What an API server says of itself: its groups, what each has, and its version."""

from __future__ import annotations

from cloudsealed.testing.kubernetes.store import KINDS, Kind, Object

_REVIEWS = {
    "authentication.k8s.io/v1": {"selfsubjectreviews": "SelfSubjectReview"},
    "authorization.k8s.io/v1": {
        "selfsubjectaccessreviews": "SelfSubjectAccessReview",
        "selfsubjectrulesreviews": "SelfSubjectRulesReview",
    },
}
VERSION = {"major": "1", "minor": "31", "gitVersion": "v1.31.0", "platform": "linux/amd64"}


def discovered(path: str, lacks: frozenset[str] = frozenset()) -> Object | None:
    """Return the document at a path, None where there is none; groups of `lacks` are not there."""
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
    if path == "/apis":
        return _groups(lacks)
    if path in ("/version", "/version/"):
        return dict(VERSION)
    version = path.removeprefix("/apis/") if path.startswith("/apis/") else "v1"
    if path not in ("/api/v1", f"/apis/{version}") or version.partition("/")[0] in lacks:
        return None
    return _resources(version)


def _resources(api_version: str) -> Object | None:
    found = [_resource(kind) for kind in KINDS if kind.api_version == api_version]
    found += [_review(*each) for each in _REVIEWS.get(api_version, {}).items()]
    if not found:
        return None
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": api_version,
        "resources": found,
    }


def _resource(kind: Kind) -> Object:
    return {
        "name": kind.plural,
        "singularName": kind.name.lower(),
        "namespaced": kind.namespaced,
        "kind": kind.name,
        "verbs": ["get", "list"],
        **({"shortNames": [kind.short]} if kind.short else {}),
    }


def _review(plural: str, name: str) -> Object:
    return {
        "name": plural,
        "singularName": name.lower(),
        "namespaced": False,
        "kind": name,
        "verbs": ["create"],
    }


def _groups(lacks: frozenset[str]) -> Object:
    groups = []
    versions = [k.api_version for k in KINDS if k.group] + [*_REVIEWS]
    for api_version in dict.fromkeys(versions):
        group, _, version = api_version.partition("/")
        if group not in lacks:
            said = {"groupVersion": api_version, "version": version}
            groups.append({"name": group, "versions": [said], "preferredVersion": said})
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
