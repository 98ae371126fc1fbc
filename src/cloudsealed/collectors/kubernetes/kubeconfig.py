"""How a cluster is reached: what a kubeconfig says, or what a pod finds in itself.

Sources: Kubernetes, "Organizing Cluster Access Using kubeconfig Files" (files of KUBECONFIG are
merged, and who says something first is right; then ~/.kube/config; in a pod its service account)
and the reference of Config v1. Nothing here is stored or said.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from cloudsealed.collectors.errors import (
    CredentialsRefusedError,
    NoCredentialsError,
    ProfileNotFoundError,
)
from cloudsealed.collectors.kubernetes.credentials import Credentials, User, pem_of
from cloudsealed.collectors.kubernetes.plugin import Plugin
from cloudsealed.kit.nearest import did_you_mean

log = logging.getLogger(__name__)

POD = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_LARGEST_FILE = 4 * 2**20
_FOR_PLUGINS = "client.authentication.k8s.io/exec"
_SECRETS = frozenset({"token", "password", "client-key-data"})
_Entry = tuple[Mapping[str, Any], Path]
"""What a kubeconfig says of a context, cluster or user, and where its relative paths begin."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster, and who asks it. `authorities` is PEM, None for those of this machine; `said` is
    what a kubeconfig says of it that only plug-ins are told."""

    server: str
    authorities: bytes | None
    verifies: bool
    server_name: str | None
    proxy: str | None = field(repr=False)  # may hold a password
    name: str
    user: User
    said: Any = field(default=None, repr=False)

    @property
    def is_open(self) -> bool:
        """Whether nothing hides what is said to the server."""
        return self.server.startswith("http://")

    def credentials(self) -> Credentials:
        """Return what to ask with; runs the plug-in of the user, if there is one. Raises
        CloudAccessError. As with kubectl, nothing secret goes over a line without TLS."""
        user = self.user
        if self.is_open:
            return Credentials()
        if user.has_plugin:
            plugin = Plugin.of(user.said["exec"], user.name, user.folder)
            return plugin.credentials(self._described)
        return user.credentials()

    def _described(self) -> dict[str, Any]:
        """Return the cluster as a plug-in is told of it, Cluster of ExecCredential."""
        found = {
            "server": self.server,
            "tls-server-name": self.server_name,
            "insecure-skip-tls-verify": not self.verifies or None,
            "certificate-authority-data": self.authorities,
            "proxy-url": self.proxy,
            "config": self.said,
        }
        return {name: value for name, value in found.items() if value is not None}


def cluster_of(context: str | None, environment: Mapping[str, str] = os.environ) -> Cluster:
    """Return the cluster of a context, of the current one for None; raises CloudAccessError."""
    files = [*_files(environment)]
    if not files and context is None and "KUBERNETES_SERVICE_HOST" in environment:
        return _of_pod(environment)
    if not files:
        said = environment.get("KUBECONFIG")
        raise NoCredentialsError(
            f"There is no file at {said}, which KUBECONFIG names."
            if said
            else "There is no kubeconfig. Name one in KUBECONFIG, put it into ~/.kube/config, or"
            " run in a pod with a service account."
        )
    merged = _Merged.of(files)
    name = context or merged.current
    if name not in merged.contexts:
        known = did_you_mean(name, merged.contexts) or ""
        said = f"has no context {name!r}{known}" if name else "names no current context"
        raise ProfileNotFoundError(
            f"The kubeconfig {said}. `kubectl config get-contexts` lists them."
        )
    return merged.cluster(name)


@dataclass(frozen=True, slots=True)
class _Merged:
    """Several kubeconfigs as one: of each name, what the first of them says."""

    current: str
    contexts: Mapping[str, _Entry]
    clusters: Mapping[str, _Entry]
    users: Mapping[str, _Entry]

    @classmethod
    def of(cls, files: list[Path]) -> _Merged:
        documents = [(_loaded(path), path.parent) for path in files]
        current = [str(each.get("current-context") or "") for each, _ in documents]
        return cls(
            next(filter(None, current), ""),
            *(
                _by_name(documents, kind, part)
                for kind, part in (
                    ("contexts", "context"),
                    ("clusters", "cluster"),
                    ("users", "user"),
                )
            ),
        )

    def cluster(self, name: str) -> Cluster:
        """Return the cluster that a context leads to; raises CloudAccessError."""
        context, folder = self.contexts[name]
        user_name = str(context.get("user") or "")
        cluster, place = self.clusters.get(str(context.get("cluster")), ({}, folder))
        user, user_folder = self.users.get(user_name, ({}, folder))
        server = _address(cluster.get("server"))
        if server is None:
            raise CredentialsRefusedError(
                f"The context {name!r} of the kubeconfig leads to no server. It has to be an"
                " address that begins with https:// and holds no password."
            )
        return Cluster(
            server=server,
            authorities=pem_of(cluster, "certificate-authority", place),
            verifies=cluster.get("insecure-skip-tls-verify") is not True,
            server_name=_text(cluster, "tls-server-name"),
            proxy=_text(cluster, "proxy-url"),
            name=name,
            user=User(user_name, user, user_folder),
            said=_for_plugins(cluster.get("extensions")),
        )


def _by_name(
    documents: list[tuple[Mapping[str, Any], Path]], kind: str, part: str
) -> dict[str, _Entry]:
    found: dict[str, _Entry] = {}
    for document, folder in documents:
        entries = document.get(kind)
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, Mapping) and isinstance(entry.get(part), Mapping):
                found.setdefault(str(entry.get("name")), (entry[part], folder))
    return found


def _address(said: Any) -> str | None:
    """Return the address of a server, None for what is none: one with a password would be logged
    with it."""
    try:
        parts = urlsplit(said if isinstance(said, str) else "")
        is_right = parts.scheme in ("https", "http") and parts.hostname and parts.username is None
    except ValueError:
        return None
    return said.rstrip("/") if is_right else None


def _text(entry: Mapping[str, Any], name: str) -> str | None:
    return str(entry[name]) if entry.get(name) else None


def _for_plugins(extensions: Any) -> Any:
    named = [each for each in extensions or () if isinstance(each, Mapping)]
    return next((each.get("extension") for each in named if each.get("name") == _FOR_PLUGINS), None)


def _files(environment: Mapping[str, str]) -> Iterator[Path]:
    said = environment.get("KUBECONFIG")
    if said:
        yield from (
            path for each in said.split(os.pathsep) if each and (path := Path(each)).exists()
        )
        return
    home = Path(environment.get("HOME") or Path.home()) / ".kube" / "config"
    if home.exists():
        yield home


def _loaded(path: Path) -> Mapping[str, Any]:
    """Return what a file says; raises CredentialsRefusedError, which names the file and the line
    and nothing that stands there."""
    try:
        facts = path.stat()
        if facts.st_size > _LARGEST_FILE:
            raise ValueError("it is larger than a kubeconfig")
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        why = error.strerror
    except UnicodeDecodeError:
        why = "it is no text"
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        why = f"it is no YAML in line {mark.line + 1}" if mark else "it is no YAML"
    except (ValueError, RecursionError) as error:
        why = str(error) if type(error) is ValueError else "it is nested too deep"
    else:
        if document is None:  # an empty file says nothing
            return {}
        if isinstance(document, Mapping):
            if facts.st_mode & 0o077 and _holds_secrets(document):
                log.warning("%s can be read by others: run `chmod 600 %s`", path, path)
            return document
        why = "it has to be a mapping"
    raise CredentialsRefusedError(f"The kubeconfig {path} cannot be read: {why}.")


def _holds_secrets(document: Mapping[str, Any]) -> bool:
    users = _by_name([(document, Path())], "users", "user").values()
    return any(not _SECRETS.isdisjoint(said) for said, _ in users)


def _of_pod(environment: Mapping[str, str]) -> Cluster:
    host, port = environment["KUBERNETES_SERVICE_HOST"], environment.get("KUBERNETES_SERVICE_PORT")
    return Cluster(
        server=f"https://{f'[{host}]' if ':' in host else host}:{port or 443}",
        authorities=pem_of({"certificate-authority": "ca.crt"}, "certificate-authority", POD),
        verifies=True,
        server_name=None,
        proxy=None,
        name="in-cluster",
        user=User("service account", {"tokenFile": "token"}, POD),
    )
