"""Who may do what, by the cluster's own roles and bindings.

Source: Kubernetes, "Using RBAC Authorization": rules only allow; a RoleBinding counts in its own
namespace, whichever kind of role it names; `*` stands for every verb, group or resource.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cloudsealed.testing.kubernetes.store import BY_NAME, Object, Store

_RBAC = "rbac.authorization.k8s.io/v1"
MASTERS = "system:masters"
_EVERYTHING: Object = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}


@dataclass(frozen=True, slots=True)
class User:
    """Who asks."""

    name: str
    groups: tuple[str, ...] = ()

    @property
    def all_groups(self) -> set[str]:
        """The groups that a server puts the user into: all that it knows are authenticated."""
        return {*self.groups, *(() if self == ANONYMOUS else ("system:authenticated",))}


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


def allows(
    store: Store, user: User, verb: str, group: str, resource: str, namespace: str, name: str = ""
) -> bool:
    """Say whether a user may do something; in all namespaces with the namespace ""."""
    return any(
        _has(rule.get("verbs"), verb)
        and _has(rule.get("apiGroups"), group)
        and _takes(rule.get("resources"), resource)
        and (not rule.get("resourceNames") or name in rule["resourceNames"])
        for rule in rules_of(store, user, namespace)
    )


def rules_of(store: Store, user: User, namespace: str) -> Iterator[Object]:
    """Yield every rule that a user has in a namespace; in all of them with ""."""
    if MASTERS in user.groups:
        yield _EVERYTHING
    cluster_roles, roles = (BY_NAME[_RBAC, kind] for kind in ("ClusterRole", "Role"))
    bindings = [(item, "") for _, item in store.all(BY_NAME[_RBAC, "ClusterRoleBinding"])] + [
        (item, namespace)
        for _, item in (store.all(BY_NAME[_RBAC, "RoleBinding"], namespace) if namespace else ())
    ]
    for item, place in bindings:
        if any(_is(subject, user, item) for subject in item.get("subjects") or ()):
            named = item["roleRef"]
            kind = cluster_roles if named["kind"] == "ClusterRole" else roles
            role = store.get(kind, "" if kind is cluster_roles else place, named["name"])
            yield from (role or {}).get("rules") or ()


def _is(subject: Any, user: User, binding: Object) -> bool:
    kind, name = subject.get("kind"), subject.get("name")
    if kind == "ServiceAccount":
        namespace = subject.get("namespace") or binding["metadata"].get("namespace", "")
        return user.name == f"system:serviceaccount:{namespace}:{name}"
    return name == user.name if kind == "User" else kind == "Group" and name in user.all_groups


def _has(allowed: Any, wanted: str) -> bool:
    return "*" in (allowed or ()) or wanted in (allowed or ())


def _takes(allowed: Any, wanted: str) -> bool:
    """Say whether a resource is listed, by itself or as a subresource of every one (`*/scale`)."""
    below = wanted.partition("/")[2]
    return _has(allowed, wanted) or bool(below and f"*/{below}" in (allowed or ()))
