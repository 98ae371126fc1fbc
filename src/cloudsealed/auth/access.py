"""Everything by which a user gets in: their sessions, tokens and grants, ended together."""

from __future__ import annotations

from cloudsealed.auth.authenticator import Authenticator
from cloudsealed.auth.oauth.client_store import ClientStore
from cloudsealed.auth.oauth.grant_store import GrantStore
from cloudsealed.auth.session_store import SessionStore
from cloudsealed.auth.token_store import TokenStore
from cloudsealed.auth.user_store import User
from cloudsealed.kit.clock import Clock, rfc3339
from cloudsealed.storage.database import Connection, Database


class Access:
    """Ends what a user has. Methods with a connection are steps of one transaction."""

    def __init__(self, *, database: Database, clock: Clock, authenticator: Authenticator) -> None:
        self._sessions = SessionStore(database)
        self._tokens = TokenStore(database)
        self._grants = GrantStore(database)
        self._clients = ClientStore(database)
        self._clock = clock
        self._authenticator = authenticator

    def end(self, connection: Connection, user: User) -> None:
        """End every session, token, grant and client of a user."""
        now = rfc3339(self._clock())
        self.end_sessions(connection, user)
        self._tokens.revoke_all(connection, tenant=user.tenant_id, user_id=user.id, now=now)
        self._grants.revoke_all(connection, tenant=user.tenant_id, user_id=user.id)
        self._clients.delete_all(connection, tenant=user.tenant_id, user_id=user.id, now=now)

    def end_sessions(self, connection: Connection, user: User) -> None:
        """Log a user out everywhere."""
        self._sessions.delete_all(connection, tenant=user.tenant_id, user_id=user.id)

    def forget(self) -> None:
        """Let what was ended hold at once in this process."""
        self._authenticator.forget()
