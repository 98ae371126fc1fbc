"""The routes of the authorization server that programs call: token, revoke, introspect, metadata.

Each answers in the words of its RFC; the pages of login and consent are not here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloudsealed.api import body
from cloudsealed.api.faces import METADATA_PATH, flat
from cloudsealed.api.gate.exchange import Exchange, exchange_of
from cloudsealed.api.gate.limits import Limits
from cloudsealed.auth.errors import TwoCredentialsError
from cloudsealed.auth.model import Scope
from cloudsealed.auth.oauth.errors import InvalidOAuthRequestError, OAuthError
from cloudsealed.auth.oauth.jws import ALGORITHMS
from cloudsealed.auth.oauth.parameters import Parameters, read
from cloudsealed.auth.oauth.token_endpoint import GRANT_TYPES, Party
from cloudsealed.kit.addresses import budget_key
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.kit.threads import write_in_threadpool
from cloudsealed.wiring import Services

TOKEN, REVOKE, INTROSPECT = "/oauth/token", "/oauth/revoke", "/oauth/introspect"
DEVICE = "/oauth/device_authorization"

_FORM = "application/x-www-form-urlencoded"
_PROVEN = ("client_secret_basic", "client_secret_post", "private_key_jwt")
_METHODS = (*_PROVEN, "none")
_SIGNED = [name for names in ALGORITHMS.values() for name in names]
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
Serve = Callable[[Request], Awaitable[Response]]
Act = Callable[[Party, Parameters, str], Mapping[str, Any] | None]


class OAuthRoutes:
    """The routes, over the services of an installation."""

    def __init__(self, services: Services, limits: Limits, prefix: str = "") -> None:
        self._oauth = services.token_endpoint()
        self._limits = limits
        self._prefix = prefix

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route(TOKEN, self._token, methods=["POST"]),
            Route(DEVICE, self._device, methods=["POST"]),
            Route(REVOKE, self._revoke, methods=["POST"]),
            Route(INTROSPECT, self._introspect, methods=["POST"]),
            *self._metadata_routes(
                "/.well-known/oauth-authorization-server", self._server_metadata
            ),
            *self._metadata_routes(METADATA_PATH, self._resource_metadata),
            *self._metadata_routes(METADATA_PATH, self._api_metadata, below="/v1"),
        ]

    def _metadata_routes(self, path: str, serve: Serve, below: str = "") -> list[Route]:
        """Return the routes of a document: an issuer's path follows the well-known one (RFC 8414,
        section 3; RFC 9728, section 3), and a client that puts it before finds it too."""
        places = dict.fromkeys((path, path + self._prefix))
        return [Route(each + below, serve) for each in places]

    async def _token(self, request: Request) -> Response:
        return await self._answer(request, self._oauth.token, "oauth")

    async def _device(self, request: Request) -> Response:
        return await self._answer(request, self._oauth.ask_by_device, "oauth")

    async def _revoke(self, request: Request) -> Response:
        return await self._answer(request, self._oauth.revoke, "core")

    async def _introspect(self, request: Request) -> Response:
        return await self._answer(request, self._oauth.introspect, "core")

    async def _answer(self, request: Request, act: Act, budget: str) -> Response:
        exchange = exchange_of(request.scope)
        exchange.route = request.url.path
        try:
            given, app = await self._client(request, exchange)
            await self._spend(exchange, budget, _budget_of(app, exchange))
            answer = await write_in_threadpool(act, app, given, exchange.address)
        except OAuthError as error:
            return _refused(error, exchange)
        content = b"" if answer is None else orjson.dumps(answer)
        return Response(content, 200, _NO_STORE, body.JSON_TYPE if content else None)

    async def _client(self, request: Request, exchange: Exchange) -> tuple[Parameters, Party]:
        """Return the parameters and who sends them; a failure spends the address's budget."""
        try:
            given = await _read(request)
            authorization = request.headers.get("authorization")
            who = given, authorization, exchange.address
            return given, await write_in_threadpool(self._oauth.authenticate, *who)
        except (OAuthError, CloudSealedError):
            await self._spend(exchange, "anonymous", budget_key(exchange.address))
            raise

    async def _spend(self, exchange: Exchange, budget: str, key: str) -> None:
        exchange.rate = await self._limits.asked(self._limits.spend, budget, key)
        if exchange.rate.exceeded:
            raise exchange.rate.refusal(self._limits.clock())

    async def _server_metadata(self, request: Request) -> Response:
        """Describe the authorization server (RFC 8414; RFC 8628, section 4; RFC 9207, 3)."""
        issuer = self._oauth.issuer
        return _metadata(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}/oauth/authorize",
                "token_endpoint": issuer + TOKEN,
                "device_authorization_endpoint": issuer + DEVICE,
                "revocation_endpoint": issuer + REVOKE,
                "introspection_endpoint": issuer + INTROSPECT,
                "scopes_supported": list(Scope),
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": GRANT_TYPES,
                "token_endpoint_auth_methods_supported": _METHODS,
                "token_endpoint_auth_signing_alg_values_supported": _SIGNED,
                "revocation_endpoint_auth_methods_supported": _METHODS,
                "revocation_endpoint_auth_signing_alg_values_supported": _SIGNED,
                "introspection_endpoint_auth_methods_supported": _PROVEN,
                "introspection_endpoint_auth_signing_alg_values_supported": _SIGNED,
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
                "protected_resources": [issuer],
            }
        )

    async def _resource_metadata(self, request: Request) -> Response:
        """Describe the API as a protected resource (RFC 9728)."""
        return self._resource("")

    async def _api_metadata(self, request: Request) -> Response:
        """Do so for a client that was given the address of `/v1`: it looks for that resource's own
        document (RFC 9728, section 3.1)."""
        return self._resource("/v1")

    def _resource(self, below: str) -> Response:
        issuer = self._oauth.issuer
        resource = issuer + below
        return _metadata(
            {
                "resource": resource,
                "resource_name": "CloudSealed",
                "authorization_servers": [issuer],
                "scopes_supported": list(Scope),
                "bearer_methods_supported": ["header"],
                "resource_documentation": f"{issuer}/docs",
            }
        )


async def _read(request: Request) -> Parameters:
    if request.scope["query_string"]:
        raise InvalidOAuthRequestError("Parameters belong in the body, never in the query")
    if len(request.headers.getlist("authorization")) > 1:
        raise TwoCredentialsError("The request carries more than one Authorization header")
    return read(await body.read(request, (_FORM,)))


def _budget_of(app: Party, exchange: Exchange) -> str:
    """Return whose budget a client spends; anyone can name a public one, so with its address."""
    if app.is_confidential:
        return app.client_id
    return f"{app.client_id}@{budget_key(exchange.address)}"


def _refused(error: OAuthError, exchange: Exchange) -> Response:
    content = flat(error.code, error.description, exchange.request_id)
    headers = dict(_NO_STORE)
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="cloudsealed"'
    return Response(content, error.status, headers, body.JSON_TYPE)


def _metadata(document: Mapping[str, Any]) -> Response:
    headers = {"Cache-Control": "public, max-age=300"}
    return Response(orjson.dumps(document), 200, headers, body.JSON_TYPE)
