"""Our functions on a cluster's volumes: `mounts_claim`, `encrypts`, `is_zonal`,
`is_default_class`, `class_of`.

Sources: Kubernetes, "Persistent Volumes", "StatefulSets" and "Ephemeral Volumes" (names of claims),
"Storage Classes"; the parameters of each driver as its own documents have them. Refuses to say
anything of a driver that the tables do not have.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from cloudsealed.engine.functions.documents import maps_at
from cloudsealed.engine.functions.kubernetes.workloads import pod
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.signature import Function, kinds
from cloudsealed.engine.values import Value

_Map = dict[Any, Value]

_TRUE: Final = frozenset({"true"})
_PARSED: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
"""What Go's `strconv.ParseBool` takes for true."""
_ENCRYPTED: Final[Mapping[str, frozenset[str]]] = {
    "ebs.csi.aws.com": _TRUE,
    "ebs.csi.eks.amazonaws.com": _TRUE,
    "kubernetes.io/aws-ebs": _PARSED,
    "diskplugin.csi.alibabacloud.com": _TRUE,
    "driver.longhorn.io": _TRUE,
    "rbd.csi.ceph.com": _TRUE,
    "rook-ceph.rbd.csi.ceph.com": _TRUE,
}
"""The drivers that encrypt a volume where the parameter `encrypted` is one of these."""
_ZONAL: Final = frozenset(
    {
        "ebs.csi.aws.com",
        "ebs.csi.eks.amazonaws.com",
        "kubernetes.io/aws-ebs",
        "pd.csi.storage.gke.io",
        "kubernetes.io/gce-pd",
        "disk.csi.azure.com",
        "kubernetes.io/azure-disk",
        "diskplugin.csi.alibabacloud.com",
        "cinder.csi.openstack.org",
    }
)
_DEFAULT: Final = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
_CLASS: Final = "volume.beta.kubernetes.io/storage-class"
"""The annotation that named a class before there was a field, and still goes before it."""
_ORDINAL: Final = re.compile(r"0|[1-9][0-9]{0,8}")


def mounts_claim(meter: Meter, workload: _Map, claim: str) -> bool:
    """`mounts_claim(workload, "data")`: whether the pods of a workload have a volume that is this
    claim of their namespace: one that they name, one that comes and goes with a pod, or that of a
    replica of a StatefulSet, of as many as it has now."""
    volumes = maps_at(pod(workload)["spec"], "volumes")
    meter.charge(len(volumes))
    spec, name = workload.get("spec") or {}, (workload.get("metadata") or {}).get("name")
    named = ((each.get("persistentVolumeClaim") or {}).get("claimName") for each in volumes)
    is_pod = "containers" in spec  # a template does not know the names of its pods
    made = (f"{name}-{each.get('name')}" for each in volumes if is_pod and each.get("ephemeral"))
    return claim in named or claim in made or _of_replica(spec, name, claim)


def _of_replica(spec: _Map, name: Value, claim: str) -> bool:
    first = (spec.get("ordinals") or {}).get("start") or 0
    replicas = spec.get("replicas")
    last = first + (1 if replicas is None else replicas)
    for each in maps_at(spec, "volumeClaimTemplates"):
        before = f"{(each.get('metadata') or {}).get('name')}-{name}-"
        ordinal = claim[len(before) :] if claim.startswith(before) else ""
        if _ORDINAL.fullmatch(ordinal) and first <= int(ordinal) < last:
            return True
    return False


def encrypts(storage_class: _Map) -> Value:
    """`encrypts(storage_class)`: whether its parameters ask for encrypted volumes; null for a
    driver that is not told so by them."""
    values = _ENCRYPTED.get(str(storage_class.get("provisioner")))
    return None if values is None else _parameter(storage_class, "encrypted") in values


def is_zonal(storage_class: _Map) -> bool:
    """`is_zonal(storage_class)`: whether its driver makes disks that only nodes of one zone can
    attach: those of AWS, Google Cloud, Azure, Alibaba Cloud and OpenStack, but for regional disks
    of Google Cloud and zone-redundant ones of Azure."""
    regional = (
        _parameter(storage_class, "replication-type") == "regional-pd"
        or _parameter(storage_class, "type") == "hyperdisk-balanced-high-availability"
    )
    sku = _parameter(storage_class, "skuname") or _parameter(storage_class, "storageaccounttype")
    redundant = (sku or "").upper().endswith("_ZRS")
    return storage_class.get("provisioner") in _ZONAL and not regional and not redundant


def is_default_class(storage_class: _Map) -> bool:
    """`is_default_class(storage_class)`: whether an annotation makes it one that claims get which
    name no class."""
    notes = (storage_class.get("metadata") or {}).get("annotations") or {}
    return any(notes.get(name) == "true" for name in _DEFAULT)


def class_of(volume: _Map) -> Value:
    """`class_of(claim)`: the name of the storage class of a claim or of a volume; null where it
    names none, which is not the same as "" for a claim."""
    named = ((volume.get("metadata") or {}).get("annotations") or {}).get(_CLASS)
    return named if named is not None else (volume.get("spec") or {}).get("storageClassName")


def _parameter(storage_class: _Map, name: str) -> str | None:
    """A parameter, whose name these drivers read in any case."""
    own = storage_class.get("parameters") or {}
    return next((value for key, value in own.items() if key.lower() == name), None)


_MAP, _TEXT = kinds("map"), kinds("string")

KUBERNETES_STORAGE: Final = (
    Function("mounts_claim", (_MAP, _TEXT), "bool", mounts_claim, metered=True),
    Function("encrypts", (_MAP,), "dyn", encrypts, fields=("provisioner", "parameters")),
    Function("is_default_class", (_MAP,), "bool", is_default_class, fields=("metadata",)),
    Function("class_of", (_MAP,), "dyn", class_of, fields=("metadata", "spec")),
    Function("is_zonal", (_MAP,), "bool", is_zonal, fields=("provisioner", "parameters")),
)
