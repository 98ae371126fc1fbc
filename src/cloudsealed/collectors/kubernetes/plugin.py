"""Programs that a kubeconfig has for credentials, run without a shell and without a terminal.

Source: Kubernetes, "client-go credential plugins" and the reference of ExecCredential. What such a
program prints is nowhere stored or said, and it is not waited for longer than SECONDS.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from cloudsealed.collectors.errors import CredentialsRefusedError, NoCredentialsError
from cloudsealed.collectors.kubernetes.credentials import Credentials

SECONDS = 60.0
"""How long a plug-in is waited for."""
VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_KIND = "ExecCredential"


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plug-in as a kubeconfig describes it."""

    command: str
    arguments: tuple[str, ...] = field(repr=False)
    variables: Mapping[str, str] = field(repr=False)
    version: str
    is_told: bool
    hint: str

    @classmethod
    def of(cls, said: Any, user: str, folder: Path) -> Plugin:
        """Read what stands under `exec` of a user; raises CloudAccessError."""
        whose = f"The exec plug-in of the user {user!r} of the kubeconfig"
        said = said if isinstance(said, Mapping) else {}
        command = str(said.get("command") or "")
        if not command:
            raise NoCredentialsError(f"{whose} has no command.")
        if said.get("apiVersion") not in VERSIONS:
            raise CredentialsRefusedError(
                f"{whose} speaks none of {' and '.join(VERSIONS)}: update what made the kubeconfig."
            )
        if said.get("interactiveMode") == "Always":
            raise NoCredentialsError(f"{whose} wants to ask somebody, and nobody is asked here.")
        arguments, variables = said.get("args") or (), said.get("env") or ()
        try:
            named = {str(each["name"]): str(each["value"]) for each in variables}
            given = tuple(str(each) for each in arguments)
        except (LookupError, TypeError):
            raise CredentialsRefusedError(
                f"{whose} has args or env that are not lists as they have to be."
            ) from None
        return cls(
            str(folder / command) if os.sep in command else command,
            given,
            named,
            str(said["apiVersion"]),
            said.get("provideClusterInfo") is True,
            str(said.get("installHint") or ""),
        )

    def credentials(self, cluster: Callable[[], Mapping[str, Any]]) -> Credentials:
        """Run it, and return what it gives; raises CloudAccessError."""
        spec: dict[str, Any] = {"interactive": False}
        if self.is_told:
            spec["cluster"] = cluster()
        info = {"kind": _KIND, "apiVersion": self.version, "spec": spec}
        printed = self._run(json.dumps(info, default=_base64))
        try:
            return self._read(printed)
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError, yaml.YAMLError):
            raise CredentialsRefusedError(
                f"The exec plug-in {self.command} gave no credentials of {self.version}. Run it by"
                " hand to see why."
            ) from None  # what it printed may hold a secret

    def _run(self, info: str) -> bytes:
        try:
            process = subprocess.Popen(  # noqa: S603 - the operator's own kubeconfig names it
                [self.command, *self.arguments],
                env={**os.environ, **self.variables, "KUBERNETES_EXEC_INFO": info},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # what it starts ends with it
            )
        except FileNotFoundError:
            raise NoCredentialsError(
                f"The exec plug-in {self.command} of the kubeconfig is not installed."
                f" {self.hint}".rstrip()
            ) from None
        except (OSError, ValueError):
            raise NoCredentialsError(
                f"The exec plug-in {self.command} of the kubeconfig cannot be run."
            ) from None
        return self._printed(process)

    def _printed(self, process: subprocess.Popen[bytes]) -> bytes:
        try:
            printed, _ = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            _end(process)
            raise NoCredentialsError(
                f"The exec plug-in {self.command} gave nothing within {SECONDS:g} s; it cannot ask"
                " anybody here."
            ) from None
        except BaseException:
            _end(process)
            raise
        if process.returncode:
            raise CredentialsRefusedError(
                f"The exec plug-in {self.command} failed with the exit code {process.returncode}."
                " Run it by hand to see why."
            )
        return printed

    def _read(self, printed: bytes) -> Credentials:
        said = yaml.safe_load(printed)  # JSON is YAML, and client-go takes both
        if (said["kind"], said["apiVersion"]) != (_KIND, self.version):
            raise ValueError("it is another document")
        status = said["status"]
        token, ends = status.get("token"), status.get("expirationTimestamp")
        pair = [status.get(name) for name in ("clientCertificateData", "clientKeyData")]
        if not (token or all(pair)) or any(pair) != all(pair):
            raise ValueError("there is no token, and no certificate with its key")
        certificate, key = (each.encode() if each else None for each in pair)
        return Credentials(
            str(token) if token else None, certificate, key, _time(ends) if ends else None
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a plug-in with everything that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.stdout is not None:
        process.stdout.close()
    process.wait()


def _time(said: Any) -> datetime:
    found = said if isinstance(said, datetime) else datetime.fromisoformat(str(said))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
