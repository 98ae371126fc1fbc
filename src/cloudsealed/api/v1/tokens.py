"""/v1/tokens: personal access tokens."""

from __future__ import annotations

from cloudsealed.api.listing import Listed
from cloudsealed.api.operation import Call, Reply, Table
from cloudsealed.api.v1.schemas import access as shapes
from cloudsealed.auth import bodies
from cloudsealed.auth.errors import InsufficientRoleError, InvalidScopeError
from cloudsealed.auth.model import Scope
from cloudsealed.auth.token_store import LISTING
from cloudsealed.storage import schema
from cloudsealed.vocabulary import EventType

TABLE = Table(
    "Tokens",
    "Personal access tokens: long-lived, scoped, one user's.",
    getter=lambda call: call.services.tokens.get(caller=call.caller, ident=call.ident),
    rows=schema.tokens,
)


@TABLE.lists("/v1/tokens", Listed.of(LISTING), scope=Scope.TOKENS_READ, answer=shapes.Token)
def list_tokens(call: Call) -> Reply:
    """List tokens: a viewer's own, otherwise the tenant's.

    Their texts are never shown again; `last_used_at` tells which are idle.
    """
    return call.services.tokens.list(caller=call.caller, deadline=call.deadline, **call.page)


@TABLE.makes(
    "/v1/tokens",
    scope=Scope.TOKENS_WRITE,
    answer=shapes.NewToken,
    body=bodies.TOKEN,
    secrets=("token",),
    errors=(InsufficientRoleError, InvalidScopeError),
    event=EventType.TOKEN_CREATED,
)
def create_token(call: Call) -> Reply:
    """Create a token for the caller; its text is shown once.

    Keep the text at once: only its digest is stored. An admin makes one for a service account by
    `user_id`. A token never has more power than the credential that made it, nor than the role of
    whom it acts as.
    """
    return call.services.tokens.create(caller=call.caller, body=call.body)


@TABLE.gets("/v1/tokens/{id}", scope=Scope.TOKENS_READ, answer=shapes.Token)
def get_token(call: Call) -> Reply:
    """Retrieve a token.

    What it may do, when it ends and when it was last used.
    """
    return call.services.tokens.get(caller=call.caller, ident=call.ident)


@TABLE.makes(
    "/v1/tokens/{id}/rotate",
    scope=Scope.TOKENS_WRITE,
    answer=shapes.NewToken,
    body=bodies.TOKEN_ROTATION,
    body_optional=True,
    secrets=("token",),
    errors=(InvalidScopeError, InsufficientRoleError),
    event=EventType.TOKEN_ROTATED,
)
def rotate_token(call: Call) -> Reply:
    """Rotate a token.

    Makes a token like it, with an id and a secret of its own. The old one ends after
    `overlap_seconds`, at once unless given.
    """
    return call.services.tokens.rotate(caller=call.caller, ident=call.ident, body=call.body)


@TABLE.deletes(
    "/v1/tokens/{id}",
    scope=Scope.TOKENS_WRITE,
    errors=(InsufficientRoleError,),
    event=EventType.TOKEN_REVOKED,
)
def revoke_token(call: Call) -> Reply:
    """Revoke a token; it stops working within a second.

    There is no way back: make another one.
    """
    call.services.tokens.revoke(caller=call.caller, ident=call.ident)
    return None
