"""What of a list is stored: not what a client would never need, and not what may hold a secret.

`managedFields` goes, and annotations in which tools keep a whole manifest; of objects whose
metadata alone is asked for nothing else stays, whatever answered. It refuses what is no list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import yaml

from cloudsealed.collectors.model import Unit

METADATA = "metadata"
"""The form of an object of which nothing else is wanted."""
KUBELET = "kubelet-config"
"""The config map in which kubeadm keeps what it gives every kubelet."""
_HEADERS = "staticPodURLHeader"
GIVEN = frozenset({"annotations", "parameters", "volumeAttributes", "options"})
"""Maps of which people, not the API, give the keys."""
_MANIFESTS = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        "objectset.rio.cattle.io/applied",  # compressed, in base64
    }
)
_PARTS = ('"spec"', '"data"', '"stringData"', '"env"')


def storable_list(unit: Unit, members: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is stored of a list, the answer to `unit`; raises ValueError for what is none.

    A server writes a list without objects as null where nothing made one of it.
    """
    items = members.get("items")
    named = str(members.get("kind")).endswith("List")
    if not named or not (isinstance(items, list) or (items is None and "items" in members)):
        raise ValueError("an answer to a list is a list")
    asked = orjson.loads(unit.parameters)
    kept = _metadata if asked.get("form") == METADATA else bare
    if unit.operation.endswith(f"/{KUBELET}"):
        kept = _kubelet
    return {**members, "items": [kept(each) for each in items or ()]}


def bare(item: Any) -> Any:
    """Return an object without what is not stored of any."""
    metadata = item.get("metadata") if isinstance(item, dict) else None
    if not isinstance(metadata, dict):
        return item
    left = {name: value for name, value in metadata.items() if name != "managedFields"}
    annotations = left.get("annotations")
    if isinstance(annotations, dict):
        left["annotations"] = {k: v for k, v in annotations.items() if not _is_manifest(k, v)}
    return {**item, METADATA: left}


def _is_manifest(name: str, text: Any) -> bool:
    """Say whether an annotation is an object as somebody wrote it, with all that it holds."""
    if name in _MANIFESTS or not isinstance(text, str):
        return name in _MANIFESTS
    return text.lstrip().startswith("{") and any(part in text for part in _PARTS)


def _metadata(item: Any) -> Any:
    found = bare(item)
    return {METADATA: found.get(METADATA)} if isinstance(found, dict) else found


def _kubelet(item: Any) -> Any:
    """Return the config map of the kubelet with its configuration alone, and that without what the
    kubelet says to the server of its pods (KubeletConfiguration v1beta1)."""
    found = bare(item)
    data = found.get("data") if isinstance(found, dict) else None
    text = data.get("kubelet") if isinstance(data, dict) else None
    if not isinstance(text, str):
        return _metadata(item)
    try:
        said = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        text = ""  # nobody can read it, nor say what it holds
    else:
        if isinstance(said, dict) and said.pop(_HEADERS, None) is not None:
            text = yaml.safe_dump(said)
    return {METADATA: found.get(METADATA), "data": {"kubelet": text}}
