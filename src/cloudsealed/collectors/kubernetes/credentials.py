"""What requests to a cluster are made with: what a kubeconfig says of its user.

Source: Kubernetes, the reference of AuthInfo in Config v1, and what client-go makes of it. Nothing
here is stored or said.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from cloudsealed.collectors.errors import CredentialsRefusedError, NoCredentialsError


@dataclass(frozen=True, slots=True)
class Credentials:
    """What one request is made with: a bearer token, or a certificate and its key as PEM; neither
    for somebody who is nobody in particular. `expires` is when they end, where that is said."""

    token: str | None = field(default=None, repr=False)
    certificate: bytes | None = field(default=None, repr=False)
    key: bytes | None = field(default=None, repr=False)
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A user of a kubeconfig, or what a pod has; `folder` is where relative paths begin."""

    name: str
    said: Mapping[str, Any] = field(repr=False)
    folder: Path

    @property
    def has_plugin(self) -> bool:
        """Whether a program has to be asked for credentials; a token that is there goes first."""
        return "exec" in self.said and not (self.said.get("token") or self.said.get("tokenFile"))

    def credentials(self) -> Credentials:
        """Return what to ask with, but for what a plug-in gives; raises CloudAccessError. Files
        are read anew each time: what they hold is renewed by others."""
        token = self._token()
        if "auth-provider" in self.said:
            raise NoCredentialsError(
                f"The user {self.name!r} of the kubeconfig has an auth-provider, which Kubernetes"
                " removed in 1.26: give it an exec plug-in, a token or a certificate."
            )
        certificate = pem_of(self.said, "client-certificate", self.folder)
        key = pem_of(self.said, "client-key", self.folder)
        if not token and not (certificate and key):
            raise NoCredentialsError(
                f"The user {self.name!r} of the kubeconfig has no token, and no certificate with"
                " its key."
            )
        return Credentials(token, certificate, key)

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Return what says on whose behalf the user asks: it is this one's rights that count."""
        return [*self._headers()]

    def _headers(self) -> Iterator[tuple[str, str]]:
        for name, header in (("as", "Impersonate-User"), ("as-uid", "Impersonate-Uid")):
            if self.said.get(name):
                yield header, str(self.said[name])
        for group in self.said.get("as-groups") or ():
            yield "Impersonate-Group", str(group)
        for name, values in (self.said.get("as-user-extra") or {}).items():
            for value in values or ():
                yield f"Impersonate-Extra-{name}", str(value)

    def _token(self) -> str | None:
        """Return the token; the one in a file is newer than the one beside it."""
        said = self.said.get("token")
        try:
            found = _file_text(self.said.get("tokenFile"), self.folder)
        except NoCredentialsError:
            if not said:
                raise
            found = None
        return found or (str(said) if said else None)


def pem_of(entry: Mapping[str, Any], name: str, folder: Path) -> bytes | None:
    """Return a certificate or key that stands in an entry, in base64 or as a file's name; raises
    CloudAccessError."""
    said = entry.get(f"{name}-data")
    if said:
        try:
            return base64.b64decode("".join(str(said).split()), validate=True)
        except (binascii.Error, ValueError):
            raise CredentialsRefusedError(f"{name}-data of the kubeconfig is no base64.") from None
    text = _file_text(entry.get(name), folder)
    return text.encode() if text else None


def _file_text(name: Any, folder: Path) -> str | None:
    if not name:
        return None
    path = folder / str(name)
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        raise NoCredentialsError(f"{path}, which the kubeconfig names, cannot be read.") from None
