"""The shapes of tokens, of the caller, of budgets and of the error catalogue."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cloudsealed.api.v1.schemas.base import Body, Json, Shape, Time
from cloudsealed.auth.model import Scope
from cloudsealed.vocabulary import Role


class Token(Shape):
    """A personal access token, without its text."""

    id: str = Field(examples=["tok_01J8ZQ4X7M2N5P8R1T4V6W9YAC"])
    object: Literal["token"]
    user_id: str
    name: str = Field(examples=["ci"])
    scopes: list[Scope]
    allowed_cidrs: list[str] = Field(examples=[["192.0.2.0/24"]])
    created_at: Time
    expires_at: Time
    last_used_at: Time | None
    last_used_ip: str | None


class NewToken(Token):
    """A token just made: the only time that its text is shown."""

    token: str | None = Field(description="The secret; null when answered again")


class TokenBody(Body):
    """A new token, with no more power than the credential that asks for it."""

    name: str = Field(examples=["ci"])
    scopes: list[Scope] = Field(examples=[["findings:read"]])
    expires_at: Time | None = None
    allowed_cidrs: list[str] | None = None


class TokenRotation(Body):
    """How long the old token still works beside the new one."""

    overlap_seconds: int = Field(default=0, ge=0, le=86400)


class LeakReport(Body):
    """A token that was found where it should not be."""

    token: str


class Me(Shape):
    """Who the credential speaks for, and what it may do."""

    object: Literal["me"]
    tenant: Json
    user: Json
    role: Role
    scopes: list[Scope]
    token_id: str
    expires_at: Time


class RateLimits(Shape):
    """Every budget of the credential and its tenant."""

    object: Literal["rate_limits"]
    resources: dict[str, Json]


class ErrorCode(Shape):
    """One code that an error can carry."""

    object: Literal["error_code"]
    code: str
    status: int
    when: str
