"""Objects of a version that has other fields than the one that is collected, in the form of that.

Source: Kubernetes, "Deprecated API Migration Guide" (Ingress of v1beta1), and the API reference of
HorizontalPodAutoscaler v1, which is served with the same objects as v2.
"""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def current(kind: str, item: Object) -> Object:
    """Return an object as the newest version has it."""
    spec = item.get("spec")
    if isinstance(spec, dict):
        if kind == "Ingress":
            _ingress(spec)
        elif kind == "HorizontalPodAutoscaler":
            _autoscaler(spec)
    return item


def _ingress(spec: Object) -> None:
    if isinstance(spec.get("backend"), dict):
        spec.setdefault("defaultBackend", spec.pop("backend"))
    _backend(spec.get("defaultBackend"))
    for rule in spec.get("rules") or ():
        for path in (rule.get("http") or {}).get("paths") or ():
            _backend(path.get("backend"))


def _backend(backend: Any) -> None:
    if not isinstance(backend, dict) or "serviceName" not in backend:
        return
    port = backend.pop("servicePort", None)
    named: Object = {"name": backend.pop("serviceName")}
    if port is not None:
        named["port"] = {"number": port} if isinstance(port, int) else {"name": str(port)}
    backend.setdefault("service", named)


def _autoscaler(spec: Object) -> None:
    share = spec.pop("targetCPUUtilizationPercentage", None)
    if isinstance(share, int) and "metrics" not in spec:
        target = {"type": "Utilization", "averageUtilization": share}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
