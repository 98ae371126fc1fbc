"""A fake API server over TLS for each test, and what reaches it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.clusters import Authority, config, granted, pod, store_of, written

from cloudsealed.collectors.kubernetes.client import ClusterCaller
from cloudsealed.collectors.kubernetes.provider import PROVIDER, Session
from cloudsealed.collectors.kubernetes.rows import ROWS
from cloudsealed.collectors.kubernetes.session import PARTITION
from cloudsealed.collectors.model import GLOBAL, CallRequest, Place, unit_of
from cloudsealed.collectors.provider import Way
from cloudsealed.kit.clock import Clock, utc_now
from cloudsealed.testing.kubernetes.rbac import User
from cloudsealed.testing.kubernetes.server import ADMIN, ApiServer
from cloudsealed.vocabulary import Provider

ACCOUNT = "0f6f1a1c-0000-4000-8000-000000000001"
TOKEN = "token-of-the-admin"
KEY = b"the tenant's key of the tests"
PODS = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
Open = Callable[..., Session]
MakeCaller = Callable[..., ClusterCaller]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def certificate(authority: Authority) -> tuple[Path, Path]:
    return authority.server()


@pytest.fixture
def server(authority: Authority, certificate: tuple[Path, Path]) -> Iterator[ApiServer]:
    """A cluster with a pod, an administrator, and Ann who may list pods alone."""
    store = store_of(pod("web"), *granted("ann", PODS))
    users = {TOKEN: ADMIN, "token-of-ann": User("ann")}
    with ApiServer(store, users, tls=certificate, clients=authority.file) as made:
        yield made


@pytest.fixture(autouse=True)
def _no_ambient_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def open_session(
    server: ApiServer, authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Open]:
    """Opens a session as a user of a kubeconfig; by default the administrator's token is his."""
    opened: list[Session] = []

    def make(
        user: dict[str, Any] | None = None,
        *,
        trusted: Authority | None = authority,
        brief: float | None = None,
        clock: Clock = utc_now,
        **cluster: Any,
    ) -> Session:
        said = {"token": TOKEN} if user is None else user
        path = written(tmp_path / "kubeconfig", config(server, trusted, said, **cluster))
        monkeypatch.setenv("KUBECONFIG", str(path))
        opened.append(PROVIDER.open(Way({}, brief=brief), clock))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def make_caller(open_session: Open) -> MakeCaller:
    """Makes a caller without ceilings, whose pauses take no time and are recorded."""

    def make(
        user: dict[str, Any] | None = None, pauses: list[float] | None = None, **given: Any
    ) -> ClusterCaller:
        return ClusterCaller(
            open_session(user, **given),
            KEY,
            ceilings=_Unlimited(),
            sleep=(pauses if pauses is not None else []).append,
            jitter=lambda: 1.0,
        )

    return make


class _Unlimited(dict[str, float]):
    def get(self, key: str, default: object = None) -> float:  # type: ignore[override]  # no miss
        return 1e9


@pytest.fixture
def request_of() -> Callable[..., CallRequest]:
    """Makes the first request of the list that is called so, as its row makes it."""

    def make(plural: str, kind: str = "") -> CallRequest:
        row = next(
            row for row in ROWS if row.operation == plural and (not kind or row.type == kind)
        )
        place = Place(ACCOUNT, GLOBAL, PARTITION, Provider.KUBERNETES)
        unit = unit_of(place, row.service, plural, row.constants)
        return CallRequest(unit, items=row.items, secret_paths=row.secret_paths)

    return make
