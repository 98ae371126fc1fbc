"""What an API server adds to an object that does not say it.

Source: the defaults that the Kubernetes API reference documents for v1.31 (PodSpec, Container,
Probe, Deployment, Service, …).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Object = dict[str, Any]

_PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
_CONTAINER = {
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "resources": {},
}
_POD = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "securityContext": {},
}


def with_defaults(kind: str, item: Object) -> Object:
    """Return an object with what a server adds to its kind."""
    if (add := _OF_KIND.get(kind)) is not None:
        add(item)
    for spec in pod_specs(kind, item):
        _pod(spec)
    return item


def pod_specs(kind: str, item: Object) -> Iterator[Object]:
    """Yield the specification of the pods of a workload."""
    path = _PODS.get(kind)
    if path is None:
        return
    found: Any = item
    for name in path:
        found = found.setdefault(name, {}) if isinstance(found, dict) else {}
    if isinstance(found, dict):
        yield found


def without_containers(kind: str, item: Object) -> list[str]:
    """Give the pods of an object that say no containers an empty list of them; return what no API
    server would have taken of theirs."""
    refused = []
    for spec in pod_specs(kind, item):
        held = spec["containers"] = spec.get("containers") or []
        where = ".".join(_PODS[kind])
        if not held:
            refused.append(f"{where} has no containers")
        refused += [
            f"{where}.containers.{number} has no {name}"
            for number, each in enumerate(held)
            for name in ("name", "image")
            if not each.get(name)
        ]
    return refused


_TEMPLATE = ("spec", "template", "spec")
_PODS: Mapping[str, tuple[str, ...]] = {
    "Pod": ("spec",),
    "Deployment": _TEMPLATE,
    "ReplicaSet": _TEMPLATE,
    "DaemonSet": _TEMPLATE,
    "StatefulSet": _TEMPLATE,
    "Job": _TEMPLATE,
    "CronJob": ("spec", "jobTemplate", *_TEMPLATE),
}


def _pod(spec: Object) -> None:
    _fill(spec, _POD)
    for name in ("hostNetwork", "hostPID", "hostIPC"):  # false is not stored
        if spec.get(name) is False:
            del spec[name]
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccount"] = spec["serviceAccountName"] = account
    for group in ("containers", "initContainers"):
        for container in spec.get(group) or ():
            _container(container)
    for volume in spec.get("volumes") or ():
        if set(volume) == {"name"}:
            volume["emptyDir"] = {}
        for kind in ("secret", "configMap", "downwardAPI", "projected"):
            if isinstance(volume.get(kind), dict):
                volume[kind].setdefault("defaultMode", 420)
        if isinstance(volume.get("hostPath"), dict):
            volume["hostPath"].setdefault("type", "")


def _container(container: Object) -> None:
    _fill(container, _CONTAINER)
    image = str(container.get("image", ""))
    tag = image.rpartition("/")[2].partition("@")[0].partition(":")[2]
    latest = "@" not in image and tag in ("", "latest")
    container.setdefault("imagePullPolicy", "Always" if latest else "IfNotPresent")
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if isinstance(container.get(name), dict):
            _fill(container[name], _PROBE)
            _request(container[name])
    for handler in (container.get("lifecycle") or {}).values():
        if isinstance(handler, dict):
            _request(handler)


def _request(handler: Object) -> None:
    if isinstance(handler.get("httpGet"), dict):
        _fill(handler["httpGet"], {"scheme": "HTTP", "path": "/"})


def _own_pod(item: Object) -> None:
    """Add what only a pod itself is given, not the template of one; tolerations and priority are
    from the admission plug-ins DefaultTolerationSeconds and Priority, which are on by default."""
    spec = item.setdefault("spec", {})
    _fill(spec, {"enableServiceLinks": True, "preemptionPolicy": "PreemptLowerPriority"})
    if "priorityClassName" not in spec:
        spec.setdefault("priority", 0)
    held = list(spec.get("tolerations") or ())
    added = [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
        for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
        if not any(_is_tolerated(key, each) for each in held)
    ]
    if added:
        spec["tolerations"] = held + added
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        resources = container.get("resources") or {}
        if resources.get("limits"):  # what is limited is requested
            resources["requests"] = {**resources["limits"], **resources.get("requests", {})}
    item.setdefault("status", {"phase": "Pending"})


def _is_tolerated(key: str, toleration: Mapping[str, Any]) -> bool:
    named, effect = toleration.get("key"), toleration.get("effect")
    return named in (key, None, "") and effect in ("NoExecute", None, "")


def _namespace(item: Object) -> None:
    metadata = item.setdefault("metadata", {})
    metadata.setdefault("labels", {}).setdefault(
        "kubernetes.io/metadata.name", metadata.get("name")
    )
    item.setdefault("spec", {"finalizers": ["kubernetes"]})
    item.setdefault("status", {"phase": "Active"})


def _service(item: Object) -> None:
    spec = item.setdefault("spec", {})
    _fill(
        spec, {"type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster"}
    )
    for port in spec.get("ports") or ():
        _fill(port, {"protocol": "TCP", "targetPort": port.get("port")})
    if spec["type"] in ("NodePort", "LoadBalancer"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    item.setdefault("status", {"loadBalancer": {}})


def _deployment(item: Object) -> None:
    _fill(item.setdefault("spec", {}), {"replicas": 1, "revisionHistoryLimit": 10})
    item["spec"].setdefault("progressDeadlineSeconds", 600)
    _rolling(item["spec"], "strategy", {"maxUnavailable": "25%", "maxSurge": "25%"})


def _stateful_set(item: Object) -> None:
    spec = item.setdefault("spec", {})
    _fill(spec, {"replicas": 1, "revisionHistoryLimit": 10, "podManagementPolicy": "OrderedReady"})
    strategy = spec.setdefault("updateStrategy", {})
    if "type" not in strategy:  # of one that says its type alone a server leaves it at that
        strategy["type"] = "RollingUpdate"
        strategy.setdefault("rollingUpdate", {})
    if isinstance(strategy.get("rollingUpdate"), dict):
        _fill(strategy["rollingUpdate"], {"partition": 0})


def _daemon_set(item: Object) -> None:
    spec = item.setdefault("spec", {})
    spec.setdefault("revisionHistoryLimit", 10)
    _rolling(spec, "updateStrategy", {"maxUnavailable": 1, "maxSurge": 0})


def _rolling(spec: Object, name: str, values: Mapping[str, Any]) -> None:
    strategy = spec.setdefault(name, {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        _fill(strategy.setdefault("rollingUpdate", {}), values)


def _job(item: Object) -> None:
    _fill(item.setdefault("spec", {}), {"backoffLimit": 6, "completions": 1, "parallelism": 1})


def _cron_job(item: Object) -> None:
    _fill(
        item.setdefault("spec", {}),
        {
            "concurrencyPolicy": "Allow",
            "suspend": False,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 1,
        },
    )


def _autoscaler(item: Object) -> None:
    spec = item.setdefault("spec", {})
    spec.setdefault("minReplicas", 1)
    target = {"type": "Utilization", "averageUtilization": 80}
    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": target}}
    spec["metrics"] = spec.get("metrics") or [cpu]


def _network_policy(item: Object) -> None:
    spec = item.setdefault("spec", {})
    types = ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    spec.setdefault("policyTypes", types)


def _binding(item: Object) -> None:
    for subject in item.get("subjects") or ():
        if subject.get("kind") in ("User", "Group"):
            subject.setdefault("apiGroup", "rbac.authorization.k8s.io")
    if isinstance(item.get("roleRef"), dict):
        item["roleRef"].setdefault("apiGroup", "rbac.authorization.k8s.io")


_OF_KIND: Mapping[str, Callable[[Object], None]] = {
    "Pod": _own_pod,
    "Namespace": _namespace,
    "Service": _service,
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
    "CronJob": _cron_job,
    "HorizontalPodAutoscaler": _autoscaler,
    "NetworkPolicy": _network_policy,
    "RoleBinding": _binding,
    "ClusterRoleBinding": _binding,
}


def _fill(item: Object, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if item.get(name) is None:
            item[name] = value.copy() if isinstance(value, dict) else value
