"""/v1/oauth/apps and /v1/oauth/grants: third parties' programs, and what users let them do."""

from __future__ import annotations

from cloudsealed.api.listing import Listed
from cloudsealed.api.operation import Call, Reply, Table
from cloudsealed.api.v1.schemas import oauth as shapes
from cloudsealed.auth.errors import InsufficientRoleError, InvalidScopeError
from cloudsealed.auth.model import Scope
from cloudsealed.auth.oauth import app_store, bodies, grant_store
from cloudsealed.storage import schema
from cloudsealed.vocabulary import EventType

APPS = Table(
    "OAuth apps",
    "Programs of third parties that users can let act for them, by OAuth 2.0.",
    getter=lambda call: call.services.apps.get(**call.one),
    rows=schema.oauth_apps,
)
GRANTS = Table(
    "OAuth grants",
    "What users let apps do; the end of a grant ends its tokens.",
    getter=lambda call: call.services.grants.get(caller=call.caller, ident=call.ident),
    rows=schema.oauth_grants,
)


@APPS.lists(
    "/v1/oauth/apps", Listed.of(app_store.LISTING), scope=Scope.APPS_READ, answer=shapes.OAuthApp
)
def list_oauth_apps(call: Call) -> Reply:
    """List the tenant's apps.

    Those that the tenant registered, not those of others that its users granted.
    """
    return call.services.apps.list(caller=call.caller, deadline=call.deadline, **call.page)


@APPS.makes(
    "/v1/oauth/apps",
    scope=Scope.APPS_WRITE,
    answer=shapes.NewOAuthApp,
    body=bodies.APP,
    secrets=("client_secret",),
    errors=(InvalidScopeError,),
    event=EventType.APP_CREATED,
)
def create_oauth_app(call: Call) -> Reply:
    """Register an app.

    Its secret is in this answer only; an app that cannot keep one is not `confidential` and uses
    PKCE.
    """
    return call.services.apps.create(caller=call.caller, body=call.body)


@APPS.gets("/v1/oauth/apps/{id}", scope=Scope.APPS_READ, answer=shapes.OAuthApp)
def get_oauth_app(call: Call) -> Reply:
    """Retrieve an app.

    Everything but its secret.
    """
    return call.services.apps.get(**call.one)


@APPS.lists(
    "/v1/oauth/apps/{id}/installations",
    Listed(),
    scope=Scope.APPS_READ,
    answer=shapes.OAuthInstallation,
)
def list_oauth_app_installations(call: Call) -> Reply:
    """List the tenants in which an app is granted.

    Each with how many of its users let the app act for them now, since when, and when it last did.
    Who they are, the app's owner does not see.
    """
    after, limit = call.page["after"], call.page["limit"]
    return call.services.apps.installations(
        **call.one, after=after, limit=limit, deadline=call.deadline
    )


@APPS.changes(
    "/v1/oauth/apps/{id}",
    scope=Scope.APPS_WRITE,
    answer=shapes.OAuthApp,
    body=bodies.APP_CHANGE,
    errors=(InvalidScopeError,),
    event=EventType.APP_CHANGED,
)
def update_oauth_app(call: Call) -> Reply:
    """Change an app; fewer scopes, or a narrower audience, hold for its grants at once.

    What is left out stays. Redirect URIs and scopes are replaced whole.
    """
    return call.services.apps.change(caller=call.caller, ident=call.ident, body=call.body)


@APPS.makes(
    "/v1/oauth/apps/{id}/rotate",
    scope=Scope.APPS_WRITE,
    answer=shapes.NewOAuthApp,
    body=bodies.SECRET_ROTATION,
    body_optional=True,
    secrets=("client_secret",),
    event=EventType.APP_SECRET_ROTATED,
)
def rotate_oauth_app_secret(call: Call) -> Reply:
    """Give an app a new secret; the old one ends after `overlap_seconds`, at once unless given.

    The new secret is in this answer only.
    """
    return call.services.apps.rotate(caller=call.caller, ident=call.ident, body=call.body)


@APPS.deletes("/v1/oauth/apps/{id}", scope=Scope.APPS_WRITE, event=EventType.APP_DELETED)
def delete_oauth_app(call: Call) -> Reply:
    """Delete an app; everything that was granted to it ends.

    Its tokens stop working within a second.
    """
    call.services.apps.delete(caller=call.caller, ident=call.ident)
    return None


@GRANTS.lists(
    "/v1/oauth/grants",
    Listed.of(grant_store.LISTING),
    scope=Scope.TOKENS_READ,
    answer=shapes.OAuthGrant,
)
def list_oauth_grants(call: Call) -> Reply:
    """List grants: a viewer's own, otherwise the tenant's.

    Which apps can read the tenant in whose name, and when they last did.
    """
    return call.services.grants.list(caller=call.caller, deadline=call.deadline, **call.page)


@GRANTS.gets("/v1/oauth/grants/{id}", scope=Scope.TOKENS_READ, answer=shapes.OAuthGrant)
def get_oauth_grant(call: Call) -> Reply:
    """Retrieve a grant.

    What one user let one app do.
    """
    return call.services.grants.get(caller=call.caller, ident=call.ident)


@GRANTS.deletes(
    "/v1/oauth/grants/{id}",
    scope=Scope.TOKENS_WRITE,
    errors=(InsufficientRoleError,),
    event=EventType.GRANT_REVOKED,
)
def revoke_oauth_grant(call: Call) -> Reply:
    """End a grant; its tokens stop working within a second.

    The app has to ask the user again.
    """
    call.services.grants.revoke(caller=call.caller, ident=call.ident)
    return None
