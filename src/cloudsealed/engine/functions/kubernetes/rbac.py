"""Our functions on Kubernetes' roles and bindings: `permits`, `permits_on`, `binds`,
`is_bootstrapped`, `everyone`.

Source: Kubernetes, "Using RBAC Authorization": a rule permits where one of its verbs, groups and
resources each is the one asked for or `*`; `resourceNames` hold it to objects of these names; a
subresource is `pods/exec`, and `*/scale` is that of every resource. Refuses to say who holds a role
through a group: the cluster's own users are in no object.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.functions.documents import maps_at
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.signature import Function, kinds
from cloudsealed.engine.values import Value

_Map = dict[Any, Value]
_BOOTSTRAPPING: Final = ("kubernetes.io/bootstrapping", "rbac-defaults")
_DEFAULTS: Final = frozenset(
    {"admin", "cluster-admin", "edit", "extension-apiserver-authentication-reader", "view"}
)
"""The default roles and bindings whose names do not begin as the others' do."""
_SYSTEM: Final = "system:"
_EVERYONE: Final = {
    ("User", "system:anonymous"): "anonymous",
    ("Group", "system:unauthenticated"): "anonymous",
    ("Group", "system:authenticated"): "authenticated",
    ("Group", "system:serviceaccounts"): "service accounts",
}
_OF_NAMESPACE: Final = "system:serviceaccounts:"


def permits(meter: Meter, role: _Map, verb: str, group: str, resource: str) -> bool:
    """`permits(role, "create", "", "pods/exec")`: whether a role lets its holders do this with
    every object of the resource.

    `group` is the API group, "" the core's; `"*"` as verb, group or resource asks for the wildcard
    itself. Rules that name objects (`resourceNames`) do not permit every one and are left out. A
    role that is aggregated and not yet filled is an error.
    """
    return any(not names for names in _names(meter, role, verb, group, resource))


def permits_on(
    meter: Meter, role: _Map, verb: str, group: str, resource: str, names: list[Value]
) -> bool:
    """`permits_on(role, "bind", "rbac.authorization.k8s.io", "clusterroles", ["cluster-admin"])`:
    whether a role lets its holders do this with an object of one of these names: with every one of
    the resource, or because a rule names it (`resourceNames`). Errors as of `permits`."""
    return any(
        not found or any(name in found for name in names)
        for found in _names(meter, role, verb, group, resource)
    )


def _names(meter: Meter, role: _Map, verb: str, group: str, resource: str) -> Iterator[list[Value]]:
    """Of each rule that permits this the names of objects that it is held to."""
    if role.get("aggregationRule") and not role.get("rules"):
        raise EvaluationError("the rules of an aggregated role are filled by the cluster")
    rules = maps_at(role, "rules")
    meter.charge(len(rules))
    return (
        rule.get("resourceNames") or []
        for rule in rules
        if _has(rule, "verbs", verb)
        and _has(rule, "apiGroups", group)
        and _takes(rule.get("resources"), resource)
    )


def _has(rule: _Map, name: str, wanted: str) -> bool:
    found = rule.get(name) or []
    return "*" in found or wanted in found


def _takes(found: Value, wanted: str) -> bool:
    _, slash, below = wanted.partition("/")
    listed = found or []
    return "*" in listed or wanted in listed or bool(slash and f"*/{below}" in listed)


def binds(binding: _Map, metadata: _Map) -> bool:
    """`binds(b, resource.metadata)`: whether a binding gives the role with this metadata to anyone.

    A role with a namespace is a Role, which bindings of its own namespace name; one without is a
    ClusterRole, which a binding of either kind may name. A binding without subjects gives nothing.
    """
    named, namespace = binding.get("roleRef") or {}, metadata.get("namespace")
    if named.get("name") != metadata.get("name") or not maps_at(binding, "subjects"):
        return False
    if not namespace:
        return named.get("kind") == "ClusterRole"
    own = (binding.get("metadata") or {}).get("namespace")
    return named.get("kind") == "Role" and own == namespace


def is_bootstrapped(resource: _Map) -> bool:
    """`is_bootstrapped(resource)`: whether a role or binding is one of those that the API server
    makes and mends itself: it has their label (kubernetes.io/bootstrapping=rbac-defaults) and one
    of their names, since anybody may give the label to a role of their own."""
    metadata = resource.get("metadata") or {}
    label, value = _BOOTSTRAPPING
    name = str(metadata.get("name"))
    known = name in _DEFAULTS or name.startswith(_SYSTEM)
    return known and (metadata.get("labels") or {}).get(label) == value


def everyone(binding: _Map) -> list[Value]:
    """`everyone(binding)`: what a binding's subjects say for more people than were meant to be
    named: "anonymous", "authenticated" (whoever has credentials), "service accounts" (all of the
    cluster's) and "service accounts of NAMESPACE"; empty where it names nobody like that."""
    found = {_crowd(each) for each in maps_at(binding, "subjects")}
    return sorted(each for each in found if each is not None)


def _crowd(subject: _Map) -> str | None:
    kind, name = str(subject.get("kind")), str(subject.get("name"))
    if kind == "Group" and name.startswith(_OF_NAMESPACE):
        return f"service accounts of {name.removeprefix(_OF_NAMESPACE)}"
    return _EVERYONE.get((kind, name))


_MAP, _TEXT = kinds("map"), kinds("string")

RBAC: Final = (
    Function(
        "permits",
        (_MAP, _TEXT, _TEXT, _TEXT),
        "bool",
        permits,
        metered=True,
        fields=("aggregationRule", "rules"),
    ),
    Function(
        "permits_on",
        (_MAP, _TEXT, _TEXT, _TEXT, kinds("list")),
        "bool",
        permits_on,
        metered=True,
        fields=("aggregationRule", "rules"),
    ),
    Function("binds", (_MAP, _MAP), "bool", binds, fields=("metadata", "roleRef", "subjects")),
    Function("is_bootstrapped", (_MAP,), "bool", is_bootstrapped, fields=("metadata",)),
    Function("everyone", (_MAP,), "list", everyone, fields=("subjects",)),
)
