"""The way to a PostgreSQL server: how it is connected to, and when it is given up.

Every wait has an end at both ends: a server that is gone is noticed within a minute, and a server
forgets a client that is gone. It refuses to read or write rows.
"""

from __future__ import annotations

import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

Raw = psycopg.Connection[tuple[Any, ...]]

_OURS = {
    "connect_timeout": "10",  # seconds, as all but the last
    "keepalives": "1",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",  # milliseconds
    "application_name": "cloudsealed",
}
_SERVERS = {
    # A generic plan may walk the wrong index; planning each time keeps keyset flat.
    "plan_cache_mode": "force_custom_plan",
    "idle_in_transaction_session_timeout": "30s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "15s",
}
_OTHER = "The database has other tables than this program knows: it is of another version"
_FAULTS: tuple[tuple[type[psycopg.Error], str], ...] = (
    (errors.DiskFull, "The disk of the database is full"),
    (errors.QueryCanceled, "The database took too long"),
    (errors.UndefinedTable, _OTHER),
    (errors.UndefinedColumn, _OTHER),
    (errors.IdleInTransactionSessionTimeout, "The database ended a transaction that did nothing"),
    (psycopg.OperationalError, "The database does not answer"),
    (psycopg.InterfaceError, "The database does not answer"),
)
_NO_ROOM = ("too many clients", "too many connections", "remaining connection slots")


def connect(url: str, *, statement_seconds: int) -> Raw:
    """Connect; what the URL says of the connection goes before what is said here."""
    given = conninfo_to_dict(url)
    settings = {**_SERVERS, "statement_timeout": f"{statement_seconds}s"}
    ours = " ".join(f"-c {name}={value}" for name, value in settings.items())
    options = f"{ours} {given.pop('options', '')}".strip()
    return psycopg.connect(**{**_OURS, **given}, options=options, autocommit=True)  # type: ignore[arg-type]  # untyped


def is_usable(raw: Raw) -> bool:
    """Say whether an idle connection can be lent, without a round trip: a server that went away
    has left an end of file to be read."""
    if raw.closed or raw.info.transaction_status is not TransactionStatus.IDLE:
        return False
    poll = select.poll()
    poll.register(raw.fileno(), select.POLLIN)
    if not poll.poll(0):
        return True
    try:
        raw.pgconn.consume_input()  # a notice is no end
    except psycopg.OperationalError:
        return False
    return not poll.poll(0)


@contextmanager
def ending(raw: Raw, deadline: float | None) -> Iterator[None]:
    """End every statement of a block after `deadline` seconds, at the cost of two round trips."""
    if deadline is None:
        yield
        return
    milliseconds = max(1, round(deadline * 1000))
    raw.execute(f"BEGIN READ ONLY; SET LOCAL statement_timeout = {milliseconds}".encode())
    try:
        yield
    finally:
        if not raw.closed:
            raw.rollback()


def fault(error: psycopg.Error) -> str | None:
    """Return why the database is unavailable, in words; None when the statement is at fault."""
    if any(words in str(error) for words in _NO_ROOM):  # libpq gives no code while it connects
        return "The database takes no more connections"
    return next((reason for kind, reason in _FAULTS if isinstance(error, kind)), None)
