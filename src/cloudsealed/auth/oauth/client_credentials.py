"""How programs prove themselves as a service account's client, and the tokens they get.

RFC 6749, section 4.4, with a secret or by `private_key_jwt` (RFC 7523). There are no refresh
tokens: who can prove itself asks again. It knows no HTTP: parameters in, answers or errors out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from cloudsealed.auth import credential
from cloudsealed.auth.authenticator import Authenticator
from cloudsealed.auth.oauth import assertions
from cloudsealed.auth.oauth.client_model import Client, ClientToken
from cloudsealed.auth.oauth.client_store import ClientStore
from cloudsealed.auth.oauth.errors import (
    InvalidClientError,
    InvalidOAuthRequestError,
    InvalidOAuthScopeError,
)
from cloudsealed.auth.oauth.model import ACCESS, ACCESS_SECONDS, accepts, named
from cloudsealed.auth.oauth.parameters import ClientProof, Parameters
from cloudsealed.auth.oauth.rules import within
from cloudsealed.auth.security import record
from cloudsealed.events.deed import Actor
from cloudsealed.kit.clock import Clock, parse_rfc3339, rfc3339
from cloudsealed.kit.ids import new_id
from cloudsealed.storage.database import Database
from cloudsealed.storage.keys import KeyRing
from cloudsealed.vocabulary import EventType

TOKEN_PATH = "/oauth/token"
_KEPT_DAYS = 1  # how long a token stays after its end
_UNPROVEN = "The client is unknown or its assertion proves nothing"
_UNKNOWN = "The client is unknown or its secret is wrong"


class ClientCredentials:
    """`issuer` is the installation's public address, without a slash at its end (RFC 8414)."""

    def __init__(
        self,
        *,
        database: Database,
        keys: KeyRing,
        clock: Clock,
        issuer: str,
        authenticator: Authenticator,
    ) -> None:
        issuer = issuer.rstrip("/")
        self._issuer = issuer
        self._audiences = (issuer + TOKEN_PATH, issuer, f"{issuer}/")
        self._database = database
        self._store = ClientStore(database)
        self._keys = keys.live("tokens")
        self._clock = clock
        self._authenticator = authenticator

    def by_secret(self, claimed: ClientProof) -> Client | None:
        """Return the client that a secret proves; None when it is no service account's client.

        Raises InvalidClientError, the same as for a client that never was.
        """
        client = self._store.by_client(claimed.client_id)
        if client is None:
            return None
        digests = self._digests(claimed.secret or "")
        if client.keys or not accepts(client, digests, rfc3339(self._clock())):
            raise InvalidClientError(_UNKNOWN)
        return client

    def by_assertion(
        self, given: Parameters, authorization: str | None, ip: str | None = None
    ) -> Client:
        """Return the client that a JWT proves, and use the JWT up.

        Raises InvalidOAuthRequestError, and InvalidClientError: with the reason only to who holds
        the client's key.
        """
        if authorization is not None or given.get("client_secret") is not None:
            raise InvalidOAuthRequestError("The client proves itself in two ways: use one")
        if given.need("client_assertion_type") != assertions.TYPE:
            raise InvalidOAuthRequestError(f"client_assertion_type must be {assertions.TYPE}")
        assertion, client = self._signed(given.need("client_assertion"), given.get("client_id"))
        try:
            proof = assertions.proven(assertion, audiences=self._audiences, now=self._clock())
        except assertions.UnprovenError as error:
            raise InvalidClientError(f"The assertion cannot be used: {error}") from error
        if not self._store.spend(client, digest=proof.digest, until=rfc3339(proof.until)):
            self._tell_replay(client, ip)
            raise InvalidClientError("The assertion cannot be used: its jti was used before")
        return client

    def _signed(self, text: str, client_id: str | None) -> tuple[assertions.Assertion, Client]:
        """Return an assertion that a client's key signed, and the client."""
        try:
            found = assertions.read(text)
        except assertions.UnprovenError:
            raise InvalidClientError(_UNPROVEN) from None
        named = client_id in (None, found.client_id)
        client = self._store.by_client(found.client_id) if named else None
        if client is None or not assertions.is_signed(found, client.keys):
            raise InvalidClientError(_UNPROVEN)
        return found, client

    def _tell_replay(self, client: Client, ip: str | None) -> None:
        with self._database.write() as connection:
            record(
                connection,
                EventType.CLIENT_REPLAYED,
                tenant=client.tenant_id,
                subject=client.id,
                actor=Actor(client.user_id, client.id, ip),
                client_id=client.client_id,
            )

    def token(self, client: Client, given: Parameters) -> Mapping[str, Any]:
        """Give an access token; raises InvalidOAuthScopeError, also when no power would be left."""
        scopes = within(client.scopes, given.get("scope"))
        power = client.power(scopes)
        if not power:
            raise InvalidOAuthScopeError("The service account's role has none of these scopes")
        now, text = self._clock(), credential.mint(ACCESS)
        until = rfc3339(now + timedelta(seconds=ACCESS_SECONDS))
        token = ClientToken(client, new_id("oat"), scopes, rfc3339(now), until)
        with self._database.write() as connection:
            self._store.insert_token(connection, token, self._digests(text)[0])
        return {
            "access_token": text,
            "token_type": "Bearer",
            "expires_in": ACCESS_SECONDS,
            "scope": " ".join(named(scopes, power)),
        }

    def revoke(self, client: Client, given: Parameters) -> None:
        """End a token of the client (RFC 7009); any other is no error, and none of its business."""
        token = self._found(given.need("token"))
        if token is not None and token.client.id == client.id:
            self._store.revoke(token, rfc3339(self._clock()))
            self._authenticator.forget()

    def introspect(self, client: Client, given: Parameters) -> Mapping[str, Any]:
        """Say what a token of the client is worth now; of any other, only that it is worth nothing
        (RFC 7662)."""
        token, now = self._found(given.need("token")), rfc3339(self._clock())
        if token is None or token.client.id != client.id:
            return {"active": False}
        if token.revoked_at is not None or token.expires_at <= now:
            return {"active": False}
        power = token.client.power(token.scopes)
        return {
            "active": True,
            "client_id": client.client_id,
            "sub": client.user_id,
            "scope": " ".join(named(token.scopes, power)),
            "token_type": "Bearer",
            "iat": _epoch(token.created_at),
            "exp": _epoch(token.expires_at),
            "iss": self._issuer,
            "aud": self._issuer,
        }

    def purge(self) -> None:
        """Forget what ended a day ago."""
        self._store.purge(rfc3339(self._clock() - timedelta(days=_KEPT_DAYS)))

    def _found(self, text: str) -> ClientToken | None:
        if not credential.is_well_formed(text, ACCESS):
            return None
        return next(filter(None, map(self._store.token, self._digests(text))), None)

    def _digests(self, text: str) -> list[str]:
        return [credential.digest(text, key) for key in self._keys]


def _epoch(text: str) -> int:
    return int(parse_rfc3339(text).timestamp())
