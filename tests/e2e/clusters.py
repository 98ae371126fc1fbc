"""A small cluster with something of every kind, and a canary wherever a secret may be."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterator
from typing import Any

from tests.clusters import RBAC, pod

from cloudsealed.testing.kubernetes.store import Object

MARK = "q7Zk29XwPd0canary5Lm8"
"""What every secret that is planted ends in."""
_numbers = itertools.count()
_HOOKS = "admissionregistration.k8s.io/v1"


def canary(place: str) -> str:
    """Return a secret that stands in this place alone."""
    return f"{place}-{next(_numbers)}-{MARK}"


def _object(api_version: str, kind: str, name: str, namespace: str = "shop", **said: Any) -> Object:
    metadata: Object = {"name": name, **said.pop("metadata", {})}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **said}


def _container(place: str) -> Object:
    header = {"httpHeaders": [{"name": "Authorization", "value": canary(f"{place}-header")}]}
    probe = {"httpGet": {"port": 80, "path": "/", **header}}
    return {
        "name": "main",
        "image": "registry.example/app:1.0",
        "args": [f"--db-password={canary(f'{place}-arg')}"],
        "command": ["sh", "-c", f"run --token={canary(f'{place}-command')}"],
        "env": [
            {"name": "PLAIN", "value": canary(f"{place}-env")},
            {"name": "DB_PASSWORD", "value": canary(f"{place}-password")},
            {"name": "FROM", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
        ],
        "livenessProbe": probe,
        "lifecycle": {"preStop": probe},
    }


def _spec(place: str) -> Object:
    return {
        "containers": [_container(place)],
        "initContainers": [{**_container(f"{place}-init"), "name": "init"}],
    }


def _template(place: str, **more: Any) -> Object:
    annotations = {"vault-token": canary(f"{place}-template")}
    metadata = {"labels": {"app": place}, "annotations": annotations}
    return {"metadata": metadata, "spec": {**_spec(place), **more}}


def _workloads() -> Iterator[Object]:
    def controlled(place: str) -> Object:
        return {"selector": {"matchLabels": {"app": place}}, "template": _template(place)}

    for kind in ("Deployment", "ReplicaSet", "DaemonSet", "StatefulSet"):
        place = kind.lower()
        more = {"serviceName": place} if kind == "StatefulSet" else {}
        applied = json.dumps({"spec": {"env": canary(f"{place}-applied")}})
        annotations = {
            "kubectl.kubernetes.io/last-applied-configuration": applied,
            "kopf.zalando.org/last-handled-configuration": applied,
            "api-key": canary(f"{place}-annotation"),
        }
        metadata = {"annotations": annotations, "labels": {"app": place}}
        yield _object("apps/v1", kind, place, metadata=metadata, spec={**controlled(place), **more})
    once = {"restartPolicy": "Never"}
    yield _object("batch/v1", "Job", "job", spec={"template": _template("job", **once)})
    daily = {"spec": {"template": _template("cronjob", **once)}}
    yield _object("batch/v1", "CronJob", "cron", spec={"schedule": "@daily", "jobTemplate": daily})
    ended = {"terminated": {"exitCode": 1, "message": canary("pod-last-words")}}
    facts = {"image": "x", "imageID": "x", "ready": False, "restartCount": 1, "name": "main"}
    status = {"phase": "Running", "containerStatuses": [{**facts, "lastState": ended}]}
    fields = [{"manager": canary("managed-fields"), "operation": "Update"}]
    metadata = {"managedFields": fields, "annotations": {"db-password": canary("pod-annotation")}}
    yield {**_object("v1", "Pod", "web", metadata=metadata), "spec": _spec("pod"), "status": status}
    for place in ("安全", "читатель"):
        yield pod(f"plain-{next(_numbers)}", "shop", annotations={"note": place})


def _configuration() -> Iterator[Object]:
    yield _object("v1", "Namespace", "shop", "", metadata={"labels": {"team": "payments"}})
    encoded = base64.b64encode(canary("secret-data").encode()).decode()
    text = {"password": canary("secret-string")}
    yield _object("v1", "Secret", "db", data={"password": encoded}, stringData=text)
    binary = {"b": base64.b64encode(canary("config-binary").encode()).decode()}
    data = {"password": canary("config-data"), "note": canary("config-note")}
    yield _object("v1", "ConfigMap", "settings", data=data, binaryData=binary)
    header = f"staticPodURLHeader:\n  Authorization: [Bearer {canary('kubelet-header')}]\n"
    kubelet = f"authentication:\n  anonymous:\n    enabled: false\n{header}"
    yield _object(
        "v1",
        "ConfigMap",
        "kubelet-config",
        "kube-system",
        data={"kubelet": kubelet, "note": canary("kubelet-note")},
    )
    yield _object("v1", "ServiceAccount", "app")
    hard = {"hard": {"pods": "10"}}
    yield _object("v1", "ResourceQuota", "quota", spec=hard)
    limits = [{"type": "Container", "default": {"cpu": "1"}}]
    yield _object("v1", "LimitRange", "limits", spec={"limits": limits})


def _network() -> Iterator[Object]:
    ports = [{"port": 80}]
    yield _object("v1", "Service", "web", spec={"selector": {"app": "web"}, "ports": ports})
    named = {"service": {"name": "web", "port": {"number": 80}}}
    annotations = {"nginx.ingress.kubernetes.io/auth-secret-value": canary("ingress-annotation")}
    spec = {"defaultBackend": named}
    metadata = {"annotations": annotations}
    yield _object("networking.k8s.io/v1", "Ingress", "web", metadata=metadata, spec=spec)
    yield _object("networking.k8s.io/v1", "NetworkPolicy", "deny", spec={"podSelector": {}})
    budget = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    yield _object("policy/v1", "PodDisruptionBudget", "web", spec=budget)
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "deployment"}
    scaled = {"scaleTargetRef": target, "maxReplicas": 3}
    yield _object("autoscaling/v2", "HorizontalPodAutoscaler", "web", spec=scaled)


def _storage() -> Iterator[Object]:
    options = {"restuserkey": "x", "secret-password": canary("storage-parameter")}
    yield _object(
        "storage.k8s.io/v1", "StorageClass", "fast", "", provisioner="x", parameters=options
    )
    attributes = {"api-token": canary("volume-attribute")}
    source = {"driver": "x", "volumeHandle": "x", "volumeAttributes": attributes}
    size = {"storage": "1Gi"}
    modes = {"accessModes": ["ReadWriteOnce"]}
    spec: Object = {"capacity": size, "csi": source, **modes}
    yield _object("v1", "PersistentVolume", "one", "", spec=spec)
    claim = {"resources": {"requests": size}, **modes}
    yield _object("v1", "PersistentVolumeClaim", "data", spec=claim)


def _cluster() -> Iterator[Object]:
    ready = {"type": "Ready", "status": "True"}
    yield _object("v1", "Node", "node-1", "", status={"nodeInfo": _node(), "conditions": [ready]})
    url = f"https://user:{canary('webhook-url')}@hooks.example/validate"
    rule = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}
    hook = {
        "name": "hook.example.com",
        "clientConfig": {"url": url},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "rules": [rule],
    }
    for kind in ("Validating", "Mutating"):
        yield _object(_HOOKS, f"{kind}WebhookConfiguration", "hook", "", webhooks=[hook])
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    group = RBAC.partition("/")[0]
    subject = {"kind": "ServiceAccount", "name": "app", "namespace": "shop"}
    for prefix, place in (("", "shop"), ("Cluster", "")):
        named = {"apiGroup": group, "kind": f"{prefix}Role", "name": "reader"}
        yield _object(RBAC, f"{prefix}Role", "reader", place, rules=rules)
        yield _object(
            RBAC, f"{prefix}RoleBinding", "reader", place, roleRef=named, subjects=[subject]
        )


def _node() -> Object:
    names = (
        "architecture bootID containerRuntimeVersion kernelVersion kubeProxyVersion machineID"
        " operatingSystem osImage systemUUID"
    )
    return {**dict.fromkeys(names.split(), "x"), "kubeletVersion": "v1.31.0"}


def estate() -> list[Object]:
    """Return the objects of the cluster, each with canaries of its own."""
    parts = (_configuration(), _workloads(), _network(), _storage(), _cluster())
    return [item for part in parts for item in part]
