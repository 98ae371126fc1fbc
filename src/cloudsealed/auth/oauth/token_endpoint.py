"""Who asks at the token endpoint and its neighbours, and which grant answers them.

A client is an app, to which users give grants, or a service account's, which nobody grants
anything. Each may do what its kind does; the other kind's grants are `unauthorized_client`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudsealed.auth.oauth import device
from cloudsealed.auth.oauth.client_credentials import ClientCredentials
from cloudsealed.auth.oauth.client_model import Client
from cloudsealed.auth.oauth.device import COMMAND_LINE, DeviceFlow
from cloudsealed.auth.oauth.errors import UnauthorizedClientError, UnsupportedGrantTypeError
from cloudsealed.auth.oauth.model import App
from cloudsealed.auth.oauth.parameters import Parameters, proof
from cloudsealed.auth.oauth.server import AuthorizationServer

CLIENT_CREDENTIALS = "client_credentials"
GRANT_TYPES = ("authorization_code", "refresh_token", CLIENT_CREDENTIALS, device.GRANT_TYPE)

Party = App | Client
Answer = Mapping[str, Any]


class TokenEndpoint:
    """Parameters in, answers or `OAuthError` out; it knows no HTTP."""

    def __init__(
        self, *, server: AuthorizationServer, credentials: ClientCredentials, devices: DeviceFlow
    ) -> None:
        self.issuer = server.issuer
        self._server = server
        self._credentials = credentials
        self._devices = devices

    def authenticate(
        self, given: Parameters, authorization: str | None, ip: str | None = None
    ) -> Party:
        """Return the client that a request proves to come from, by exactly one method.

        Raises InvalidClientError and InvalidOAuthRequestError.
        """
        given.refuse_repeated()
        if given.values.keys() & {"client_assertion", "client_assertion_type"}:
            return self._credentials.by_assertion(given, authorization, ip)
        claimed = proof(given, authorization)
        if claimed.client_id == COMMAND_LINE and claimed.secret is None:
            return self._devices.command_line()
        return self._credentials.by_secret(claimed) or self._server.authenticate(
            given, authorization
        )

    def token(self, party: Party, given: Parameters, ip: str | None = None) -> Answer:
        """Give tokens for what the grant type names; raises OAuthError."""
        kind = given.need("grant_type")
        if kind not in GRANT_TYPES:
            raise UnsupportedGrantTypeError(f"Use one of: {', '.join(GRANT_TYPES)}")
        if isinstance(party, Client) != (kind == CLIENT_CREDENTIALS):
            raise UnauthorizedClientError("A client of this kind may not use this grant type")
        self._server.check_resource(given)
        if isinstance(party, Client):
            return self._credentials.token(party, given)
        if kind == device.GRANT_TYPE:
            return self._devices.poll(party, given, ip)
        return self._server.token(party, given, ip)

    def ask_by_device(self, party: Party, given: Parameters, ip: str) -> Answer:
        """Ask for a user who is elsewhere; raises OAuthError."""
        if isinstance(party, Client):
            raise UnauthorizedClientError("Only an app asks users")
        self._server.check_resource(given)
        return self._devices.begin(party, given, ip)

    def revoke(self, party: Party, given: Parameters, ip: str | None = None) -> None:
        """End a token of the client; raises OAuthError."""
        if isinstance(party, Client):
            self._credentials.revoke(party, given)
        else:
            self._server.revoke(party, given, ip)

    def introspect(self, party: Party, given: Parameters, ip: str | None = None) -> Answer:
        """Say what a token of the client is worth; raises OAuthError."""
        if isinstance(party, Client):
            return self._credentials.introspect(party, given)
        return self._server.introspect(party, given, ip)
