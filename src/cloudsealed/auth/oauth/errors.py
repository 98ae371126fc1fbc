"""How OAuth refuses, in RFC 6749's codes: a namespace of its own beside the API's catalogue."""

from __future__ import annotations

from typing import ClassVar

from cloudsealed.kit.errors import CloudSealedError, NotFoundError


class OAuthError(Exception):
    """A refusal in RFC 6749's words (sections 4.1.2.1 and 5.2); only subclasses are raised.

    `description` holds no text of the request: the RFC allows few characters in it. `location` is
    where the browser goes with it; empty when the answer is a body.
    """

    code: ClassVar[str]
    status: ClassVar[int] = 400

    def __init__(self, description: str) -> None:
        super().__init__(description)
        self.description = description
        self.location = ""


class InvalidOAuthRequestError(OAuthError):
    """A parameter is missing, repeated or malformed."""

    code = "invalid_request"


class InvalidClientError(OAuthError):
    """The client is unknown, or did not prove who it is."""

    code = "invalid_client"
    status = 401


class InvalidGrantError(OAuthError):
    """The code or refresh token is unknown, used, expired, revoked, or another client's."""

    code = "invalid_grant"


class UnauthorizedClientError(OAuthError):
    """The client may not do this: it is public, of another kind, or the token is another's."""

    code = "unauthorized_client"


class UnsupportedGrantTypeError(OAuthError):
    """The grant type is none of those that the server's metadata names."""

    code = "unsupported_grant_type"


class InvalidOAuthScopeError(OAuthError):
    """A scope is unknown, or beyond what the app or the grant has."""

    code = "invalid_scope"


class InvalidTargetError(OAuthError):
    """`resource` names something else than this API (RFC 8707)."""

    code = "invalid_target"


class AccessDeniedError(OAuthError):
    """The user, or a rule about the app, said no."""

    code = "access_denied"


class UnsupportedResponseTypeError(OAuthError):
    """The response type is not `code`."""

    code = "unsupported_response_type"


class UnsupportedTokenTypeError(OAuthError):
    """The token is of a kind that is not revoked here (RFC 7009, section 2.2.1)."""

    code = "unsupported_token_type"


class UnanswerableAuthorizationError(CloudSealedError):
    """The app or its redirect URI is not known, so the browser cannot be sent back to it."""

    code = "invalid_request"
    status = 400
    remedy = "Begin again from the app; its maker checks the client id and the redirect address."


class AppNotFoundError(NotFoundError):
    """No app of the tenant has this id."""

    code = "app_not_found"

    def __init__(self, ident: str) -> None:
        super().__init__("app", ident)


class GrantNotFoundError(NotFoundError):
    """No grant of the tenant that the caller may see has this id."""

    code = "grant_not_found"

    def __init__(self, ident: str) -> None:
        super().__init__("grant", ident)


class ClientNotFoundError(NotFoundError):
    """No OAuth client of the tenant has this id."""

    code = "client_not_found"

    def __init__(self, ident: str) -> None:
        super().__init__("client", ident)


class AuthorizationPendingError(OAuthError):
    """Nobody has answered the device's question yet (RFC 8628, section 3.5)."""

    code = "authorization_pending"


class SlowDownError(OAuthError):
    """The device asks too often; from now on it waits 5 seconds longer (RFC 8628, section 3.5)."""

    code = "slow_down"


class ExpiredTokenError(OAuthError):
    """Nobody answered the device's question in time (RFC 8628, section 3.5)."""

    code = "expired_token"


class UserCodeError(CloudSealedError):
    """The code is none that a device shows, has expired or was used."""

    code = "invalid_user_code"
    status = 422
    remedy = "Type the code that the device shows now, or let it show a new one."

    def __init__(self) -> None:
        message = "No device shows this code now: look at it again, or begin anew there"
        details = [{"field": "user_code", "code": self.code, "message": message}]
        super().__init__(message, details=details)


class TooManyUserCodesError(CloudSealedError):
    """Too many codes that no device shows were tried; `Retry-After` says for how many seconds."""

    code = "too_many_user_codes"
    status = 429
    remedy = "Wait for so long, and type the code that the device shows now."
