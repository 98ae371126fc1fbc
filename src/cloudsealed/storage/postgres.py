"""Connections to PostgreSQL, as `storage.database` has them; imported where a URL names one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.dialects.postgresql import psycopg as postgresql_dialect

from cloudsealed.storage import wire
from cloudsealed.storage.database import (
    CONNECTIONS,
    ReadDeadlineError,
    ServiceUnavailableError,
    status_of,
    taken,
)
from cloudsealed.storage.pool import Pool
from cloudsealed.storage.statements import Compiler, PostgresConnection, Row
from cloudsealed.storage.unit import Transactions

STATEMENT_SECONDS = 300


@contextmanager
def answering() -> Iterator[None]:
    """Raise ServiceUnavailableError, with the reason, when the server or its net is at fault."""
    try:
        yield
    except psycopg.Error as error:
        if (reason := wire.fault(error)) is None:
            raise
        raise ServiceUnavailableError(reason) from error


class PostgresDatabase(Transactions[PostgresConnection]):
    """The cluster's store: at most `connections` a process, replaced when the server dropped them.

    A statement takes at most `statement_seconds`.
    """

    name = "postgresql"

    def __init__(
        self,
        url: str,
        *,
        connections: int = CONNECTIONS,
        statement_seconds: int = STATEMENT_SECONDS,
    ) -> None:
        super().__init__()
        self._compiler = Compiler(postgresql_dialect.dialect())  # type: ignore[no-untyped-call]  # untyped
        self._pool: Pool[psycopg.Connection[Row]] = Pool(
            lambda: wire.connect(url, statement_seconds=statement_seconds),
            psycopg.Connection.close,
            size=connections,
            usable=wire.is_usable,
        )

    @contextmanager
    def _connected(
        self, deadline: float | None = None, *, writes: bool = False
    ) -> Iterator[psycopg.Connection[Row]]:
        """Lend the connection of this thread's innermost block, or one of the pool."""
        if self._in_hand.blocks:
            yield self._in_hand.blocks[-1].raw
            return
        with answering():
            raw = taken(self._pool, deadline, writes=writes)
            try:
                yield raw
            finally:
                self._pool.give_back(raw)

    @contextmanager
    def _block(
        self, raw: psycopg.Connection[Row], *, writes: bool = False
    ) -> Iterator[PostgresConnection]:
        blocks = self._in_hand.blocks
        with raw.cursor() as cursor:
            connection = PostgresConnection(cursor, self._compiler, writes=writes)
            blocks.append(connection)
            try:
                yield connection
            finally:
                blocks.remove(connection)

    @contextmanager
    def read(self, deadline: float | None = None) -> Iterator[PostgresConnection]:
        """Open a read; a statement longer than `deadline` seconds raises ReadDeadlineError."""
        blocks = self._in_hand.blocks
        if blocks:
            yield blocks[-1]
            return
        deadline = self._in_hand.deadline if deadline is None else deadline
        with self._connected(deadline) as raw, wire.ending(raw, deadline), self._block(raw) as read:
            try:
                yield read
            except psycopg.errors.QueryCanceled as error:
                if deadline is None:
                    raise
                raise ReadDeadlineError from error

    @contextmanager
    def _transaction(self) -> Iterator[PostgresConnection]:
        """Open a write transaction."""
        with (
            self._connected(writes=True) as raw,
            raw.transaction(),
            self._block(raw, writes=True) as connection,
        ):
            yield connection

    @contextmanager
    def _step(self, connection: PostgresConnection) -> Iterator[None]:
        with answering(), connection.raw.transaction():
            yield

    @property
    def size(self) -> int:
        """How many connections this process may have."""
        return self._pool.size

    def lend(self) -> wire.Raw:
        """Lend a connection for as long as it is wanted; `take_back` it."""
        with answering():
            return taken(self._pool)

    def take_back(self, raw: wire.Raw) -> None:
        """Take a connection back that was lent."""
        self._pool.give_back(raw)

    def pool_status(self) -> dict[str, int]:
        """Return how many connections are `in_use`, and their `limit`."""
        return status_of(self._pool)

    def close(self) -> None:
        """Close every connection; one in use when its block ends."""
        self._pool.close()
