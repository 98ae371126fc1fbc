"""Our functions on Kubernetes workloads: `pod`, `containers`, `is_windows`, `is_controlled`,
`is_spread`, `quantity`, `image`, `selects`, `is_selected`.

A workload is any object that has pods or makes them. Source: the Kubernetes API reference (PodSpec,
Container, SecurityContext, LabelSelector) and "Quantity". Refuses to guess: an object that has no
pods and a number that is none are errors.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.functions.documents import maps_at
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.signature import Function, Steps, kinds
from cloudsealed.engine.values import Value, describe

_Map = dict[Any, Value]

_TEMPLATES: Final = (("spec", "jobTemplate", "spec", "template"), ("spec", "template"), ())
_GROUPS: Final = (
    ("initContainers", "init"),
    ("containers", "main"),
    ("ephemeralContainers", "ephemeral"),
)
_OF_PODS: Final = (
    "appArmorProfile",
    "runAsGroup",
    "runAsNonRoot",
    "runAsUser",
    "seLinuxOptions",
    "seccompProfile",
    "windowsOptions",
)
"""What a pod's security context says for the containers that do not say it."""
_BY_FIELD: Final = "windowsOptions"
"""The one of them of which a container replaces single fields, not the whole."""
_SYSTEMS: Final = ("kubernetes.io/os", "beta.kubernetes.io/os")
"""The labels by which every node says its operating system: today's, and the one before 1.14."""
_WINDOWS: Final = "windows"
_POD_NAME: Final = "statefulset.kubernetes.io/pod-name"
_POD_INDEX: Final = "apps.kubernetes.io/pod-index"
_JOB_NAME: Final = ("job-name", "batch.kubernetes.io/job-name")
_ENDING: Final = ("Never", "OnFailure")
"""The policies of restart that only jobs may have, and must."""
_ORDINAL: Final = re.compile(r"0|[1-9][0-9]{0,8}")
_APP_ARMOR: Final = "container.apparmor.security.beta.kubernetes.io/"
"""The annotation that said a container's profile before 1.30, when a field took its place."""
_PROFILES: Final = {"runtime/default": "RuntimeDefault", "unconfined": "Unconfined"}
_QUANTITY: Final = re.compile(
    r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d{1,3})|([a-zA-Z]{0,2}))", re.ASCII
)
_SUFFIXES: Final = {
    **{
        name: Decimal(10) ** power
        for name, power in zip("numkMGTPE", (-9, -6, -3, *range(3, 19, 3)), strict=True)
    },
    **{f"{name}i": Decimal(1024) ** power for power, name in enumerate("KMGTPE", 1)},
    "": Decimal(1),
}
_CONTROLLERS: Final = frozenset(
    {
        *(("apps", kind) for kind in ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet")),
        *(("batch", kind) for kind in ("CronJob", "Job")),
    }
)


def _found(resource: _Map) -> tuple[Steps, _Map]:
    """The way to the pod of a workload, and it."""
    for path in _TEMPLATES:
        found: Value = resource
        for step in path:
            found = found.get(step) if found.__class__ is dict else None
        if found.__class__ is dict and found.get("spec").__class__ is dict:
            spec = found["spec"]
            if "containers" in spec:
                return path, {"metadata": found.get("metadata") or {}, "spec": spec}
    raise EvaluationError("this has no pods: a function takes a workload")


def pod(resource: _Map) -> Value:
    """`pod(resource)`: the pod that a workload is or makes, a map of `metadata` and `spec`.

    An object without pods is an error.
    """
    return _found(resource)[1]


def _pod_at(resource: _Map) -> Steps:
    return _found(resource)[0]


def containers(meter: Meter, resource: _Map) -> list[Value]:
    """`containers(resource)`: every container of a workload's pods, with what holds for it.

    Each has its fields, in `securityContext` also what the pod says for containers that say nothing
    (with the AppArmor profile of an annotation), and in `role` "main", "init", "sidecar" (an init
    container that is restarted always) or "ephemeral".
    """
    _, found = _found(resource)
    spec, notes = found["spec"], found["metadata"].get("annotations") or {}
    shared = {
        name: value
        for name, value in (spec.get("securityContext") or {}).items()
        if name in _OF_PODS and value is not None
    }
    made: list[Value] = [
        _container(each, role, shared, notes)
        for group, role in _GROUPS
        for each in maps_at(spec, group)
    ]
    meter.charge(len(made))
    return made


def written_containers(resource: _Map) -> list[tuple[Steps, _Map]]:
    """The containers of a workload as they are written, in the order of `containers`, each with the
    way to it."""
    path, found = _found(resource)
    return [
        ((*path, "spec", group, number), each)
        for group, _ in _GROUPS
        for number, each in enumerate(maps_at(found["spec"], group))
    ]


def _containers_at(meter: Meter, resource: _Map) -> list[Steps]:
    return [place for place, _ in written_containers(resource)]


def _container(each: _Map, role: str, shared: _Map, notes: _Map) -> _Map:
    own = {k: v for k, v in (each.get("securityContext") or {}).items() if v is not None}
    if _BY_FIELD in own and _BY_FIELD in shared:
        own[_BY_FIELD] = {**shared[_BY_FIELD], **own[_BY_FIELD]}
    noted = notes.get(_APP_ARMOR + str(each.get("name")))
    if isinstance(noted, str) and "appArmorProfile" not in own:
        own["appArmorProfile"] = {"type": _PROFILES.get(noted, "Localhost")}
    if role == "init" and each.get("restartPolicy") == "Always":
        role = "sidecar"
    return {**each, "securityContext": {**shared, **own}, "role": role}


def is_windows(resource: _Map) -> bool:
    """`is_windows(resource)`: whether a workload's pods are for nodes with Windows, by `os.name` or
    by the label `kubernetes.io/os` in the node selector or in every term of the node affinity that
    the scheduler must keep."""
    spec: Any = _found(resource)[1]["spec"]
    named = (spec.get("os") or {}).get("name")
    if named:
        return bool(named == _WINDOWS)
    chosen = spec.get("nodeSelector") or {}
    return any(chosen.get(label) == _WINDOWS for label in _SYSTEMS) or _bound_to_windows(spec)


def _bound_to_windows(spec: Any) -> bool:
    """Whether every term of what a pod requires of its node asks for Windows alone."""
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    terms = maps_at(required, "nodeSelectorTerms")
    return bool(terms) and all(
        any(
            each.get("key") in _SYSTEMS
            and each.get("operator") == "In"
            and each.get("values") == [_WINDOWS]
            for each in maps_at(term, "matchExpressions")
        )
        for term in terms
    )


def is_controlled(resource: _Map) -> bool:
    """`is_controlled(resource)`: whether a workload was made by another one that is judged itself.

    That is so where its controller is a Deployment, ReplicaSet, StatefulSet or DaemonSet (group
    `apps`), a CronJob or a Job (`batch`). What a node runs from a file of its own (a static pod)
    and what an operator made is nobody else's.
    """
    owners = maps_at(resource.get("metadata") or {}, "ownerReferences")
    return any(
        each.get("controller") is True
        and (str(each.get("apiVersion")).partition("/")[0], each.get("kind")) in _CONTROLLERS
        for each in owners
    )


def quantity(value: str | int | float) -> float:
    """`quantity("500m")`: a quantity of Kubernetes as a number: cores, bytes or what it counts.

    `"1.5Gi"` is 1610612736.0 and `"500m"` 0.5. A text that is no quantity is an error.
    """
    if not isinstance(value, str):
        return float(value)
    match = _QUANTITY.fullmatch(value) if len(value) <= 64 else None
    if match is None or (match[3] or "") not in _SUFFIXES:
        raise EvaluationError(f"{value[:64]!r} is no quantity")
    power = Decimal(10) ** int(match[2]) if match[2] else _SUFFIXES[match[3] or ""]
    return float(Decimal(match[1]) * power)


def image(reference: str) -> _Map:
    """`image("ghcr.io/a/b:1.2")`: a map of `registry`, `repository`, `tag` and `digest`.

    What the reference leaves out is what a runtime takes: the registry `docker.io`, of a name alone
    the repository `library/NAME`, the tag `latest` where there is no digest (OCI distribution
    specification; containerd, "reference"). A tag or digest that is not said beside the other is
    null. A text that is no reference is an error.
    """
    name, at, digest = reference.partition("@")
    head, slash, rest = name.partition("/")
    if not slash or not ("." in head or ":" in head or head == "localhost"):
        head, rest = "docker.io", name
    repository, colon, tag = rest.partition(":")
    empty = not repository.strip("/") or bool(colon and not tag)
    if head in ("docker.io", "index.docker.io"):
        head = "docker.io"
        repository = repository if "/" in repository else f"library/{repository}"
    if empty or " " in reference or (at and ":" not in digest):
        raise EvaluationError(f"{reference[:64]!r} is no reference of an image")
    return {
        "registry": head,
        "repository": repository,
        "tag": tag or (None if at else "latest"),
        "digest": digest or None,
    }


def selects(meter: Meter, selector: _Map | None, labels: _Map | None) -> bool:
    """`selects(selector, labels)`: whether a label selector (`matchLabels`, `matchExpressions`)
    takes what has these labels. An empty one takes everything, null nothing."""
    if selector is None:
        return False
    have = labels or {}
    wanted = selector.get("matchLabels") or {}
    terms = maps_at(selector, "matchExpressions")
    meter.charge(len(wanted) + len(terms))
    return all(have.get(key) == value for key, value in wanted.items()) and all(
        _term(term, have) for term in terms
    )


def is_selected(meter: Meter, workload: _Map, selector: _Map | None) -> bool:
    """`is_selected(workload, selector)`: whether a label selector takes pods of a workload.

    These have the labels of its template, and those that its controller adds: a StatefulSet the
    name and the number of each pod, a Job its own name.
    """
    labels = (pod(workload).get("metadata") or {}).get("labels") or {}
    if selects(meter, selector, labels):
        return True
    wanted = (selector or {}).get("matchLabels") or {}
    added = {key: value for key, value in wanted.items() if _adds(workload, key, value)}
    return bool(added) and selects(meter, selector, {**labels, **added})


def _adds(workload: _Map, key: str, value: Value) -> bool:
    name, spec = (workload.get("metadata") or {}).get("name"), workload.get("spec") or {}
    if key in _JOB_NAME:
        return value == name and (pod(workload).get("spec") or {}).get("restartPolicy") in _ENDING
    if key not in (_POD_NAME, _POD_INDEX) or "serviceName" not in spec:
        return False
    before = f"{name}-" if key == _POD_NAME else ""
    number = str(value).removeprefix(before) if str(value).startswith(before) else ""
    first = (spec.get("ordinals") or {}).get("start") or 0
    replicas = spec.get("replicas")
    last = first + (1 if replicas is None else replicas)
    return _ORDINAL.fullmatch(number) is not None and first <= int(number) < last


def _term(term: _Map, have: _Map) -> bool:
    key, operator, values = term.get("key"), term.get("operator"), term.get("values") or []
    match operator:
        case "In":
            return have.get(key) in values
        case "NotIn":
            return have.get(key) not in values
        case "Exists":
            return key in have
        case "DoesNotExist":
            return key not in have
    raise EvaluationError(f"no selector has the operator {describe(operator)}")


def is_spread(meter: Meter, resource: _Map) -> bool:
    """`is_spread(resource)`: whether something asks the scheduler to keep a workload's pods apart.

    That is a topology spread constraint or an anti-affinity, required or preferred, that selects
    these pods themselves: by their labels, and in their own namespace. A selector of namespaces may
    take theirs, which nobody can say from the workload, and is believed.
    """
    _, found = _found(resource)
    spec, labels = found["spec"], found["metadata"].get("labels")
    namespace = (resource.get("metadata") or {}).get("namespace") or "default"
    own = maps_at(spec, "topologySpreadConstraints")
    apart = (spec.get("affinity") or {}).get("podAntiAffinity") or {}
    terms = maps_at(apart, "requiredDuringSchedulingIgnoredDuringExecution") + [
        each.get("podAffinityTerm") or {}
        for each in maps_at(apart, "preferredDuringSchedulingIgnoredDuringExecution")
    ]
    here = [
        each
        for each in terms
        if each.get("namespaceSelector") is not None
        or namespace in (each.get("namespaces") or [namespace])
    ]
    return any(selects(meter, each.get("labelSelector"), labels) for each in (*own, *here))


_MAP, _TEXT = kinds("map"), kinds("string")
_READ: Final = ("metadata", "spec")

WORKLOADS: Final = (
    Function(
        *("pod", (_MAP,), "map", pod),
        fields=_READ,
        witness=lambda meter, resource: _pod_at(resource),
    ),
    Function(
        *("containers", (_MAP,), "list", containers),
        metered=True,
        fields=_READ,
        parts=_containers_at,
    ),
    Function("is_windows", (_MAP,), "bool", is_windows, fields=_READ),
    Function("is_controlled", (_MAP,), "bool", is_controlled, fields=("metadata",)),
    Function("is_spread", (_MAP,), "bool", is_spread, metered=True, fields=_READ),
    Function(
        "is_selected", (_MAP, kinds("map", "null")), "bool", is_selected, metered=True, fields=_READ
    ),
    Function("quantity", (kinds("string", "int", "double"),), "double", quantity),
    Function("image", (_TEXT,), "map", image),
    Function(
        "selects", (kinds("map", "null"), kinds("map", "null")), "bool", selects, metered=True
    ),
)
