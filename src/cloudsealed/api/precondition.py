"""Entity tags of objects, and `If-Match`, which compares one in the transaction that writes."""

from __future__ import annotations

import re

import orjson
from starlette.requests import Request

from cloudsealed.api.errors import EtagMismatchError, InvalidRequestError
from cloudsealed.api.operation import Call, Operation
from cloudsealed.kit.canonical import sha256
from cloudsealed.storage.database import Connection
from cloudsealed.storage.tenancy import hold

LONGEST_TAGS = 8192
_CODED = re.compile(r'(-|;)(gzip|br|zstd|deflate)"$')


class Precondition:
    """A request's `If-Match`, compared once, in the transaction that writes if there is one.

    Until that ends the object stays as it was compared. A mismatch is raised only when the handler
    has nothing against the request that goes before it.
    """

    def __init__(self, operation: Operation, call: Call, wanted: str | None) -> None:
        self.is_asked = wanted is not None and operation.getter is not None
        self._operation = operation
        self._call = call
        self._wanted = wanted or ""
        self._fits: bool | None = None

    def compare(self, connection: Connection | None) -> None:
        """Compare the object's tag; raises the 404 of one that is gone."""
        if not self.is_asked or self._fits is not None:
            return
        getter, rows, call = self._operation.getter, self._operation.rows, self._call
        assert getter is not None
        if connection is not None and rows is not None:
            hold(connection, rows, **call.one)
        tag = etag(getter(call), self._operation.untagged)
        self._fits = names(self._wanted, tag)

    def require(self) -> None:
        """Raise EtagMismatchError unless the object is the one that the request means."""
        self.compare(None)
        if self._fits is False:
            raise EtagMismatchError("The object has changed: read it again")


def etag(content: bytes, untagged: tuple[str, ...] = ()) -> str:
    """Return the entity tag of an object's JSON, whatever its fields `untagged` say."""
    if untagged:
        fields = orjson.loads(content)
        content = orjson.dumps({n: v for n, v in fields.items() if n not in untagged})
    return f'"{sha256(content)[:32]}"'


def refuse_long_tags(request: Request) -> None:
    """Raise InvalidRequestError for a header of tags that is too long to look through."""
    for name in ("if-match", "if-none-match"):
        if len(request.headers.get(name, "")) > LONGEST_TAGS:
            raise InvalidRequestError(f"{name} must be at most {LONGEST_TAGS} bytes")


def names(header: str, tag: str) -> bool:
    """Say whether a list of entity tags, or `*`, names `tag` (RFC 9110, section 13.1).

    They are compared weakly, also for `If-Match`, which the RFC would have strong: a tag is a
    digest of the object's state, and stays exact when a coding, ours or a proxy's, made it weak
    (nginx) or added its name (Apache). Who sends back what they got would always be refused.
    """
    names = [_CODED.sub('"', part.strip()).removeprefix("W/") for part in header.split(",")]
    return "*" in names or tag.removeprefix("W/") in names
