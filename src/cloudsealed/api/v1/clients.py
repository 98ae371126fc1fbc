"""/v1/oauth/clients: by what programs get access tokens of service accounts."""

from __future__ import annotations

from cloudsealed.api.listing import Listed
from cloudsealed.api.operation import Call, Reply, Table
from cloudsealed.api.v1.schemas import clients as shapes
from cloudsealed.auth.errors import InvalidScopeError
from cloudsealed.auth.model import Scope
from cloudsealed.auth.oauth import bodies
from cloudsealed.auth.oauth.client_store import LISTING
from cloudsealed.storage import schema
from cloudsealed.vocabulary import EventType

TABLE = Table(
    "OAuth clients",
    "By what programs get access tokens of service accounts: the client credentials grant.",
    getter=lambda call: call.services.clients.get(**call.one),
    rows=schema.oauth_clients,
)


@TABLE.lists(
    "/v1/oauth/clients", Listed.of(LISTING), scope=Scope.APPS_READ, answer=shapes.OAuthClient
)
def list_oauth_clients(call: Call) -> Reply:
    """List the clients of the tenant's service accounts.

    Each by what it may ask for and how it proves itself; secrets are never shown again.
    """
    return call.services.clients.list(caller=call.caller, deadline=call.deadline, **call.page)


@TABLE.makes(
    "/v1/oauth/clients",
    scope=Scope.APPS_WRITE,
    answer=shapes.NewOAuthClient,
    body=bodies.CLIENT,
    secrets=("client_secret",),
    errors=(InvalidScopeError,),
    event=EventType.CLIENT_CREATED,
)
def create_oauth_client(call: Call) -> Reply:
    """Register a client of a service account.

    With `jwks` it proves itself by `private_key_jwt`, signed with RS256, PS256, ES256 or EdDSA;
    without, it gets a secret, which is in this answer only. At `/oauth/token` it gets access tokens
    of an hour by the grant type `client_credentials`.
    """
    return call.services.clients.create(caller=call.caller, body=call.body)


@TABLE.gets("/v1/oauth/clients/{id}", scope=Scope.APPS_READ, answer=shapes.OAuthClient)
def get_oauth_client(call: Call) -> Reply:
    """Retrieve a client.

    Its registration, with its public keys if it has any.
    """
    return call.services.clients.get(**call.one)


@TABLE.changes(
    "/v1/oauth/clients/{id}",
    scope=Scope.APPS_WRITE,
    answer=shapes.OAuthClient,
    body=bodies.CLIENT_CHANGE,
    errors=(InvalidScopeError,),
    event=EventType.CLIENT_CHANGED,
)
def update_oauth_client(call: Call) -> Reply:
    """Change a client's name, scopes or keys.

    Fewer scopes hold for its tokens at once. To replace a key, give both, and later the new one
    alone. It needs every scope that the client has.
    """
    return call.services.clients.change(caller=call.caller, ident=call.ident, body=call.body)


@TABLE.makes(
    "/v1/oauth/clients/{id}/rotate",
    scope=Scope.APPS_WRITE,
    answer=shapes.NewOAuthClient,
    body=bodies.CLIENT_ROTATION,
    body_optional=True,
    secrets=("client_secret",),
    errors=(InvalidScopeError,),
    event=EventType.CLIENT_SECRET_ROTATED,
)
def rotate_oauth_client_secret(call: Call) -> Reply:
    """Give a client a new secret; the old one ends after `overlap_seconds`, at once unless given.

    It needs every scope that the client has. A client with keys has no secret: change its `jwks`.
    """
    return call.services.clients.rotate(caller=call.caller, ident=call.ident, body=call.body)


@TABLE.deletes("/v1/oauth/clients/{id}", scope=Scope.APPS_WRITE, event=EventType.CLIENT_DELETED)
def delete_oauth_client(call: Call) -> Reply:
    """Delete a client.

    Its tokens stop working within a second, on every process.
    """
    call.services.clients.delete(caller=call.caller, ident=call.ident)
    return None
