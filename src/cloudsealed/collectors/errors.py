"""Why a provider could not be reached. Each message says what to do and carries no secret."""

from __future__ import annotations

from cloudsealed.kit.errors import CloudSealedError


class CloudAccessError(CloudSealedError):
    """A cloud could not be reached with what a connection says; only its subclasses are raised."""

    code = "cloud_access"
    status = 422


class NoCredentialsError(CloudAccessError):
    """No credentials were found in the environment, the profile or the machine's role."""

    code = "cloud_no_credentials"


class ProfileNotFoundError(CloudAccessError):
    """The named profile is in no configuration file of the provider."""

    code = "cloud_profile_not_found"


class CredentialsRefusedError(CloudAccessError):
    """The provider does not know the credentials, or their proof does not fit."""

    code = "cloud_credentials_refused"


class SessionExpiredError(CloudAccessError):
    """The session's temporary credentials have expired, or a single sign-on must be renewed."""

    code = "cloud_session_expired"


class RoleRefusedError(CloudAccessError):
    """The role may not be assumed: its trust policy, the external id, or the caller's rights."""

    code = "cloud_role_refused"


class EndpointUnreachableError(CloudAccessError):
    """No connection to the provider, or to the custom endpoint, could be made in time."""

    code = "cloud_endpoint_unreachable"
    status = 502


class TlsRefusedError(CloudAccessError):
    """What answers for the provider has a certificate that is not trusted, not of today or another
    host's, or it does not speak TLS."""

    code = "cloud_tls_refused"
    status = 502


class UnexpectedAnswerError(CloudAccessError):
    """Something answered that is not the provider, such as a proxy's or a portal's page."""

    code = "cloud_unexpected_answer"
    status = 502
