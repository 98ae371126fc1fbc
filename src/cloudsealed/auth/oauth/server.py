"""The authorization server: RFC 6749's code flow under RFC 9700, with rotation and revocation.

One transaction a grant, which holds it; a code or refresh token is consumed by one conditional
UPDATE, so of many redemptions one wins. A second use ends the family of tokens, and that is
committed although the request is refused; but for who repeats a refresh at once, and gets the same
answer. It knows no HTTP: parameters in, answers or `OAuthError` out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from cloudsealed.auth import credential
from cloudsealed.auth.authenticator import Authenticator
from cloudsealed.auth.model import Caller
from cloudsealed.auth.oauth import redirects
from cloudsealed.auth.oauth.app_store import AppStore
from cloudsealed.auth.oauth.errors import (
    AccessDeniedError,
    ExpiredTokenError,
    InvalidClientError,
    InvalidGrantError,
    InvalidOAuthRequestError,
    InvalidTargetError,
    OAuthError,
    UnanswerableAuthorizationError,
    UnauthorizedClientError,
    UnsupportedGrantTypeError,
    UnsupportedResponseTypeError,
    UnsupportedTokenTypeError,
)
from cloudsealed.auth.oauth.grant_store import GrantStore
from cloudsealed.auth.oauth.issuing import Issuer, Tokens
from cloudsealed.auth.oauth.model import (
    ACCESS,
    CODE,
    CODE_SECONDS,
    GRANT_DAYS,
    REFRESH,
    REPEAT_SECONDS,
    App,
    Asked,
    Code,
    IssuedToken,
    Standing,
    named,
    ordered,
)
from cloudsealed.auth.oauth.parameters import Parameters, proof, read
from cloudsealed.auth.oauth.rules import challenge_of, code_fault, within
from cloudsealed.auth.security import record
from cloudsealed.events.deed import Actor
from cloudsealed.kit.clock import Clock, parse_rfc3339, rfc3339
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.keys import KeyRing
from cloudsealed.vocabulary import EventType

_KEPT_DAYS = 1  # how long a grant or token stays after its end

Answer = Mapping[str, Any]
_Kept = TypeVar("_Kept", Code, IssuedToken)


class _ReplayedError(InvalidGrantError):
    """A code or refresh token of a family of `grant` was used a second time."""

    def __init__(self, grant: Standing, family: str, reason: str) -> None:
        super().__init__(f"{reason}; everything that came of it was revoked")
        self.grant = grant
        self.family = family


class AuthorizationServer:
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
        self.issuer = issuer.rstrip("/")
        self._database = database
        self._apps = AppStore(database)
        self._grants = GrantStore(database)
        self._issuer = Issuer(self._grants, keys.live("tokens"))
        self._clock = clock
        self._authenticator = authenticator

    # Authorization (RFC 6749, section 4.1.1)

    def ask(self, query: bytes) -> Asked:
        """Check an authorization request.

        Raises UnanswerableAuthorizationError when the browser must not be sent back, otherwise an
        OAuthError whose `location` answers the app.
        """
        try:
            given = read(query)
            app, uri, sent = self._target(given)
        except OAuthError as error:
            raise UnanswerableAuthorizationError(error.description) from None
        try:
            return self._asked(app, uri, sent, given)
        except OAuthError as error:
            state = given.values.get("state") if "state" not in given.repeated else None
            error.location = self._refusal(uri, error, state)
            raise

    def _target(self, given: Parameters) -> tuple[App, str, bool]:
        app = self._apps.by_client(given.need("client_id"))
        if app is None:
            raise UnanswerableAuthorizationError("There is no app with this client_id")
        uri = given.get("redirect_uri")
        if uri is None and len(app.redirect_uris) > 1:
            raise UnanswerableAuthorizationError("The app has several redirect URIs: name one")
        if not app.redirect_uris:
            raise UnanswerableAuthorizationError("The app asks by devices only")
        if uri is not None and not redirects.matching(app.redirect_uris, uri):
            raise UnanswerableAuthorizationError("The redirect_uri is not registered for the app")
        return app, uri or app.redirect_uris[0], uri is not None

    def _asked(self, app: App, uri: str, sent: bool, given: Parameters) -> Asked:
        given.refuse_repeated()
        if given.need("response_type") != "code":
            raise UnsupportedResponseTypeError("Only the response type code is supported")
        if given.get("response_mode") not in (None, "query"):
            raise InvalidOAuthRequestError("Only the response mode query is supported")
        self.check_resource(given)
        scopes = within(app.scopes, given.get("scope"))
        return Asked(app, uri, sent, scopes, given.get("state"), challenge_of(app, given))

    def check_resource(self, given: Parameters) -> None:
        """Raise InvalidTargetError when `resource` is not this API (RFC 8707)."""
        if given.get("resource") not in (None, self.issuer, f"{self.issuer}/", f"{self.issuer}/v1"):
            raise InvalidTargetError("resource must be the address of this API")

    def offered(self, asked: Asked, caller: Caller) -> tuple[str, ...]:
        """Return the scopes that a user would give; none when the app is not for them."""
        if not asked.app.may_be_granted_in(caller.tenant_id):
            return ()
        standing = Standing(
            caller.tenant_id,
            "",
            caller.user_id,
            asked.app.client_id,
            asked.scopes,
            asked.app.scopes,
            caller.role,
            "",
        )
        return ordered(standing.power(asked.scopes))

    def deny(self, asked: Asked) -> str:
        """Return where the browser goes when the user says no."""
        return self._refusal(
            asked.redirect_uri, AccessDeniedError("The user did not allow it"), asked.state
        )

    def allow(self, asked: Asked, caller: Caller) -> str:
        """Make a code, whose redemption makes or changes the user's grant of the app; return where
        the browser goes with it."""
        offered = self.offered(asked, caller)
        if not offered:
            return self.deny(asked)
        now, text = self._clock(), credential.mint(CODE)
        with self._database.write() as connection:
            ident = self._grants.insert_code(
                connection,
                tenant=caller.tenant_id,
                user_id=caller.user_id,
                asked=asked,
                digest=self._issuer.digests(text)[0],
                now=rfc3339(now),
                until=rfc3339(now + timedelta(seconds=CODE_SECONDS)),
            )
            record(
                connection,
                EventType.GRANT_CREATED,
                tenant=caller.tenant_id,
                subject=ident,
                actor=caller.actor,
                client_id=asked.app.client_id,
                app_name=asked.app.name,
                scopes=offered,
            )
        answer = {"code": text, "state": asked.state, "iss": self.issuer}
        return redirects.answered(asked.redirect_uri, answer)

    def _refusal(self, uri: str, error: OAuthError, state: str | None) -> str:
        answer = {
            "error": error.code,
            "error_description": error.description,
            "state": state,
            "iss": self.issuer,
        }
        return redirects.answered(uri, answer)

    # Clients (RFC 6749, section 2.3)

    def authenticate(self, given: Parameters, authorization: str | None) -> App:
        """Return the app that a request proves to come from.

        Raises InvalidClientError, the same for an unknown app as for a wrong secret, and
        InvalidOAuthRequestError.
        """
        given.refuse_repeated()
        claimed = proof(given, authorization)
        app, digests = (
            self._apps.by_client(claimed.client_id),
            self._issuer.digests(claimed.secret or ""),
        )
        if app is not None and not app.is_confidential and claimed.secret is None:
            return app
        if app is None or not app.accepts(digests, rfc3339(self._clock())):
            raise InvalidClientError("The client is unknown or its secret is wrong")
        return app

    # Tokens (RFC 6749, sections 4.1.3 and 6)

    def token(self, app: App, given: Parameters, ip: str | None = None) -> Answer:
        """Give tokens for a code or a refresh token; raises OAuthError."""
        act = self._act(given.need("grant_type"), app, given)
        self.check_resource(given)
        return self._given(app, ip, act)

    def _given(
        self, app: App, ip: str | None, act: Callable[[Connection], Tokens | OAuthError]
    ) -> Answer:
        with self._database.write() as connection:
            found = act(connection)  # a refusal is returned, so that what it revoked is committed
            if isinstance(found, _ReplayedError):
                self._end(connection, app, found, ip)
        if isinstance(found, OAuthError):
            self._authenticator.forget()
            raise found
        return found

    def _act(
        self, kind: str, app: App, given: Parameters
    ) -> Callable[[Connection], Tokens | OAuthError]:
        if kind == "authorization_code":
            text = given.need("code")
            return lambda connection: self._redeem(connection, app, text, given)
        if kind == "refresh_token":
            text = given.need("refresh_token")
            return lambda connection: self._refresh(connection, app, text, given)
        raise UnsupportedGrantTypeError("Use authorization_code or refresh_token")

    def _redeem(
        self, connection: Connection, app: App, text: str, given: Parameters
    ) -> Tokens | OAuthError:
        code = self._held(connection, lambda: self._code(connection, text))
        if code is None or code.grant.client_id != app.client_id:
            return InvalidGrantError("The code is unknown, or another client's")
        if code.redeemed_at is None and code.expires_at <= rfc3339(self._clock()):
            return InvalidGrantError("The code has expired")
        if code.redeemed_at is None and (fault := code_fault(app, code, given)):
            return InvalidGrantError(fault)
        return self._redeemed(connection, app, code, lambda: self._code(connection, text))

    def _redeemed(
        self, connection: Connection, app: App, code: Code, look_up: Callable[[], Code | None]
    ) -> Tokens | OAuthError:
        """Use a code up, once, and give what it stands for."""
        if code.redeemed_at is not None:
            return _ReplayedError(code.grant, code.id, "The code was used before")
        now = self._clock()
        until = rfc3339(now + timedelta(days=GRANT_DAYS))
        if not self._grants.redeem(connection, code, app=app, now=rfc3339(now), until=until):
            return _ReplayedError(code.grant, code.id, "The code was used before")
        granted = look_up()
        assert granted is not None
        return self._issuer.first(connection, granted.grant, code, now)

    def _refresh(
        self, connection: Connection, app: App, text: str, given: Parameters
    ) -> Tokens | OAuthError:
        old = self._held(connection, lambda: self._issuer.token(connection, text, REFRESH))
        if old is None or old.grant.client_id != app.client_id:
            return InvalidGrantError("The refresh token is unknown, revoked or another client's")
        now = self._clock()
        if old.expires_at <= rfc3339(now):
            return InvalidGrantError("The refresh token has expired")
        try:
            scopes = within(old.scopes, given.get("scope"))
        except OAuthError as error:
            return error
        if self._grants.consume(connection, old, rfc3339(now)):
            return self._issuer.next(connection, old, text, scopes, now)
        replayed = _ReplayedError(old.grant, old.family, "The refresh token was used before")
        if (old.consumed_at or "~") < rfc3339(now - timedelta(seconds=REPEAT_SECONDS)):
            return replayed
        return self._issuer.again(connection, text, now) or replayed

    def _held(self, connection: Connection, look_up: Callable[[], _Kept | None]) -> _Kept | None:
        """Return what is kept, as it is once nobody else uses or ends its grant any more."""
        found = look_up()
        if found is None:
            return None
        tenant, ident = found.grant.tenant_id, found.grant.grant_id
        return look_up() if self._grants.hold(connection, tenant=tenant, ident=ident) else None

    def _end(self, connection: Connection, app: App, error: _ReplayedError, ip: str | None) -> None:
        """End the family of which something was used twice (RFC 9700, section 4.14)."""
        now = rfc3339(self._clock())
        if self._grants.end_family(connection, error.grant, error.family, now):
            record(
                connection,
                EventType.GRANT_REPLAYED,
                tenant=error.grant.tenant_id,
                subject=error.grant.grant_id,
                actor=Actor(None, app.id, ip),
                owner_id=error.grant.user_id,
                client_id=app.client_id,
            )

    # Devices (RFC 8628): what a user allowed one is a code, whose text is the device's own

    def allow_device(
        self,
        connection: Connection,
        asked: Asked,
        caller: Caller,
        *,
        digest: str,
        until: str,
        ip: str,
    ) -> None:
        """Make a code of a device's digest, for a device that asked from an address."""
        ident = self._grants.insert_code(
            connection,
            tenant=caller.tenant_id,
            user_id=caller.user_id,
            asked=asked,
            digest=digest,
            now=rfc3339(self._clock()),
            until=until,
        )
        record(
            connection,
            EventType.GRANT_CREATED,
            tenant=caller.tenant_id,
            subject=ident,
            actor=caller.actor,
            client_id=asked.app.client_id,
            app_name=asked.app.name,
            scopes=self.offered(asked, caller),
            device_ip=ip,
        )

    def redeem_device(self, app: App, digest: str, ip: str | None) -> Answer:
        """Give tokens for what a user allowed a device; raises OAuthError."""
        return self._given(app, ip, lambda connection: self._redeem_device(connection, app, digest))

    def _redeem_device(self, connection: Connection, app: App, digest: str) -> Tokens | OAuthError:
        def look_up() -> Code | None:
            return self._grants.code(connection, digest)

        code = self._held(connection, look_up)
        if code is None:
            return InvalidGrantError("What the user allowed was ended")
        if code.redeemed_at is None and code.expires_at <= rfc3339(self._clock()):
            return ExpiredTokenError("The device did not ask in time: begin anew")
        return self._redeemed(connection, app, code, look_up)

    # Revocation (RFC 7009) and introspection (RFC 7662)

    def revoke(self, app: App, given: Parameters, ip: str | None = None) -> None:
        """End a token of the app: a refresh token with its family; an unknown one is no error."""
        text = given.need("token")
        if text.startswith((CODE, credential.PREFIX)):
            raise UnsupportedTokenTypeError("Only access and refresh tokens are revoked here")
        now = rfc3339(self._clock())
        with self._database.write() as connection:
            token = self._held(connection, lambda: self._token(connection, text))
            if token is None:
                return
            if token.grant.client_id != app.client_id:
                raise UnauthorizedClientError("The token is another client's")
            if token.kind == ACCESS:
                self._grants.consume(connection, token, now)
            elif self._grants.end_family(connection, token.grant, token.family, now):
                record(
                    connection,
                    EventType.GRANT_REVOKED,
                    tenant=token.grant.tenant_id,
                    subject=token.grant.grant_id,
                    actor=Actor(None, app.id, ip),
                    owner_id=token.grant.user_id,
                    client_id=app.client_id,
                )
        self._authenticator.forget()

    def introspect(self, app: App, given: Parameters, ip: str | None = None) -> Answer:
        """Say what a token of the app is worth now; of any other, only that it is worth nothing."""
        if not app.is_confidential:
            raise UnauthorizedClientError("Only a client with a secret may ask about tokens")
        text, now = given.need("token"), rfc3339(self._clock())
        with self._database.read() as connection:
            token = self._token(connection, text)
        if token is None or token.grant.client_id != app.client_id:
            return {"active": False}
        if token.consumed_at is not None or token.expires_at <= now:
            return {"active": False}
        kind = {"token_type": "Bearer"} if token.kind == ACCESS else {}
        return {
            "active": True,
            "client_id": app.client_id,
            "sub": token.grant.user_id,
            "scope": " ".join(named(token.scopes, token.grant.power(token.scopes))),
            "iat": _epoch(token.created_at),
            "exp": _epoch(token.expires_at),
            "iss": self.issuer,
            "aud": self.issuer,
            **kind,
        }

    def purge(self) -> None:
        """Forget what ended a day ago."""
        self._grants.purge(rfc3339(self._clock() - timedelta(days=_KEPT_DAYS)))

    def _token(self, connection: Connection, text: str) -> IssuedToken | None:
        return self._issuer.token(connection, text, ACCESS if text.startswith(ACCESS) else REFRESH)

    def _code(self, connection: Connection, text: str) -> Code | None:
        return self._issuer.found(text, CODE, lambda digest: self._grants.code(connection, digest))


def _epoch(text: str) -> int:
    return int(parse_rfc3339(text).timestamp())
