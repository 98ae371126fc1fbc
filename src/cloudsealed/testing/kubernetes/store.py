"""The objects of a fake cluster, by what an API server calls them.

It keeps objects as they are written in manifests, gives each what a server gives (UID, time, version,
defaults) and answers lists in the order of etcd's keys.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from cloudsealed.collectors.kubernetes.defaults import with_defaults

Object = dict[str, Any]
Place = tuple[str, str]
"""A namespace, "" for what is in none, and a name."""
CREATED = "2026-01-05T08:00:00Z"
_SPACE = uuid.UUID("6a1f0d0e-6f0e-4f55-9a53-0d4e3d1b7f10")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind that the server has."""

    group: str
    version: str
    plural: str
    name: str
    namespaced: bool = True
    short: str = ""

    @property
    def api_version(self) -> str:
        """The group and version, as an object says it."""
        return f"{self.group}/{self.version}" if self.group else self.version


_RBAC, _HOOKS = "rbac.authorization.k8s.io", "admissionregistration.k8s.io"
KINDS = (
    Kind("", "v1", "namespaces", "Namespace", namespaced=False, short="ns"),
    Kind("", "v1", "nodes", "Node", namespaced=False, short="no"),
    Kind("", "v1", "pods", "Pod", short="po"),
    Kind("", "v1", "services", "Service", short="svc"),
    Kind("", "v1", "serviceaccounts", "ServiceAccount", short="sa"),
    Kind("", "v1", "configmaps", "ConfigMap", short="cm"),
    Kind("", "v1", "secrets", "Secret"),
    Kind("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False, short="pv"),
    Kind("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", short="pvc"),
    Kind("", "v1", "resourcequotas", "ResourceQuota", short="quota"),
    Kind("", "v1", "limitranges", "LimitRange", short="limits"),
    Kind("apps", "v1", "deployments", "Deployment", short="deploy"),
    Kind("apps", "v1", "replicasets", "ReplicaSet", short="rs"),
    Kind("apps", "v1", "daemonsets", "DaemonSet", short="ds"),
    Kind("apps", "v1", "statefulsets", "StatefulSet", short="sts"),
    Kind("batch", "v1", "jobs", "Job"),
    Kind("batch", "v1", "cronjobs", "CronJob", short="cj"),
    Kind("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", short="hpa"),
    Kind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", short="pdb"),
    Kind("networking.k8s.io", "v1", "ingresses", "Ingress", short="ing"),
    Kind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", short="netpol"),
    Kind(_RBAC, "v1", "roles", "Role"),
    Kind(_RBAC, "v1", "rolebindings", "RoleBinding"),
    Kind(_RBAC, "v1", "clusterroles", "ClusterRole", namespaced=False),
    Kind(_RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False),
    Kind(
        _HOOKS,
        "v1",
        "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
        namespaced=False,
    ),
    Kind(
        _HOOKS,
        "v1",
        "mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration",
        namespaced=False,
    ),
    Kind("storage.k8s.io", "v1", "storageclasses", "StorageClass", namespaced=False, short="sc"),
)
BY_NAME: Mapping[tuple[str, str], Kind] = {(each.api_version, each.name): each for each in KINDS}


def key_of(place: Place) -> str:
    """Return what etcd has a place under: lists are in the order of these."""
    return "/".join(filter(None, place))


class UnknownKindError(ValueError):
    """A manifest is of a kind that the server does not have."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """An object, the version in which it came, and the one in which it went."""

    item: Object
    since: int
    until: int | None = None


class Store:
    """The objects of one cluster. `admit` is asked of each as it is written, and raises for one
    that no API server would take."""

    def __init__(
        self, objects: Iterable[Object] = (), *, admit: Callable[[Object], None] | None = None
    ) -> None:
        self._objects: dict[Kind, dict[Place, _Kept]] = {kind: {} for kind in KINDS}
        self._past: list[tuple[Kind, Place, _Kept]] = []
        self._admit = admit
        self.version = 1
        self.oldest = 0
        """The version before which nobody knows what there was."""
        for name in ("default", "kube-node-lease", "kube-public", "kube-system"):
            self.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for each in objects:
            self.add(each)

    def add(self, item: Object) -> Object:
        """Take in an object, or write it over the one of its name; a List brings its items. Raises
        UnknownKindError, and what `admit` raises."""
        if item.get("kind") == "List":
            for each in item["items"]:
                self.add(each)
            return item
        kind = BY_NAME.get((str(item.get("apiVersion")), str(item.get("kind"))))
        if kind is None:
            raise UnknownKindError(f"{item.get('apiVersion')} {item.get('kind')}")
        if self._admit is not None:
            self._admit(item)
        kept = with_defaults(kind.name, orjson.loads(orjson.dumps(item)))
        metadata = kept.setdefault("metadata", {})
        if kind.namespaced:
            metadata.setdefault("namespace", "default")
        else:
            metadata.pop("namespace", None)
        place = (metadata.get("namespace", ""), metadata["name"])
        self.version += 1
        metadata.setdefault("uid", str(uuid.uuid5(_SPACE, "/".join((kind.plural, *place)))))
        metadata.setdefault("creationTimestamp", CREATED)
        metadata["resourceVersion"] = str(self.version)
        known = self._objects[kind].get(place)
        self._objects[kind][place] = _Kept(kept, known.since if known else self.version)
        return kept

    def remove(self, kind: Kind, namespace: str, name: str) -> None:
        """Take an object away; who is in the midst of a list still sees it."""
        self.version += 1
        gone = self._objects[kind].pop((namespace, name))
        past = _Kept(gone.item, gone.since, self.version)
        self._past.append((kind, (namespace, name), past))

    def compact(self) -> None:
        """Forget what was: no list that has begun goes on as it was."""
        self.version += 1
        self.oldest = self.version
        self._past.clear()

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Return an object."""
        found = self._objects[kind].get((namespace, name))
        return found.item if found else None

    def all(
        self, kind: Kind, namespace: str | None = None, *, at: int | None = None
    ) -> Iterator[tuple[Place, Object]]:
        """Yield the objects of a kind with their places, in order: those of now, or those that
        there were in a version."""
        found = [*self._objects[kind].items()]
        if at is not None:
            found = [pair for pair in found if pair[1].since <= at]
            found += [
                (place, kept)
                for each, place, kept in self._past
                if each is kind and kept.since <= at < (kept.until or 0)
            ]
        for place, kept in sorted(found, key=lambda pair: key_of(pair[0])):
            if namespace is None or place[0] == namespace:
                yield place, kept.item

    @property
    def uid(self) -> str:
        """The UID that names the cluster."""
        found = self.get(KINDS[0], "", "kube-system")
        assert found is not None
        return str(found["metadata"]["uid"])
