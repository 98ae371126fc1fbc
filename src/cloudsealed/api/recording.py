"""Writes who did what: an operation's event, with its object as it was and as it is.

What it was is read in the transaction that changes it, before the first write; what it is, after
the last. Both are the public JSON that the operation's own `getter` gives, or of something new the
answer without its secrets. It refuses to know any noun.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import orjson

from cloudsealed.api.operation import Call, Operation
from cloudsealed.events import Deed, append, doing
from cloudsealed.events.reads import Read
from cloudsealed.kit.clock import rfc3339
from cloudsealed.kit.errors import NotFoundError
from cloudsealed.storage.database import Connection
from cloudsealed.storage.tenancy import hold


class Recording:
    """One request of an operation that changes something, from before its first write on."""

    def __init__(self, operation: Operation, call: Call, request_id: str) -> None:
        self._operation = operation
        self._call = call
        self._deed = Deed(call.caller.actor, request_id, operation.event)
        self._began = False
        self._was: bytes | None = None

    def doing(self) -> AbstractContextManager[None]:
        """Let what is done in the block be this request's deed."""
        return doing(self._deed)

    def begin(self, connection: Connection) -> None:
        """Read what the object is, and keep it so from every other writer; call it in the
        transaction of the work, before anything is written."""
        self._began = True
        rows, call = self._operation.rows, self._call
        if self._is_of_path and self._operation.event is not None:
            if rows is not None:
                hold(connection, rows, **call.one)
            self._was = self._read()

    def finish(self, answer: bytes) -> None:
        """Write the event, in the transaction of the work; none where nothing was changed."""
        if self._operation.event is None or self._deed.is_told:
            return
        if not (self._began or self._operation.method == "POST"):
            return
        with self._call.services.database.write() as connection:
            self._append(connection, answer)

    @property
    def _is_of_path(self) -> bool:
        """Whether the event is about the object that the path names, not one that is made."""
        return self._operation.getter is not None and not self._operation.tells_made

    def _append(self, connection: Connection, answer: bytes) -> None:
        made = orjson.loads(answer) if answer else {}
        now = self._read() if self._is_of_path else self._without_secrets(made)
        event, deed = self._operation.event, self._deed
        assert event is not None
        if self._operation.method != "POST" and now == self._was and deed.subject is None:
            return
        subject = deed.subject or orjson.loads(now or self._was or b"{}").get("id", "")
        append(
            connection,
            tenant=self._call.tenant,
            kind=event,
            subject=subject,
            data={**_made(made, subject), **deed.facts},
            actor=deed.actor,
            request_id=deed.request_id,
            was=self._was,
            now=now,
        )

    def _read(self) -> bytes | None:
        getter = self._operation.getter
        assert getter is not None
        try:
            return getter(self._call)
        except NotFoundError:
            return None

    def _without_secrets(self, made: Mapping[str, Any]) -> bytes:
        secrets = self._operation.secrets
        return orjson.dumps({n: value for n, value in made.items() if n not in secrets})


def _made(made: Mapping[str, Any], subject: str) -> dict[str, str]:
    """Return the id of what was made where the event is about something else, as a rotation's."""
    ident = made.get("id", subject)
    return {} if ident == subject else {"made_id": ident}


def read_of(operation: Operation, call: Call, request_id: str) -> Read:
    """Return what tells of a read, about the object that the path names or else the tenant."""
    assert operation.event is not None
    asked = {name: list(values) for name, values in call.query.items()}
    if operation.asks:  # in its body, of which names alone are told
        asked |= {name: [value] for name, value in call.body.items() if isinstance(value, str)}
    return Read(
        tenant=call.tenant,
        kind=operation.event,
        subject=call.path.get("id", call.tenant),
        actor=call.caller.actor,
        request_id=request_id,
        at=rfc3339(call.services.clock()),
        data={"operation": operation.name, "query": asked},
    )
