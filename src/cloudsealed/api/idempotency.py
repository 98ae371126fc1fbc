"""`Idempotency-Key` on POST: the first answer is kept for a day and given again.

Kept per (tenant, user, method, path): a 2xx or a 409, with its secrets removed. A request that
ended otherwise leaves nothing, so that it can be tried again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from sqlalchemy import ColumnElement, bindparam, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert

from cloudsealed.api.errors import (
    IdempotencyInProgressError,
    IdempotencyKeyReusedError,
    InvalidRequestError,
)
from cloudsealed.auth.model import Caller
from cloudsealed.kit.canonical import digest
from cloudsealed.kit.clock import Clock, rfc3339
from cloudsealed.storage.database import Database
from cloudsealed.storage.schema import idempotency as table

HOURS = 24
ABANDONED_SECONDS = 300  # a claim this old is of a process that is gone
_KEY = re.compile(r"[!-~]{1,255}")

_NAMES = ("tenant_id", "owner", "method", "path", "key")


_THIS: tuple[ColumnElement[bool], ...] = (
    table.c.tenant_id == bindparam("by_tenant_id"),
    *(table.c[name] == bindparam(f"by_{name}") for name in _NAMES[1:]),
)
_GET = select(
    table.c.request_digest, table.c.created_at, table.c.status, table.c.headers, table.c.body
).where(*_THIS)
_INSERT = postgresql_insert(table).on_conflict_do_nothing()  # SQLite reads the same words
_FINISH = (
    table.update()
    .where(*_THIS)
    .values(
        status=bindparam("new_status"), headers=bindparam("new_headers"), body=bindparam("new_body")
    )
)
_DELETE = table.delete().where(*_THIS)
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
    """The right to run the request of a key, or, when `kept`, its answer."""

    where: Mapping[str, str]
    kept: Kept | None = None


class Idempotency:
    """The keys of every tenant."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def claim(self, *, caller: Caller, path: str, key: str, query: str, body: Any) -> Claim:
        """Claim a key for a POST.

        Raises InvalidRequestError, IdempotencyKeyReusedError and IdempotencyInProgressError.
        """
        if not _KEY.fullmatch(key):
            raise InvalidRequestError("Idempotency-Key must be 1 to 255 visible ASCII characters")
        row = {
            "tenant_id": caller.tenant_id, "owner": caller.user_id, "method": "POST", "path": path,
            "key": key,
        }  # fmt: skip
        where = {f"by_{name}": row[name] for name in _NAMES}
        request = digest([query, body])
        with self._database.write() as connection:
            found = connection.first(_GET, where)
            if found is not None and not self._is_over(found[1], found[2]):
                return Claim(where, _kept(found, request))
            connection.run(_DELETE, where)
            fresh = {"request_digest": request, "created_at": rfc3339(self._clock())}
            empty = {"status": None, "headers": None, "body": None}
            if not connection.run(_INSERT, {**row, **fresh, **empty}):
                raise _in_progress()
        return Claim(where)

    def keep(self, claim: Claim, kept: Kept) -> None:
        """Keep the answer of a claimed request."""
        headers = orjson.dumps(dict(kept.headers)).decode()
        values = {"new_status": kept.status, "new_headers": headers, "new_body": kept.body}
        with self._database.write() as connection:
            connection.run(_FINISH, {**claim.where, **values})

    def release(self, claim: Claim) -> None:
        """Give a claim up: the request may be tried again."""
        with self._database.write() as connection:
            connection.run(_DELETE, claim.where)

    def purge(self) -> None:
        """Forget every key older than a day."""
        before = rfc3339(self._clock() - timedelta(hours=HOURS))
        with self._database.write() as connection:
            connection.run(_PURGE, {"before": before})

    def _is_over(self, created_at: str, status: int | None) -> bool:
        life = (
            timedelta(hours=HOURS) if status is not None else timedelta(seconds=ABANDONED_SECONDS)
        )
        return created_at < rfc3339(self._clock() - life)


def _kept(row: tuple[Any, ...], request: str) -> Kept:
    stored, _created, status, headers, body = row
    if stored != request:
        raise IdempotencyKeyReusedError("The Idempotency-Key was used with another request")
    if status is None:
        raise _in_progress()
    return Kept(status, orjson.loads(headers), bytes(body))


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
