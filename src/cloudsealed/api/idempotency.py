"""`Idempotency-Key` on POST: the first answer is kept for a day and given again.

Kept per (tenant, user, method, path): a 2xx or a 409, with its secrets removed, in the transaction
of the work itself. A request that ended otherwise, or whose process died, leaves nothing, so that
it can be tried again at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from sqlalchemy import ColumnElement, bindparam, or_, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert

from cloudsealed.api.errors import (
    IdempotencyInProgressError,
    IdempotencyKeyReusedError,
    InvalidRequestError,
)
from cloudsealed.auth.model import Caller
from cloudsealed.kit.canonical import digest
from cloudsealed.kit.clock import Clock, rfc3339
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.flights import Flights
from cloudsealed.storage.schema import idempotency as table

HOURS = 24
_KEY = re.compile(r"[!-~]{1,255}")

_NAMES = ("tenant_id", "owner", "method", "path", "key")


_THIS: tuple[ColumnElement[bool], ...] = (
    table.c.tenant_id == bindparam("by_tenant_id"),
    *(table.c[name] == bindparam(f"by_{name}") for name in _NAMES[1:]),
)
_GET = select(table.c.request_digest, table.c.status, table.c.headers, table.c.body).where(
    *_THIS, table.c.created_at >= bindparam("since"), table.c.status.is_not(None)
)
_INSERT = postgresql_insert(table).on_conflict_do_nothing()  # SQLite reads the same words
_FINISH = (
    table.update()
    .where(*_THIS)
    .values(
        status=bindparam("new_status"), headers=bindparam("new_headers"), body=bindparam("new_body")
    )
)
_DELETE_OVER = table.delete().where(
    *_THIS, or_(table.c.created_at < bindparam("since"), table.c.status.is_(None))
)
_PURGE = table.delete().where(  # tenantless: housekeeping
    table.c.created_at < bindparam("before")
)


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer kept for a key."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """A key and the request that it stands for, by its digest."""

    row: Mapping[str, str]
    request: str

    @property
    def where(self) -> dict[str, str]:
        """What finds the key's row."""
        return {f"by_{name}": self.row[name] for name in _NAMES}

    @property
    def name(self) -> str:
        """The key's name among all that are in flight."""
        return "\0".join(self.row[name] for name in _NAMES)


class AnsweredError(Exception):
    """The request of a key has an answer already: `kept`."""

    def __init__(self, kept: Kept) -> None:
        super().__init__(kept.status)
        self.kept = kept


class Idempotency:
    """The keys of every tenant."""

    def __init__(self, database: Database, flights: Flights, clock: Clock) -> None:
        self._database = database
        self._flights = flights
        self._clock = clock

    def read(self, *, caller: Caller, path: str, key: str, query: str, body: Any) -> Claim:
        """Return what a POST with a key asks for; raises InvalidRequestError."""
        if not _KEY.fullmatch(key):
            raise InvalidRequestError("Idempotency-Key must be 1 to 255 visible ASCII characters")
        row = {
            "tenant_id": caller.tenant_id,
            "owner": caller.user_id,
            "method": "POST",
            "path": path,
            "key": key,
        }
        return Claim(row, digest([query, body]))

    @contextmanager
    def flight(self, claim: Claim) -> Iterator[None]:
        """Be the only request of a key until the block ends.

        Raises AnsweredError, IdempotencyKeyReusedError and IdempotencyInProgressError.
        """
        is_first = self._flights.take(claim.name)
        try:
            with self._database.read() as connection:
                self._refuse_known(connection, claim)
            if not is_first:
                raise _in_progress()
            yield
        finally:
            if is_first:
                self._flights.end(claim.name)

    def begin(self, connection: Connection, claim: Claim) -> None:
        """Claim a key in the transaction of the work, before it; raises as `flight` does.

        Another that claims it meanwhile waits for the end of this transaction.
        """
        connection.run(_DELETE_OVER, {**claim.where, "since": self._since()})
        row = {
            **claim.row,
            "request_digest": claim.request,
            "created_at": rfc3339(self._clock()),
            "status": None,
            "headers": None,
            "body": None,
        }
        if not connection.run(_INSERT, row):
            self._refuse_known(connection, claim)
            raise _in_progress()

    def keep(self, connection: Connection, claim: Claim, kept: Kept) -> None:
        """Keep the answer of a claimed request in the transaction of its work."""
        headers = orjson.dumps(dict(kept.headers)).decode()
        values = {"new_status": kept.status, "new_headers": headers, "new_body": kept.body}
        if not connection.run(_FINISH, {**claim.where, **values}):
            raise RuntimeError("An answer is to be kept for a key that was not claimed")

    def keep_alone(self, claim: Claim, kept: Kept) -> None:
        """Keep a refusal, after which there is no work; raises as `flight` does."""
        with self._database.write() as connection:
            self.begin(connection, claim)
            self.keep(connection, claim, kept)

    def purge(self) -> None:
        """Forget every key older than a day."""
        with self._database.write() as connection:
            connection.run(_PURGE, {"before": self._since()})

    def _refuse_known(self, connection: Connection, claim: Claim) -> None:
        found = connection.first(_GET, {**claim.where, "since": self._since()})
        if found is None:
            return
        request, status, headers, body = found
        if request != claim.request:
            raise IdempotencyKeyReusedError("The Idempotency-Key was used with another request")
        raise AnsweredError(Kept(status, orjson.loads(headers), bytes(body)))

    def _since(self) -> str:
        return rfc3339(self._clock() - timedelta(hours=HOURS))


def _in_progress() -> IdempotencyInProgressError:
    return IdempotencyInProgressError("The request with this Idempotency-Key is still running")


def without_secrets(body: bytes, secrets: tuple[str, ...]) -> bytes:
    """Return a JSON object with its secrets null."""
    if not secrets or not body:
        return body
    return orjson.dumps({**orjson.loads(body), **dict.fromkeys(secrets)})


def with_request_id(body: bytes, request_id: str) -> bytes:
    """Return a kept body as the answer of another request: an error names the request it is for."""
    document = orjson.loads(body) if body else None
    if not isinstance(document, dict) or "error" not in document or "id" in document:
        return body
    return orjson.dumps({"error": {**document["error"], "request_id": request_id}})
