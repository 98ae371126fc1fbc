"""Our functions on what a cluster admits: `pod_security`, `is_system`, `intercepts`, `hook_place`.

Sources: Kubernetes, "Namespaces" (the initial ones), "Pod Security Admission" (its labels) and
"Dynamic Admission Control" (rules and where a webhook is called); for what distributions keep for
themselves OpenShift, "Working with projects", and GKE. Refuses to guess: conditions that a webhook
writes as CEL are an error.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.functions.documents import maps_at
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.signature import Function, kinds
from cloudsealed.engine.values import Value

_Map = dict[Any, Value]

_LABEL: Final = "pod-security.kubernetes.io/"
_MODES: Final = ("enforce", "audit", "warn")
_LEVELS: Final = ("privileged", "baseline", "restricted")
_SYSTEM: Final = frozenset(
    {"kube-system", "kube-public", "kube-node-lease", "openshift", "gmp-system", "gmp-public"}
)
_SYSTEMS: Final = ("openshift-", "gke-managed-")
"""What the names of namespaces begin with that a distribution keeps for itself."""


def pod_security(namespace: _Map) -> _Map:
    """`pod_security(namespace)`: what its labels ask Pod Security Admission for: a map of
    `enforce`, `audit` and `warn`, the levels, `enforce_version`, `audit_version` and
    `warn_version`, such as "v1.31" or "latest", and `invalid`, the levels that there are not.

    What no label says is null: the cluster's own default, which the API does not tell.
    """
    labels = (namespace.get("metadata") or {}).get("labels") or {}
    levels = {mode: labels.get(_LABEL + mode) for mode in _MODES}
    versions = {f"{mode}_version": labels.get(f"{_LABEL}{mode}-version") for mode in _MODES}
    said = [level for level in levels.values() if level is not None]
    return {**levels, **versions, "invalid": [each for each in said if each not in _LEVELS]}


def is_system(namespace: _Map) -> bool:
    """`is_system(namespace)`: whether a namespace is the cluster's own, and no place for anybody's
    workloads: those that Kubernetes makes but for `default`, and those that OpenShift and GKE keep
    for what they run themselves."""
    name = str((namespace.get("metadata") or {}).get("name"))
    return name in _SYSTEM or name.startswith(_SYSTEMS)


def intercepts(meter: Meter, webhook: _Map, operation: str, group: str, resource: str) -> bool:
    """`intercepts(webhook, "CREATE", "", "pods")`: whether the rules of a webhook have the API
    server ask it about an operation on a resource that lives in namespaces; `group` is its API
    group, "" the core's.

    Namespaces and objects that its selectors leave out are not judged. `matchConditions` that may
    leave it out are an error.
    """
    rules = maps_at(webhook, "rules")
    meter.charge(len(rules))
    found = any(
        bool({"*", operation} & {*(rule.get("operations") or [])})
        and bool({"*", group} & {*(rule.get("apiGroups") or [])})
        and bool({"*", "*/*", resource} & {*(rule.get("resources") or [])})
        and rule.get("scope") != "Cluster"
        for rule in rules
    )
    if found and webhook.get("matchConditions"):
        raise EvaluationError("conditions of its own say what this webhook is asked about")
    return found


def hook_place(webhook: _Map) -> str:
    """`hook_place(webhook)`: where the API server calls a webhook: in the "cluster", on its own
    "host" or "outside" of both. A URL without a host is an error."""
    url = (webhook.get("clientConfig") or {}).get("url")
    if not url:
        return "cluster"
    host = _host(url)
    if host.endswith((".svc", ".svc.cluster.local")):
        return "cluster"
    return "host" if host == "localhost" or _is_loopback(host) else "outside"


def _host(url: str) -> str:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    if not host:
        raise EvaluationError("the URL of a webhook has no host")
    return host


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


_MAP, _TEXT = kinds("map"), kinds("string")

KUBERNETES_ADMISSION: Final = (
    Function("pod_security", (_MAP,), "map", pod_security, fields=("metadata",)),
    Function("is_system", (_MAP,), "bool", is_system, fields=("metadata",)),
    Function("intercepts", (_MAP, _TEXT, _TEXT, _TEXT), "bool", intercepts, metered=True),
    Function("hook_place", (_MAP,), "string", hook_place),
)
