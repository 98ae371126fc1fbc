"""The shapes of tokens, of the caller, of budgets and of the error catalogue."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cloudsealed.api.v1.schemas.base import (
    Count,
    CredentialId,
    EventId,
    Few,
    Json,
    Shape,
    TenantId,
    Text,
    Time,
    TokenId,
    UserId,
    Word,
)
from cloudsealed.auth.bodies import RANGES
from cloudsealed.auth.model import Scope
from cloudsealed.vocabulary import ActorKind, EventType, Role, UserKind, UserStatus

_TOKEN = "cspat_…"


class Token(Shape):
    """A personal access token, without its text."""

    id: TokenId = Field(description="The token's id, which is no secret.")
    object: Literal["token"] = Field(description="Always `token`.")
    user_id: UserId = Field(description="The user whose it is; it never has more power than they.")
    name: Word = Field(description="What it is for.", examples=["ci"])
    scopes: Few[Scope] = Field(description="What it may do.", examples=[["findings:read"]])
    allowed_cidrs: Few[Word] = Field(description=RANGES, examples=[["192.0.2.0/24"]])
    created_at: Time = Field(description="When it was made.")
    expires_at: Time = Field(
        description="When it ends by itself.", examples=["2026-05-01T09:30:00.000Z"]
    )
    last_used_at: Time | None = Field(
        description="When it was last used; null while it was not.",
        examples=["2026-02-07T09:30:00.000Z"],
    )
    last_used_ip: Word | None = Field(
        description="From which address; null while it was not.", examples=["192.0.2.17"]
    )


class NewToken(Token):
    """A token just made: the only time that its text is shown."""

    token: Word | None = Field(
        description="The secret; null when answered again.", examples=[_TOKEN]
    )


class Tenant(Shape):
    """The organisation that owns everything that a credential reaches."""

    id: TenantId = Field(description="The tenant's id.")
    object: Literal["tenant"] = Field(description="Always `tenant`.")
    name: Word = Field(description="The organisation's name.", examples=["Acme"])
    created_at: Time = Field(description="When it was made.")


class User(Shape):
    """A user of one tenant: a person, or a service account."""

    id: UserId = Field(description="The user's id.")
    object: Literal["user"] = Field(description="Always `user`.")
    kind: UserKind = Field(
        description="`person`, or `service`: a program's account, which nobody logs in as.",
        examples=["person"],
    )
    email: Word = Field(
        description="The address to log in with, unique in the installation; a service account's"
        " reaches nobody.",
        examples=["ann@example.com"],
    )
    name: Word = Field(description="What they are called.", examples=["Ann"])
    role: Role = Field(description="What they may do at most.", examples=["editor"])
    status: UserStatus = Field(
        description="Whether they can log in, or a service account's program get in.",
        examples=["active"],
    )
    created_at: Time = Field(description="When they were invited, or it was made.")
    disabled_at: Time | None = Field(
        description="When they were disabled; null while they are not.",
        examples=["2026-03-01T08:00:00.000Z"],
    )
    invitation_expires_at: Time | None = Field(
        description="When their link ends; null while they have none.",
        examples=["2026-02-07T09:30:00.000Z"],
    )


class InvitedUser(User):
    """A user with the link by which they get a password: the only time that it is shown."""

    invitation_url: Word | None = Field(
        description="Where the user goes; null when answered again.",
        examples=["https://cloudsealed.example.com/invitation?token=csin_…"],
    )


class EventActor(Shape):
    """Who did something, as they were called then."""

    kind: ActorKind = Field(
        description="A user by a token or in the pages; an app or a program, by OAuth, for a user;"
        " the operator at the command line; or somebody who had not said who they are.",
        examples=["user"],
    )
    user_id: UserId | None = Field(description="The user's id; null: there is none.")
    name: Word | None = Field(description="The user's name.", examples=["Ann"])
    email: Word | None = Field(description="The user's address.", examples=["ann@example.com"])
    credential_id: Word | None = Field(
        description="The token, grant, client or session by which it was done.",
        examples=["tok_01J8ZQ4X7M2N5P8R1T4V6W9YAC"],
    )
    credential_name: Word | None = Field(
        description="What the token or client, or the grant's app, is called.", examples=["ci"]
    )
    ip: Word | None = Field(description="Where it came from.", examples=["192.0.2.17"])


class EventSignature(Shape):
    """A signature of the chain up to an event, by Ed25519."""

    key_id: Word = Field(
        description="SHA-256 of the public key, as `/.well-known/cloudsealed-keys` lists it.",
        examples=["60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"],
    )
    public_key: Word = Field(
        description="The public key, 32 bytes in base64.",
        examples=["11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="],
    )
    signature: Word = Field(
        description="64 bytes in base64, over `cloudsealed-events-v1 TENANT SEQUENCE HASH`.",
        examples=[
            "0TzRj2gKnWGnsnO3Nl5tYZJmSHhjGHyyC2YeLTrgZyh1z2AhQdqLMHv0eUWkQx0BM9KG5zyB4v4nXdTm2JQFAw=="
        ],
    )


class Event(Shape):
    """Something that happened; an event never changes."""

    id: EventId = Field(description="The event's id; ids grow with time.")
    object: Literal["event"] = Field(description="Always `event`.")
    type: EventType = Field(
        description="What happened; the part before the dot is the category.",
        examples=["security.token_created"],
    )
    subject: Word = Field(
        description="Id of the object that it is about.",
        examples=["tok_01J8ZQ4X7M2N5P8R1T4V6W9YAC"],
    )
    tenant_id: TenantId = Field(description="The tenant in which it happened.")
    created_at: Time = Field(description="When it happened.")
    actor: EventActor | None = Field(
        description="Who did it; null where background work did, or what did is in `data`."
    )
    request_id: Word | None = Field(
        description="The request that did it; null where none did.",
        examples=["req_01J8ZQ4X7M2N5P8R1T4V6W9YAC"],
    )
    before: Json | None = Field(
        description="The object as it was, as the API showed it; null: it was not there, or the"
        " event changed none.",
        examples=[{"id": "tok_01J8ZQ4X7M2N5P8R1T4V6W9YAC", "name": "ci"}],
    )
    after: Json | None = Field(
        description="The object as it is since, without what is shown only once; null: it is no"
        " more, or the event changed none.",
        examples=[{"id": "tok_01J8ZQ4X7M2N5P8R1T4V6W9YAC", "name": "ci"}],
    )
    sequence: Count | None = Field(
        description="Its number in the tenant's chain, from 1; null for the seconds until it has"
        " one.",
        examples=[1201],
    )
    previous: Word | None = Field(
        description="The `hash` of the event before it; null: it has no place yet, or is first.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )
    hash: Word | None = Field(
        description="SHA-256 of the canonical JSON of its members from `id` to `previous`, as"
        " docs/events.md lists them; null: it has no place yet.",
        examples=["60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"],
    )
    signature: EventSignature | None = Field(
        description="The seal key's signature of the chain up to this event; null: a later one's"
        " covers it."
    )
    data: Json = Field(
        description="Facts, by the type. A security event has `actor`: who did it.",
        examples=[
            {
                "actor": {"user_id": "usr_01J8ZQ4X7M2N5P8R1T4V6W9YAC", "ip": "192.0.2.17"},
                "name": "ci",
            }
        ],
    )


class Me(Shape):
    """Who the credential speaks for, and what it may do."""

    object: Literal["me"] = Field(description="Always `me`.")
    tenant: Tenant = Field(description="The tenant that it reaches, and no other.")
    user: User = Field(description="The user whose it is.")
    role: Role = Field(description="The user's role now.", examples=["editor"])
    scopes: Few[Scope] = Field(
        description="What it may do: its own scopes that the role allows.",
        examples=[["findings:read"]],
    )
    token_id: CredentialId = Field(
        description="Its id: a token's, or of OAuth the grant's or the client's."
    )
    expires_at: Time = Field(description="When it ends.", examples=["2026-05-01T09:30:00.000Z"])


class WindowState(Shape):
    """How one window of a budget stands."""

    limit: Count = Field(description="Requests that the window takes.", examples=[1000])
    window: Count = Field(description="Its length in seconds.", examples=[60])
    remaining: Count = Field(description="Requests left in it.", examples=[987])
    used: Count = Field(description="Requests used in it.", examples=[13])
    reset: Count = Field(description="When it ends, in epoch seconds.", examples=[1_769_851_800])


class BudgetState(WindowState):
    """The window of a budget with the fewest requests left, and all of them."""

    windows: Few[WindowState] = Field(description="Every window.")


class RateLimits(Shape):
    """Every budget of the credential and its tenant."""

    object: Literal["rate_limits"] = Field(description="Always `rate_limits`.")
    resources: dict[str, BudgetState] = Field(description="How each budget stands, by its name.")


class ErrorCode(Shape):
    """One code that an error can carry."""

    object: Literal["error_code"] = Field(description="Always `error_code`.")
    code: Word = Field(description="The code, stable.", examples=["rate_limited"])
    status: Count = Field(description="The status that goes with it.", examples=[429])
    when: Text = Field(
        description="When it is answered.", examples=["A budget of requests is spent."]
    )
    remedy: Text = Field(
        description="What whoever gets it can do.", examples=["Wait for so long, then go on."]
    )
