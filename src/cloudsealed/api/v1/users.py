"""/v1/users: the users of a tenant, their invitations, and the service accounts among them."""

from __future__ import annotations

import orjson

from cloudsealed import removal
from cloudsealed.api.listing import Listed
from cloudsealed.api.operation import Call, Reply, Table
from cloudsealed.api.v1.schemas import access as shapes
from cloudsealed.auth import bodies
from cloudsealed.auth.errors import EmailTakenError, InvalidScopeError
from cloudsealed.auth.model import Scope
from cloudsealed.auth.user_store import LISTING
from cloudsealed.storage import schema
from cloudsealed.vocabulary import EventType

TABLE = Table(
    "Users",
    "The users of a tenant, people and service accounts: what they may do, who can log in.",
    getter=lambda call: orjson.dumps(call.services.users.get(**call.one).public()),
    rows=schema.users,
)


@TABLE.lists("/v1/users", Listed.of(LISTING), scope=Scope.USERS_READ, answer=shapes.User)
def list_users(call: Call) -> Reply:
    """List users.

    Everyone of the tenant, invited and disabled ones included.
    """
    return call.services.users.list(caller=call.caller, deadline=call.deadline, **call.page)


@TABLE.makes(
    "/v1/users",
    scope=Scope.USERS_WRITE,
    answer=shapes.InvitedUser,
    body=bodies.USER,
    secrets=("invitation_url",),
    errors=(InvalidScopeError, EmailTakenError),
    event=EventType.USER_INVITED,
)
def invite_user(call: Call) -> Reply:
    """Invite a user.

    Nothing is sent: pass `invitation_url` on, by which they choose a password within seven days.
    """
    return call.services.users.invite(caller=call.caller, body=call.body)


@TABLE.lists(
    "/v1/service_accounts",
    Listed.of(LISTING, without=("kind", "email")),
    scope=Scope.USERS_READ,
    answer=shapes.User,
)
def list_service_accounts(call: Call) -> Reply:
    """List service accounts.

    They are the users of kind `service`, which `GET /v1/users` lists beside people.
    """
    accounts = call.services.service_accounts
    return accounts.list(caller=call.caller, deadline=call.deadline, **call.page)


@TABLE.makes(
    "/v1/service_accounts",
    scope=Scope.USERS_WRITE,
    answer=shapes.User,
    body=bodies.SERVICE_ACCOUNT,
    made_at="/v1/users",
    errors=(InvalidScopeError,),
    event=EventType.USER_CREATED,
)
def create_service_account(call: Call) -> Reply:
    """Create a service account: a user that is a program, with a role and without a password.

    It is a user like others at `/v1/users/{id}`: change its role, disable and remove it there. It
    gets in by tokens (`POST /v1/tokens` with its `user_id`) and by OAuth clients
    (`POST /v1/oauth/clients`).
    """
    return call.services.service_accounts.create(caller=call.caller, body=call.body)


@TABLE.gets("/v1/users/{id}", scope=Scope.USERS_READ, answer=shapes.User)
def get_user(call: Call) -> Reply:
    """Retrieve a user.

    Who they are and what they may do at most.
    """
    return orjson.dumps(call.services.users.get(**call.one).public())


@TABLE.changes(
    "/v1/users/{id}",
    scope=Scope.USERS_WRITE,
    answer=shapes.User,
    body=bodies.USER_CHANGE,
    errors=(InvalidScopeError,),
    event=EventType.USER_CHANGED,
)
def update_user(call: Call) -> Reply:
    """Change a user's name, role or status.

    Their tokens and apps are held to the new role at once; a disabled user is logged out, and
    their tokens and apps are let in no more until they are active again. A tenant keeps an admin.
    """
    return call.services.users.change(caller=call.caller, ident=call.ident, body=call.body)


@TABLE.acts(
    "/v1/users/{id}/invite",
    scope=Scope.USERS_WRITE,
    answer=shapes.InvitedUser,
    secrets=("invitation_url",),
    errors=(InvalidScopeError,),
    event=EventType.USER_INVITED,
)
def invite_user_again(call: Call) -> Reply:
    """Give a user a new link, in place of the one before.

    A user who has a password chooses a new one by it, which ends their sessions, tokens and grants.
    """
    return call.services.users.invite_again(caller=call.caller, ident=call.ident)


@TABLE.deletes("/v1/users/{id}", scope=Scope.USERS_WRITE, event=EventType.USER_REMOVED)
def remove_user(call: Call) -> Reply:
    """Remove a user; their sessions, tokens and grants end at once.

    What they made stays, but for the views that they alone saw. The last admin cannot be removed.
    """
    removal.remove_user(call.services, caller=call.caller, ident=call.ident)
    return None
