"""The kinds of a cluster, each one list.

A resource is named by its path without the version, so it stays itself when its version changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import yaml

from cloudsealed.collectors.kubernetes.stored import KUBELET
from cloudsealed.collectors.model import Relation, Row

_POD = {
    "k8s.pod": "spec",
    "k8s.deployment": "spec.template.spec",
    "k8s.replica_set": "spec.template.spec",
    "k8s.daemon_set": "spec.template.spec",
    "k8s.stateful_set": "spec.template.spec",
    "k8s.job": "spec.template.spec",
    "k8s.cron_job": "spec.jobTemplate.spec.template.spec",
}
"""Where the specification of its pods is in each workload."""
CORE = "core"
"""What the API group without a name is called here, and in paths of native ids left out."""
_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_HANDLERS = (
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle.postStart",
    "lifecycle.preStop",
)
_SECRETS = tuple(
    f"{containers}[].{path}"
    for containers in _CONTAINERS
    for path in ("env[].value", *(f"{each}.httpGet.httpHeaders[].value" for each in _HANDLERS))
)
"""What a container is given, and what is said to it."""
_MESSAGES = tuple(
    f"items[].status.{kind}Statuses[].{state}.terminated.message"
    for kind in ("container", "initContainer", "ephemeralContainer")
    for state in ("state", "lastState")
)
"""What a container wrote at its end: it may be the last lines of its log."""


def _row(
    kind: str,
    group: str,
    plural: str,
    *,
    version: str = "v1",
    namespaced: bool = True,
    form: str | None = None,
    relations: tuple[Relation, ...] = (),
) -> Row:
    name = f"k8s.{kind}"
    place = "namespaces/{metadata.namespace}/" if namespaced else ""
    prefix = "" if group == CORE else f"{group}/"
    pod = _POD.get(name)
    secrets = tuple(f"items[].{pod}.{each}" for each in _SECRETS) if pod else ()
    return Row(
        type=name,
        service=group,
        operation=plural,
        native_id=f"{prefix}{place}{plural}/{{metadata.name}}",
        items="items",
        scope="global",
        name="metadata.name",
        tags="metadata.labels",
        constants={"version": version, **({"form": form} if form else {})},
        secret_paths=(*secrets, *(_MESSAGES if name == "k8s.pod" else ())),
        relations=relations,
        created="metadata.creationTimestamp",
        ident=None,
    )


def _configuration(text: Any) -> Any:
    """Return the configuration that a config map holds as YAML; raises ValueError for none."""
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError("it is no YAML") from error
    if not isinstance(found, dict):
        raise ValueError("a configuration is a map")
    return found


def _rows() -> Iterator[Row]:
    yield _row("namespace", CORE, "namespaces", namespaced=False)
    yield _row("node", CORE, "nodes", namespaced=False)
    yield _row("pod", CORE, "pods")
    yield _row("service", CORE, "services")
    yield _row("service_account", CORE, "serviceaccounts")
    names = _row("config_map", CORE, "configmaps", form="metadata")
    yield replace(names, items="items[].{metadata: metadata}")
    yield replace(
        _row("kubelet_config", CORE, f"configmaps/{KUBELET}"),
        native_id="namespaces/{metadata.namespace}/configmaps/{metadata.name}",
        constants={"version": "v1", "namespace": "kube-system"},
        decode={"data.kubelet": _configuration},
    )
    yield _row("persistent_volume", CORE, "persistentvolumes", namespaced=False)
    yield _row("persistent_volume_claim", CORE, "persistentvolumeclaims")
    yield _row("resource_quota", CORE, "resourcequotas")
    yield _row("limit_range", CORE, "limitranges")
    yield _row("deployment", "apps", "deployments")
    yield _row("replica_set", "apps", "replicasets")
    yield _row("daemon_set", "apps", "daemonsets")
    yield _row("stateful_set", "apps", "statefulsets")
    yield _row("job", "batch", "jobs")
    yield _row("cron_job", "batch", "cronjobs")
    yield _row("horizontal_pod_autoscaler", "autoscaling", "horizontalpodautoscalers", version="v2")
    yield _row("pod_disruption_budget", "policy", "poddisruptionbudgets")
    yield _row("ingress", "networking.k8s.io", "ingresses")
    yield _row("network_policy", "networking.k8s.io", "networkpolicies")
    rbac = "rbac.authorization.k8s.io"
    yield _row("role", rbac, "roles")
    yield _row("role_binding", rbac, "rolebindings")
    yield _row("cluster_role", rbac, "clusterroles", namespaced=False)
    yield _row("cluster_role_binding", rbac, "clusterrolebindings", namespaced=False)
    hooks = "admissionregistration.k8s.io"
    yield _row("validating_webhook", hooks, "validatingwebhookconfigurations", namespaced=False)
    yield _row("mutating_webhook", hooks, "mutatingwebhookconfigurations", namespaced=False)
    yield _row("storage_class", "storage.k8s.io", "storageclasses", namespaced=False)


ROWS: tuple[Row, ...] = tuple(_rows())
