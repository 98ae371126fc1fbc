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
    challenge: ClassVar[str] = f'{_REALM}, error="invalid_token"'

    def __init__(self, message: str) -> None:
        super().__init__(message, headers={"WWW-Authenticate": self.challenge})


class MissingCredentialsError(CredentialError):
    """The request carries no bearer token."""

    code = "missing_credentials"
    challenge = _REALM  # RFC 6750, 3.1: no error code when no credential was given


class InvalidTokenError(CredentialError):
    """The bearer token is malformed, unknown or revoked, or its owner is disabled."""


class TokenExpiredError(CredentialError):
    """The bearer token's time is over."""

    code = "token_expired"


class TwoCredentialsError(CloudSealedError):
    """The request carries more than one credential (RFC 6750, section 2)."""

    code = "two_credentials"
    status = 400


class IpNotAllowedError(CloudSealedError):
    """The token may not be used from the caller's address."""

    code = "ip_not_allowed"
    status = 403


class InsufficientScopeError(CloudSealedError):
    """The credential lacks the scope that the operation needs."""

    code = "insufficient_scope"
    status = 403

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


class InvalidScopeError(CloudSealedError):
    """A scope that there is not, or that the caller cannot give, was asked for."""

    code = "invalid_scope"
    status = 422

    def __init__(self, names: Iterable[str], reason: str, field: str = "scopes") -> None:
        message = f"{', '.join(sorted(names))}: {reason}"
        detail = {"field": field, "code": self.code, "message": message}
        super().__init__(message, details=[detail])


class EmailTakenError(CloudSealedError):
    """A user of the installation has this e-mail address."""

    code = "name_already_exists"
    status = 409


class InvitationNotFoundError(CloudSealedError):
    """The link of an invitation is unknown, used or too old."""

    code = "not_found"
    status = 404


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
