"""Our functions on what a workload takes of its node: `capabilities`, `host_mounts`, `on_path`.

Source: the Kubernetes API reference (Capabilities, HostPathVolumeSource, VolumeMount), Linux'
capabilities(7) and Windows' "Naming Files, Paths, and Namespaces". Refuses to follow links of a
node: a path is what it says, `/var/run` alone is known to be `/run` (Filesystem Hierarchy Standard
3.0, 5.13).
"""

from __future__ import annotations

import posixpath
import re
from typing import Any, Final

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.functions.documents import maps_at
from cloudsealed.engine.functions.kubernetes.workloads import containers, pod
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.signature import Function, kinds
from cloudsealed.engine.values import Value, describe

_Map = dict[Any, Value]

_CAPABILITY: Final = "CAP_"
_LINKED: Final = (("/var/run", "/run"),)
"""Folders that are another one on every node."""
_DRIVE: Final = re.compile(r"[A-Za-z]:(?=[\\/])", re.ASCII)
"""What a path of a node with Windows begins with."""
_DEVICE: Final = "\\\\.\\"
"""What Windows' named pipes and devices begin with."""


def capabilities(container: _Map) -> Value:
    """`capabilities(c).added`: a map of `added` and `dropped`, the capabilities that a container
    names, in capital letters and without `CAP_`, as runtimes read them; `ALL` is every one."""
    found = (container.get("securityContext") or {}).get("capabilities") or {}
    return {"added": _names(found, "add"), "dropped": _names(found, "drop")}


def _names(found: _Map, name: str) -> list[Value]:
    texts = found.get(name) or []
    if texts.__class__ is not list or any(not isinstance(each, str) for each in texts):
        raise EvaluationError(f"{name} must be a list of texts, and it is {describe(texts)}")
    return [each.upper().removeprefix(_CAPABILITY) for each in texts]


def host_mounts(meter: Meter, resource: _Map) -> list[Value]:
    """`host_mounts(resource)`: what of its node's files a workload's containers see.

    A map for each mount of a `hostPath` volume: `container`, `volume`, the `path` on the node
    (below the volume's by `subPath`), and `writable`, which is false where the mount is read-only.
    A volume that no container mounts is none. A `subPathExpr` is filled when the pod starts, so
    its path is the volume's. A path with a drive of Windows has slashes.
    """
    volumes = {
        each.get("name"): each["hostPath"].get("path")
        for each in maps_at(pod(resource)["spec"], "volumes")
        if each.get("hostPath").__class__ is dict
    }
    made: list[Value] = [
        {
            "container": each.get("name"),
            "volume": mount["name"],
            "path": _below(_clean(volumes[mount["name"]]), mount.get("subPath") or ""),
            "writable": mount.get("readOnly") is not True,
        }
        for each in containers(meter, resource)
        for mount in maps_at(each, "volumeMounts")
        if mount.get("name") in volumes
    ]
    meter.charge(len(volumes) + len(made))
    return made


def on_path(path: str, folder: str) -> bool:
    """`on_path(m.path, "/etc")`: whether a path of a node is a folder, or in it.

    Dots, double slashes and the end's slash mean nothing, and `/var/run` is `/run`. In a path of
    Windows, which begins with a drive or as a named pipe does, a backslash is a slash, and capital
    letters are small ones. A path that does not begin at a root is an error.
    """
    one, other = _compared(path), _compared(folder)
    return one == other or one.startswith(f"{other.rstrip('/')}/")


def _compared(path: Any) -> str:
    found = _clean(path)
    return found if found.startswith("/") else found.lower()


def _below(folder: str, name: str) -> str:
    return _clean(f"{folder}/{name}") if name else folder


def _clean(path: Any) -> str:
    text = path if isinstance(path, str) else ""
    if text.startswith(_DEVICE):
        return text
    drive = _DRIVE.match(text)
    if drive is not None:
        return drive[0] + posixpath.normpath("/" + text[2:].replace("\\", "/").lstrip("/"))
    if not text.startswith("/"):
        raise EvaluationError(f"a path of a node begins with a slash, and this is {describe(path)}")
    found = posixpath.normpath("/" + text.lstrip("/"))
    for link, target in _LINKED:
        if found == link or found.startswith(f"{link}/"):
            return target + found.removeprefix(link)
    return found


_MAP, _TEXT = kinds("map"), kinds("string")

HOSTS: Final = (
    Function("capabilities", (_MAP,), "map", capabilities),
    Function(
        "host_mounts", (_MAP,), "list", host_mounts, metered=True, fields=("metadata", "spec")
    ),
    Function("on_path", (_TEXT, _TEXT), "bool", on_path),
)
