"""How a credential, or what is asked of it, can be refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from cloudsealed.kit.errors import CloudSealedError, NotFoundError

_REALM = 'Bearer realm="cloudsealed"'


class CredentialError(CloudSealedError):
    """A request cannot be let in; `WWW-Authenticate` says why (RFC 6750, section 3)."""

    code = "invalid_token"
    status = 401
    remedy = "Make a new token, or log in again."
    challenge: ClassVar[str] = f'{_REALM}, error="invalid_token"'

    def __init__(self, message: str) -> None:
        super().__init__(message, headers={"WWW-Authenticate": self.challenge})


class MissingCredentialsError(CredentialError):
    """The request carries no bearer token."""

    code = "missing_credentials"
    remedy = (
        "Send `Authorization: Bearer TOKEN`; `cloudsealed init` and `POST /v1/tokens` make tokens."
    )
    challenge = _REALM  # RFC 6750, 3.1: no error code when no credential was given


class InvalidTokenError(CredentialError):
    """The bearer token is malformed, unknown or revoked, or its owner is disabled."""

    remedy = "Send a whole token of this installation; if it was revoked, make a new one."


class TokenExpiredError(CredentialError):
    """The bearer token's time is over."""

    code = "token_expired"
    remedy = "Make a new token, or rotate one before its end."


class TwoCredentialsError(CloudSealedError):
    """The request carries more than one credential (RFC 6750, section 2)."""

    code = "two_credentials"
    status = 400
    remedy = "Send one `Authorization` header, and no token anywhere else."


class IpNotAllowedError(CloudSealedError):
    """The token may not be used from the caller's address."""

    code = "ip_not_allowed"
    status = 403
    remedy = "Call from a network of the token, or make one with yours in `allowed_cidrs`."


class InsufficientScopeError(CloudSealedError):
    """The credential lacks the scope that the operation needs."""

    code = "insufficient_scope"
    status = 403
    remedy = (
        "Make a token with the scope that the message names; `GET /v1/me` shows what this one has."
    )

    def __init__(self, scope: str) -> None:
        challenge = f'{_REALM}, error="insufficient_scope", scope="{scope}"'
        super().__init__(
            f"This needs the scope {scope}, which the credential does not have",
            headers={"WWW-Authenticate": challenge},
        )


class InsufficientRoleError(CloudSealedError):
    """The caller's role does not allow this to them."""

    code = "insufficient_role"
    status = 403
    remedy = "Ask an admin of the tenant to do it, or for another role."


class InvalidScopeError(CloudSealedError):
    """A scope that there is not, or that the caller cannot give, was asked for."""

    code = "invalid_scope"
    status = 422
    remedy = "Ask for scopes that `GET /v1/me` shows, as docs/access.md spells them."

    def __init__(self, names: Iterable[str], reason: str, field: str = "scopes") -> None:
        message = f"{', '.join(sorted(names))}: {reason}"
        detail = {"field": field, "code": self.code, "message": message}
        super().__init__(message, details=[detail])


class EmailTakenError(CloudSealedError):
    """A user of the installation has this e-mail address."""

    code = "name_already_exists"
    status = 409
    remedy = "Ask that person to log in, or use another address."


class InvitationNotFoundError(CloudSealedError):
    """The link of an invitation is unknown, used or too old."""

    code = "not_found"
    status = 404
    remedy = "Ask an admin for a new link (`POST /v1/users/{id}/invite`)."


class TokenNotFoundError(NotFoundError):
    """No token of the tenant that the caller may see has this id."""

    code = "token_not_found"

    def __init__(self, ident: str) -> None:
        super().__init__("token", ident)


class UserNotFoundError(NotFoundError):
    """No user of the tenant has this id."""

    code = "user_not_found"

    def __init__(self, ident: str) -> None:
        super().__init__("user", ident)


class TenantNotFoundError(NotFoundError):
    """No tenant has this id."""

    code = "tenant_not_found"

    def __init__(self, ident: str) -> None:
        super().__init__("tenant", ident)
