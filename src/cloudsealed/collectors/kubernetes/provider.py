"""Kubernetes as a provider: a context of a kubeconfig, a cluster's UID as the account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cloudsealed.collectors.asked import calls_of
from cloudsealed.collectors.calling.places import Places
from cloudsealed.collectors.kubernetes.client import ClusterCaller, next_chunk
from cloudsealed.collectors.kubernetes.kubeconfig import cluster_of
from cloudsealed.collectors.kubernetes.manifests import (
    ManifestError,
    Manifests,
    ManifestSession,
    read_manifests,
)
from cloudsealed.collectors.kubernetes.rows import CORE, ROWS
from cloudsealed.collectors.kubernetes.session import ClusterSession
from cloudsealed.collectors.kubernetes.shapes import shape_of
from cloudsealed.collectors.model import GLOBAL, Document, Place, Row, Unit, unit_of
from cloudsealed.collectors.provider import Brought, Way
from cloudsealed.kit.clock import Clock
from cloudsealed.vocabulary import Provider

_NOWHERE = Place("", GLOBAL, "", Provider.KUBERNETES)


class Session(ClusterSession):
    """A cluster, reached in one way."""

    def caller(
        self, redaction_key: bytes, *, clock: Clock, places: Places | None = None
    ) -> ClusterCaller:
        """Return what asks the API server for units."""
        return ClusterCaller(self, redaction_key, clock=clock, places=places)


class _Kubernetes:
    name = Provider.KUBERNETES
    rows = ROWS
    models = "kubernetes 1"
    exempt: frozenset[tuple[str, str | None]] = frozenset()
    endpoints: Mapping[str, str] = {}

    def open(self, way: Way, clock: Clock) -> Session | ManifestSession:
        choice = way.choice
        if choice.files:
            return ManifestSession(Manifests(read_manifests(choice.files)), choice.account or "")
        return Session(cluster_of(choice.option or way.fields.get("context")), way, clock)

    def brought(self, files: Iterable[Path]) -> Brought:
        manifests = Manifests(read_manifests(files))
        asked = {
            row.type: unit_of(_NOWHERE, row.service, row.operation or "", row.constants)
            for row in ROWS
        }
        types = [name for name, unit in asked.items() if manifests.answer(unit) is not None]
        other = ", ".join(f"{kind} ({number})" for kind, number in sorted(manifests.other.items()))
        if not types:
            first = manifests.warnings[0] if manifests.warnings else f"no kind of it is: {other}"
            raise ManifestError(f"The files hold nothing that is judged: {first}")
        return Brought(tuple(types), tuple(manifests.warnings), other)

    def next_page(self, unit: Unit, document: Document) -> Mapping[str, Any] | None:
        return next_chunk(document) or None

    def is_stranger(self, error_code: str | None) -> bool:
        return False

    def known_regions(self) -> frozenset[str]:
        return frozenset()

    def permission_of(self, service: str, operation: str) -> str:
        plural, _, name = operation.partition("/")
        resource = plural if service == CORE else f"{plural}.{service}"
        return f"list {resource}/{name}" if name else f"list {resource}"

    def permissions(self, rows: Iterable[Row]) -> dict[str, Any]:
        calls = {call for row in rows for call in calls_of(row)}
        needed = {self.permission_of(*call) for call in calls}
        return {**_role("cloudsealed"), "rules": [_NAMING, *_rules(needed)]}

    def statement(self, permissions: Iterable[str]) -> dict[str, Any]:
        return self.granting(permissions)

    def parts(self, whole: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [dict(whole)]

    def granting(self, permissions: Iterable[str]) -> dict[str, Any]:
        return {**_role("cloudsealed-more"), "rules": _rules(set(permissions))}

    def trust_statement(self, name: str, way: Way) -> dict[str, Any] | None:
        return None

    def trust_policy(self, name: str, way: Way) -> dict[str, Any] | None:
        return None

    def shape_of(self, service: str, operation: str) -> Any:
        return shape_of(service, operation)


_NAMING = {
    "apiGroups": [""],
    "resources": ["namespaces"],
    "resourceNames": ["kube-system"],
    "verbs": ["get"],
}
"""What lets one read by which namespace a cluster is told from others."""


def _role(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
    }


def _rules(permissions: Iterable[str]) -> list[dict[str, Any]]:
    """Return the rules that allow what permissions say, one for each API group and one for each
    object that is named."""
    lists: dict[str, list[str]] = {}
    named = []
    for verb, _, what in sorted(each.partition(" ") for each in permissions):
        resource, _, name = what.partition("/")
        plural, _, group = resource.partition(".")
        if name:
            rule = {"apiGroups": [group], "resources": [plural], "resourceNames": [name]}
            named.append({**rule, "verbs": [verb]})
        else:
            lists.setdefault(group, []).append(plural)
    return named + [
        {"apiGroups": [group], "resources": plurals, "verbs": ["list"]}
        for group, plurals in sorted(lists.items())
    ]


PROVIDER = _Kubernetes()
