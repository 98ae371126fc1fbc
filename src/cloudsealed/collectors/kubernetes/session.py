"""One cluster: its client, who we are there, and which cluster it is."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import httpx
import orjson

from cloudsealed.collectors.calling.wire import Call, TooLargeError
from cloudsealed.collectors.errors import (
    CloudAccessError,
    CredentialsRefusedError,
    EndpointUnreachableError,
    SessionExpiredError,
    TlsRefusedError,
    UnexpectedAnswerError,
)
from cloudsealed.collectors.http import received, tls_error
from cloudsealed.collectors.kubernetes.credentials import Credentials
from cloudsealed.collectors.kubernetes.kubeconfig import Cluster
from cloudsealed.collectors.kubernetes.trust import refusal, trust
from cloudsealed.collectors.model import GLOBAL, Caller, Place, unit_of
from cloudsealed.collectors.provider import Identity, Regions, Way
from cloudsealed.collectors.skew import HeardClock
from cloudsealed.kit.clock import Clock
from cloudsealed.vocabulary import Provider

PARTITION = "kubernetes"
_NAMED_BY = "/api/v1/namespaces/kube-system"
"""The namespace whose UID names a cluster for as long as it lives: SIG Architecture's convention,
which kubeadm, OpenTelemetry (`k8s.cluster.uid`) and others follow."""
_REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_REVIEW = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview", "metadata": {}}
_SECONDS = 20.0
_SHORTEST_UID, _LONGEST_UID = 8, 64


class ClusterSession:
    """A cluster reached in one way; safe for threads."""

    def __init__(self, cluster: Cluster, way: Way, clock: Clock) -> None:
        self.cluster = cluster
        self.way = way
        self.generation = 0
        self._clock = clock
        self._heard = HeardClock(clock)
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._former: list[httpx.Client] = []  # others may still wait for their answers
        self._credentials: Credentials | None = None

    @property
    def region(self) -> str:
        """A cluster has no regions."""
        return GLOBAL

    def client(self) -> httpx.Client:
        """Return the client, made when it is first needed or when its credentials have ended;
        raises CloudAccessError."""
        with self._lock:
            ends = self._credentials.expires if self._credentials else None
            if ends is not None and ends <= self._clock():
                self._take(self.cluster.credentials())
            if self._client is None:
                self._credentials = self._credentials or self.cluster.credentials()
                self._client = self._made(self._credentials)
            return self._client

    def renew(self, generation: int) -> bool:
        """Ask for credentials again if they are still of `generation`; False when they are the
        same. Raises CloudAccessError when they cannot be had."""
        with self._lock:
            if generation != self.generation:
                return True
            found = self.cluster.credentials()
            if found == self._credentials:
                return False
            self._take(found)
            return True

    def _take(self, found: Credentials) -> None:
        if self._client is not None:
            self._former.append(self._client)
        self._credentials, self._client = found, None
        self.generation += 1

    def identify(self) -> Identity:
        """Ask which cluster it is, and who we are there; raises CloudAccessError."""
        named = self._asked("GET", _NAMED_BY)
        metadata = named.get("metadata")
        uid = metadata.get("uid") if isinstance(metadata, dict) else None
        if not isinstance(uid, str) or not _SHORTEST_UID <= len(uid) <= _LONGEST_UID:
            raise UnexpectedAnswerError(
                f"What answered is no Kubernetes: {_NAMED_BY} has no UID. Check the server of the"
                f" context {self.cluster.name!r}."
            )
        return Identity(uid, self._name(), PARTITION, self.cluster.name)

    def regions(self, account: str, caller: Caller) -> Regions:
        """Return none: a cluster has no regions, and nobody is asked."""
        place = Place(account, GLOBAL, PARTITION, Provider.KUBERNETES)
        return Regions((), unit_of(place, "core", "namespaces", {}))

    def clock_skew(self) -> timedelta | None:
        """Return the API server's clock minus ours; None until it answered."""
        return self._heard.skew()

    def close(self) -> None:
        """Close the connections; a later call opens them anew."""
        with self._lock:
            clients = [*self._former, *([self._client] if self._client else [])]
            self._former, self._client = [], None
        for client in clients:
            client.close()

    def _name(self) -> str:
        """Return the name that the API server knows us by, the kubeconfig's where it does not
        say: before 1.28 it does not, and it may be forbidden to ask."""
        try:
            said = self._asked("POST", _REVIEWS, _REVIEW)
            name = said["status"]["userInfo"]["username"]
        except (CloudAccessError, LookupError, TypeError):
            name = None
        return name if isinstance(name, str) and name else self.cluster.user.name

    def _asked(
        self, method: str, path: str, body: Any = None, *, again: bool = False
    ) -> dict[str, Any]:
        """Return a document; raises CloudAccessError."""
        seconds, generation = self.way.brief or _SECONDS, self.generation
        client = self.client()
        try:
            got, content = Call().within(
                seconds, lambda: received(client, method, path, seconds=seconds, json=body)
            )
        except TooLargeError:
            raise self._stranger("too large an answer") from None
        except (httpx.HTTPError, TimeoutError) as error:
            raise self._unreachable(error) from None
        if got.status_code == 401 and not again and self.renew(generation):
            return self._asked(method, path, body, again=True)
        self._refuse(got.status_code, path)
        try:
            said = orjson.loads(content)
        except ValueError:
            said = None
        if not isinstance(said, dict) or not got.is_success:
            raise self._stranger(f"HTTP {got.status_code}")
        return said

    def _refuse(self, status: int, path: str) -> None:
        name = self.cluster.name
        if status == 401:
            raise SessionExpiredError(
                "The API server does not know the credentials. Sign in again, or give the context"
                f" {name!r} a user that the cluster knows."
            )
        if status == 403:
            raise CredentialsRefusedError(
                f"The user {self.cluster.user.name!r} may not get {path}. Give it the ClusterRole"
                " that `cloudsealed permissions kubernetes` prints."
            )

    def _stranger(self, what: str) -> UnexpectedAnswerError:
        return UnexpectedAnswerError(
            f"What answered is no Kubernetes ({what}). Check the server of the context"
            f" {self.cluster.name!r} and the proxy."
        )

    def _unreachable(self, error: Exception) -> CloudAccessError:
        if refused := tls_error(error):
            return TlsRefusedError(refusal(refused, self.cluster.name))
        if isinstance(error, httpx.ConnectError | httpx.ProxyError | httpx.ConnectTimeout):
            said = "cannot be reached. Check the network, the proxy,"
        else:
            said = f"does not answer ({type(error).__name__}). Check the network"
        return EndpointUnreachableError(
            f"The API server of the context {self.cluster.name!r} {said} and the server of the"
            " kubeconfig."
        )

    def _made(self, credentials: Credentials) -> httpx.Client:
        name = self.cluster.server_name
        try:
            return httpx.Client(
                base_url=self.cluster.server,
                verify=trust(self.cluster, credentials),
                headers=self._headers(credentials),
                proxy=self.cluster.proxy,
                limits=httpx.Limits(max_connections=self.way.workers + 2),
                follow_redirects=False,
                event_hooks={
                    "response": [lambda got: self._heard.hear({"headers": got.headers})],
                    "request": [lambda sent: _name_server(sent, name)] if name else [],
                },
            )
        except (ValueError, ImportError, httpx.InvalidURL):  # and their texts hold what was said
            raise CredentialsRefusedError(
                f"The context {self.cluster.name!r} of the kubeconfig has a server, a proxy-url or"
                " a token that cannot be used."
            ) from None

    def _headers(self, credentials: Credentials) -> list[tuple[str, str]]:
        """Return what every request says; raises ValueError for what no header can."""
        headers = [("User-Agent", "cloudsealed")]
        if not self.cluster.is_open:
            headers += self.cluster.user.headers
        if credentials.token:
            headers.append(("Authorization", f"Bearer {credentials.token}"))
        if not all(value.isascii() and value.isprintable() for _, value in headers):
            raise ValueError("it cannot be said in a header")
        return headers


def _name_server(request: httpx.Request, name: str) -> None:
    request.extensions["sni_hostname"] = name
