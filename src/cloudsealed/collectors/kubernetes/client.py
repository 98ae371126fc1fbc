"""The caller that asks an API server: lists in chunks, and what a status object says.

Sources: Kubernetes, "API concepts" (limit and continue, 410, PartialObjectMetadata, Status) and the
API conventions (reasons of failures).
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import httpx
import orjson

from cloudsealed.collectors.calling.caller import Failure, Limits, Response
from cloudsealed.collectors.calling.wire import TooLargeError
from cloudsealed.collectors.errors import CloudAccessError
from cloudsealed.collectors.http import HttpCaller, ident, word
from cloudsealed.collectors.kubernetes.session import ClusterSession
from cloudsealed.collectors.kubernetes.stored import GIVEN, METADATA, storable_list
from cloudsealed.collectors.model import CallRequest, Unit
from cloudsealed.vocabulary import CallOutcome

CHUNKS = (500, 50, 5)
"""Objects of a page: as kubectl asks for, and fewer where so many are more than is read of one."""
CEILINGS: Mapping[str, float] = {}
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_EXPIRED, _NOT_RENEWED = 410, "NotRenewed"
_NO_PAGE, _NO_PAGE_BODY = "PageNotFound", b"404 page not found"
"""What an API server answers where it has no such group, and our code of it."""


@dataclass(frozen=True, slots=True)
class _Expired(Failure):
    """The place in a list is too old; `onward` is where the API server would go on instead."""

    onward: str | None = None


@dataclass(slots=True)
class ClusterCaller(HttpCaller):
    """Answers requests about one cluster; safe for threads."""

    title: ClassVar[str] = "Kubernetes"
    session: ClusterSession
    redaction_key: bytes
    ceilings: Mapping[str, float] = field(default_factory=lambda: CEILINGS)
    _chunks: dict[tuple[str, str], int] = field(init=False, default_factory=dict)
    _onward: dict[Unit, str] = field(init=False, default_factory=dict)

    @property
    def limits(self) -> Limits:
        """How long a call is tried."""
        brief = self.session.way.brief
        return Limits(brief, brief, 1) if brief else Limits(60.0, 3.0, 5)

    @property
    def generation(self) -> int:
        """How often the session's credentials were renewed."""
        return self.session.generation

    def address(self, request: CallRequest) -> tuple[str, Mapping[str, str], Mapping[str, str]]:
        """Return where a list is, its chunk, and in which form it is wanted."""
        unit = request.unit
        asked: dict[str, Any] = orjson.loads(unit.parameters)
        version = asked["version"]
        root = f"/api/{version}" if unit.service == "core" else f"/apis/{unit.service}/{version}"
        plural, _, name = unit.operation.partition("/")
        within = f"/namespaces/{asked['namespace']}" if "namespace" in asked else ""
        query = {"limit": str(CHUNKS[self._chunks.get(_list(unit), 0)]), **request.token}
        if unit in self._onward:
            query["continue"] = self._onward[unit]
        if name:
            query["fieldSelector"] = f"metadata.name={name}"
        headers = {"Accept": _METADATA} if asked.get("form") == METADATA else {}
        return f"{root}{within}/{plural}", query, headers

    def send(self, request: CallRequest, seconds: float) -> Response:
        """Read a page of a list, a smaller one where it is too large to be read; raises what
        HttpCaller raises."""
        which = _list(request.unit)
        while True:
            try:
                return HttpCaller.send(self, request, seconds)
            except TooLargeError:
                smaller = self._chunks.get(which, 0) + 1
                if smaller >= len(CHUNKS):
                    raise
                self._chunks[which] = smaller

    def read(self, request: CallRequest, got: httpx.Response, body: bytes) -> Response:
        """Return what a list says, without what must not be stored."""
        response = HttpCaller.read(self, request, got, body)
        found = storable_list(request.unit, response.members)
        return Response(found, response.http_status, ident(got.headers.get("audit-id")))

    def refusal(self, got: httpx.Response, body: bytes) -> Failure:
        """Return the reason that a Status has, its status where it has none."""
        failure = HttpCaller.refusal(self, got, body)
        try:
            said = orjson.loads(body)
            reason, onward = word(said.get("reason")), next_chunk(said).get("continue")
        except (ValueError, AttributeError):
            reason, onward = _NO_PAGE if body.strip() == _NO_PAGE_BODY else None, None
        facts = (
            reason or failure.code,
            got.status_code,
            ident(got.headers.get("audit-id")),
            failure.retry_after,
        )
        return _Expired(*facts, onward) if got.status_code == _EXPIRED else Failure(*facts)

    def failure(self, error: Exception, unit: Unit) -> Failure:
        """Return what an error means; its text is dropped.

        Where a list goes on, from a page that is too old, is kept for the attempt to come: what has
        been read before is not read again, and what comes after it is as it is now.
        """
        if isinstance(error, CloudAccessError):
            return Failure(_NOT_RENEWED)
        failure = HttpCaller.failure(self, error, unit)
        if isinstance(failure, _Expired) and failure.onward:
            self._onward[unit] = failure.onward
        return failure

    def outcome(self, failure: Failure, request: CallRequest) -> CallOutcome:
        """Return how a call with this failure ended; a refusal that an API server would not word
        so says nothing of the cluster."""
        if failure.code == str(failure.http_status) and failure.http_status in (403, 404):
            return CallOutcome.FAILED
        return HttpCaller.outcome(self, failure, request)

    def is_transient(self, failure: Failure) -> bool:
        """Whether the same call may well succeed in a moment."""
        if isinstance(failure, _Expired):
            return failure.onward is not None
        return HttpCaller.is_transient(self, failure)

    def kept(self, unit: Unit) -> Container[str]:
        """Return the member in which a list says where its next chunk begins."""
        return ("metadata",)

    def given(self, unit: Unit) -> Container[str]:
        """Return the maps in which people gave the keys."""
        return GIVEN

    def renewed(self, failure: Failure, generation: int, *, again: bool) -> bool:
        """Say whether a call that was refused with 401 is to be repeated with other credentials;
        raises CloudAccessError when the cluster knows none of them, and when there are none."""
        if failure.code == _NOT_RENEWED and not again:
            self.session.client()
            return True
        if failure.http_status != 401:
            return False
        if not again and self.session.renew(generation):
            return True
        self.session.identify()  # which says so, when it is not this call alone
        return False


def next_chunk(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of the chunk after one; empty after the last."""
    said = (document.get("metadata") or {}).get("continue")
    return {"continue": said} if isinstance(said, str) and said else {}


def _list(unit: Unit) -> tuple[str, str]:
    return unit.service, unit.operation
