"""What tests of Kubernetes share: an authority and its certificates, kubeconfigs, and a judge of
manifests that takes what an API server would take."""

from __future__ import annotations

import base64
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from cloudsealed.testing.kubernetes.authority import Authority
from cloudsealed.testing.kubernetes.server import ApiServer
from cloudsealed.testing.kubernetes.store import BY_NAME, Object, Store

VERSION = "1.31"
"""The version of the API whose defaults the fake gives."""
ROLE, BINDING = "ClusterRole", "ClusterRoleBinding"
RBAC = "rbac.authorization.k8s.io/v1"
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_NAMED_FREELY = ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")


class RefusedError(ValueError):
    """An object that no API server would take."""


def admit(item: Object) -> None:
    """Raise RefusedError for an object that no API server of VERSION would take: by the published
    schema of its kind, which knows all of its fields, and by the rules of names."""
    validator = _validator()
    kind = BY_NAME[item["apiVersion"], item["kind"]]
    try:
        validator.validate(item, VERSION, strict=True)
    except (validator.ValidationError, validator.SchemaNotFoundError) as error:
        raise RefusedError(f"{item['kind']}: {error}") from None
    metadata = item.get("metadata") or {}
    name = metadata.get("name") or ""
    right = name and "/" not in name if kind.name in _NAMED_FREELY else _SUBDOMAIN.fullmatch(name)
    if not right or len(name) > 253:
        raise RefusedError(f"{item['kind']} {name!r}: it is no name")


@cache
def _validator() -> Any:
    """Return kubernetes-validate, which from now on looks for its schemas, and reads each, once."""
    found = pytest.importorskip("kubernetes_validate", reason="it is not installed")
    for name in ("schema_contents", "all_versions"):
        setattr(found.utils, name, cache(getattr(found.utils, name)))
    return found


def store_of(*objects: Object) -> Store:
    """Return a cluster of objects, each of which an API server would have taken."""
    return Store(objects, admit=admit)


def pod(name: str, namespace: str = "default", **given: Any) -> Object:
    """Return a small pod; `given` is of its metadata."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, **given},
        "spec": {"containers": [{"name": "main", "image": "registry.example/app:1.0"}]},
    }


def granted(user: str, rules: list[Object]) -> list[Object]:
    """Return a role of these rules, and what gives it to a user in the whole cluster."""
    group = RBAC.partition("/")[0]
    return [
        {"apiVersion": RBAC, "kind": ROLE, "metadata": {"name": user}, "rules": rules},
        {
            "apiVersion": RBAC,
            "kind": BINDING,
            "metadata": {"name": user},
            "roleRef": {"apiGroup": group, "kind": ROLE, "name": user},
            "subjects": [{"kind": "User", "name": user, "apiGroup": group}],
        },
    ]


def config(
    server: ApiServer, authority: Authority | None, user: Object, /, **cluster: Any
) -> Object:
    """Return a kubeconfig whose user is this."""
    found = server.kubeconfig("", authority=authority.pem if authority else None)
    found["users"][0]["user"] = user
    found["clusters"][0]["cluster"] |= cluster
    return found


def written(path: Path, document: Object | str) -> Path:
    """Write a kubeconfig, for its owner alone."""
    path.touch(mode=0o600)
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    return path


def base64_of(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()


@cache
def shared_data(*parts: str) -> Path | None:
    """Return a file of the data that tests may use when they are there; None where it is not."""

    given = os.environ.get("CLOUDSEALED_TEST_DATA")
    root = Path(given) if given else Path(__file__).parents[2] / "shared" / "data"
    path = root.joinpath(*parts)
    return path if path.exists() else None
