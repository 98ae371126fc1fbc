"""The shapes of tokens, of the caller, of budgets and of the error catalogue."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cloudsealed.api.v1.schemas.base import (
    Body,
    Count,
    EventId,
    Few,
    Item,
    Json,
    Name,
    Shape,
    TenantId,
    Text,
    Time,
    TokenId,
    UserId,
    Word,
    absent,
)
from cloudsealed.auth.model import Scope
from cloudsealed.kit.fields import NOT_BLANK
from cloudsealed.vocabulary import EventType, Role, UserKind, UserStatus

UserName = Annotated[str, Field(min_length=1, max_length=200, pattern=NOT_BLANK)]


class Token(Shape):
    """A personal access token, without its text."""

    id: TokenId
    object: Literal["token"]
    user_id: UserId
    name: Word = Field(examples=["ci"])
    scopes: Few[Scope]
    allowed_cidrs: Few[Word] = Field(examples=[["192.0.2.0/24"]])
    created_at: Time
    expires_at: Time
    last_used_at: Time | None
    last_used_ip: Word | None


class NewToken(Token):
    """A token just made: the only time that its text is shown."""

    token: Word | None = Field(description="The secret; null when answered again")


class TokenBody(Body):
    """A new token, with no more power than the credential that asks for it."""

    user_id: UserId = absent(
        "Service account that the token acts as, which only an admin can name; else the caller"
    )
    name: Name = Field(examples=["ci"])
    scopes: list[Scope] = Field(
        min_length=1,
        max_length=len(Scope),
        json_schema_extra={"uniqueItems": True},
        examples=[["findings:read"]],
    )
    expires_at: Time | None = Field(default=None, examples=[None])
    allowed_cidrs: list[Item] | None = Field(
        default=None, min_length=1, max_length=100, examples=[["192.0.2.0/24"]]
    )


class TokenRotation(Body):
    """How long the old token still works beside the new one."""

    overlap_seconds: int = Field(
        default=0, ge=0, le=86400, json_schema_extra={"format": "int32"}, examples=[3600]
    )


class LeakReport(Body):
    """A token that was found where it should not be."""

    token: Word


class Tenant(Shape):
    """The organisation that owns everything that a credential reaches."""

    id: TenantId
    object: Literal["tenant"]
    name: Word = Field(examples=["Acme"])
    created_at: Time


class User(Shape):
    """A user of one tenant: a person, or a service account."""

    id: UserId
    object: Literal["user"]
    kind: UserKind = Field(
        description="`person`, or `service`: a program's account, which nobody logs in as",
        examples=["person"],
    )
    email: Word = Field(
        description="Address by which a person logs in; a service account's reaches nobody",
        examples=["ann@example.com"],
    )
    name: Word = Field(examples=["Ann"])
    role: Role
    status: UserStatus
    created_at: Time
    disabled_at: Time | None
    invitation_expires_at: Time | None


class InvitedUser(User):
    """A user with the link by which they get a password: the only time that it is shown."""

    invitation_url: Word | None = Field(
        description="Where the user goes; null when answered again",
        examples=["https://cloudsealed.example.com/invitation?token=csin_…"],
    )


class UserBody(Body):
    """A new user, with no more power than the credential that asks for them."""

    email: str = Field(
        min_length=3,
        max_length=254,
        pattern=r"^\s*[^@\s\u0000-\u001f]{1,64}@[^@\s\u0000-\u001f]{1,189}\s*$",
        examples=["ann@example.com"],
    )
    role: Role
    name: UserName | None = Field(default=None, examples=["Ann"])


class ServiceAccountBody(Body):
    """A new service account, with no more power than the credential that asks for it."""

    name: UserName = Field(description="What it is for", examples=["nightly export"])
    role: Role = Field(description="What it may do at most", examples=["viewer"])


class UserChange(Body):
    """What can change of a user."""

    name: UserName | None = Field(default=None, examples=["Ann"])
    role: Role | None = None
    status: Literal["active", "disabled"] | None = None


class Event(Shape):
    """Something that happened; an event never changes."""

    id: EventId
    object: Literal["event"]
    type: EventType
    subject: Word = Field(
        description="Id of the object that it is about", examples=["usr_01J8ZQ4X7M2N5P8R1T4V6W9YAC"]
    )
    created_at: Time
    data: Json = Field(description="Facts, by the type. A security event has `actor`: who did it")


class Me(Shape):
    """Who the credential speaks for, and what it may do."""

    object: Literal["me"]
    tenant: Tenant
    user: User
    role: Role
    scopes: Few[Scope]
    token_id: TokenId
    expires_at: Time


class WindowState(Shape):
    """How one window of a budget stands; `window` is in seconds, `reset` in epoch seconds."""

    limit: Count
    window: Count
    remaining: Count
    used: Count
    reset: Count


class BudgetState(WindowState):
    """The window of a budget with the fewest requests left, and all of them."""

    windows: Few[WindowState]


class RateLimits(Shape):
    """Every budget of the credential and its tenant."""

    object: Literal["rate_limits"]
    resources: dict[str, BudgetState]


class ErrorCode(Shape):
    """One code that an error can carry."""

    object: Literal["error_code"]
    code: Word
    status: Count
    when: Text
