"""Rows of console sessions. Their only SQL; a session's text is kept as a digest alone."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, select

from cloudsealed.auth.user_store import COLUMNS, User, decode
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.schema import sessions, users

_THIS = (sessions.c.tenant_id == bindparam("tenant"), sessions.c.id == bindparam("ident"))
_BY_DIGEST = (  # tenantless: session by digest
    select(
        sessions.c.tenant_id,
        sessions.c.id,
        sessions.c.user_id,
        sessions.c.created_at,
        sessions.c.last_seen_at,
        sessions.c.expires_at,
        sessions.c.confirmed_at,
        *COLUMNS,
    )
    .join(users, (users.c.tenant_id == sessions.c.tenant_id) & (users.c.id == sessions.c.user_id))
    .where(sessions.c.digest == bindparam("address"), users.c.disabled_at.is_(None))
)
_SEEN = sessions.update().where(*_THIS).values(last_seen_at=bindparam("now"))
_CONFIRM = sessions.update().where(*_THIS).values(confirmed_at=bindparam("now"))
_DELETE = sessions.delete().where(*_THIS)
_DELETE_ALL = sessions.delete().where(
    sessions.c.tenant_id == bindparam("tenant"), sessions.c.user_id == bindparam("owner")
)
_PURGE = (  # tenantless: housekeeping
    sessions.delete().where(sessions.c.expires_at < bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class Session:
    """A user's being logged in. Times are RFC 3339 text; `expires_at` is the latest end.

    `confirmed_at` is when the user last gave their password.
    """

    tenant_id: str
    id: str
    user_id: str
    created_at: str
    last_seen_at: str
    expires_at: str
    confirmed_at: str


class SessionStore:
    """The sessions of every tenant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(self, connection: Connection, session: Session, digest: str) -> None:
        """Add a session."""
        row = {name: getattr(session, name) for name in Session.__slots__}
        connection.run(sessions.insert(), {**row, "digest": digest})

    def by_digest(self, digest: str) -> tuple[Session, User] | None:
        """Return the session with this digest and its user, None when that is disabled."""
        with self._database.read() as connection:
            row = connection.first(_BY_DIGEST, {"address": digest})
        if row is None:
            return None
        return Session(*row[: -len(COLUMNS)]), decode(row[-len(COLUMNS) :])

    def seen(self, session: Session, now: str) -> None:
        """Write when a session was last used."""
        this = {"tenant": session.tenant_id, "ident": session.id}
        with self._database.write() as connection:
            connection.run(_SEEN, {**this, "now": now})

    def confirm(self, session: Session, now: str) -> None:
        """Write when the user gave their password again."""
        this = {"tenant": session.tenant_id, "ident": session.id}
        with self._database.write() as connection:
            connection.run(_CONFIRM, {**this, "now": now})

    def delete(self, connection: Connection, session: Session) -> None:
        """End a session."""
        connection.run(_DELETE, {"tenant": session.tenant_id, "ident": session.id})

    def delete_all(self, connection: Connection, *, tenant: str, user_id: str) -> None:
        """End every session of a user."""
        connection.run(_DELETE_ALL, {"tenant": tenant, "owner": user_id})

    def purge(self, now: str) -> None:
        """Forget sessions that are over."""
        with self._database.write() as connection:
            connection.run(_PURGE, {"now": now})
