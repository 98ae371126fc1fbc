"""Being logged in to the pages: one secret in a cookie, kept as a digest. It knows no HTTP.

A visitor who is not logged in has such a secret too, which no row stands behind, so that forms are
guarded in one way; logging in always makes a new one.
"""

from __future__ import annotations

import hmac
from datetime import timedelta

from cloudsealed.auth import credential
from cloudsealed.auth.model import ROLE_SCOPES, Caller
from cloudsealed.auth.security import record
from cloudsealed.auth.session_store import Session, SessionStore
from cloudsealed.auth.user_store import User
from cloudsealed.events.deed import Actor
from cloudsealed.kit.clock import Clock, parse_rfc3339, rfc3339
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.kit.ids import new_id
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.keys import Key, KeyRing
from cloudsealed.vocabulary import EventType

PREFIX = "csse_"
IDLE_HOURS = 12
LONGEST_DAYS = 7
RECENT_HOURS = 1  # how long a password given counts for dangerous acts
_SEEN_SECONDS = 60  # how exactly the last use is known


class InvalidLoginError(CloudSealedError):
    """E-mail address and password do not belong together."""

    code = "invalid_login"
    status = 401
    remedy = "Try again; for a forgotten password ask an admin for a new link."


class CsrfFailedError(CloudSealedError):
    """A form was not sent from this server's own page, or the page is too old."""

    code = "csrf_failed"
    status = 403
    remedy = "Load the page anew, and send the form from there."


class ReauthenticationRequiredError(CloudSealedError):
    """The act is dangerous and the password was given too long ago."""

    code = "reauthentication_required"
    status = 403
    remedy = "Give the password again on the page that asks for it."


class SessionService:
    """The use cases of sessions."""

    def __init__(self, *, database: Database, keys: KeyRing, clock: Clock) -> None:
        self._database = database
        self._store = SessionStore(database)
        self._keys = keys.live("sessions")
        self._clock = clock

    def fresh(self) -> str:
        """Return a secret for a visitor who is not logged in."""
        return credential.mint(PREFIX)

    def kept(self, text: str) -> str:
        """Return a visitor's secret, a fresh one when what the cookie holds is none."""
        return text if credential.is_well_formed(text, PREFIX) else self.fresh()

    def open(self, user: User, ip: str | None = None) -> str:
        """Log a user in who gave their password; return the secret of the new session."""
        text, now = self.fresh(), self._clock()
        ends = rfc3339(now + timedelta(days=LONGEST_DAYS))
        began = rfc3339(now)
        session = Session(user.tenant_id, new_id("ses"), user.id, began, began, ends, began)
        with self._database.write() as connection:
            self._store.insert(connection, session, credential.digest(text, self._keys[0]))
            self._record(connection, EventType.LOGGED_IN, session, ip)
        return text

    def find(self, text: str) -> Session | None:
        """Return the session of a secret, None when it is none, or over."""
        known = self.who(text)
        return known[0] if known is not None else None

    def who(self, text: str, *, used: bool = True) -> tuple[Session, User] | None:
        """Return the session of a secret and its user, None when it is none, or over; `used` counts
        as use."""
        if not credential.is_well_formed(text, PREFIX):
            return None
        digests = (credential.digest(text, key) for key in self._keys)
        known = next(filter(None, map(self._store.by_digest, digests)), None)
        now = self._clock()
        if known is None or known[0].expires_at <= rfc3339(now):
            return None
        session = known[0]
        unused = now - parse_rfc3339(session.last_seen_at)
        if unused > timedelta(hours=IDLE_HOURS):
            return None
        if used and unused > timedelta(seconds=_SEEN_SECONDS):
            self._store.seen(session, rfc3339(now))
        return known

    def caller(self, session: Session, user: User, ip: str) -> Caller:
        """Return the caller whom a session stands for: a user, with everything of their role."""
        return Caller(
            user.tenant_id,
            user.id,
            session.id,
            user.role,
            ROLE_SCOPES[user.role],
            session.expires_at,
            ip=ip,
        )

    def is_recent(self, session: Session) -> bool:
        """Say whether the password was given within the last hour."""
        given = parse_rfc3339(session.confirmed_at)
        return self._clock() - given <= timedelta(hours=RECENT_HOURS)

    def confirm(self, session: Session) -> None:
        """Write that the user gave their password again."""
        self._store.confirm(session, rfc3339(self._clock()))

    def close(self, session: Session, ip: str | None = None) -> None:
        """Log a user out."""
        with self._database.write() as connection:
            self._store.delete(connection, session)
            self._record(connection, EventType.LOGGED_OUT, session, ip)

    def _record(
        self, connection: Connection, kind: EventType, session: Session, ip: str | None
    ) -> None:
        actor = Actor(session.user_id, session.id, ip)
        record(connection, kind, tenant=session.tenant_id, subject=session.user_id, actor=actor)

    def purge(self) -> None:
        """Forget sessions that are over."""
        self._store.purge(rfc3339(self._clock()))

    def form_token(self, text: str, form: str) -> str:
        """Return what a form of a page must send back: bound to the secret and to the form."""
        return _form_token(self._keys[0], text, form)

    def check_form(self, text: str, form: str, given: str) -> None:
        """Raise CsrfFailedError unless `given` is the form's token."""
        genuine = [
            hmac.compare_digest(_form_token(key, text, form).encode(), given.encode())
            for key in self._keys
        ]
        if not any(genuine):
            raise CsrfFailedError("The form has expired: load the page again")


def _form_token(key: Key, text: str, form: str) -> str:
    return hmac.digest(key.secret, f"form {text} {form}".encode(), "sha256").hex()
