"""What the shapes share: texts, counts, times, ids, money, labels, the error envelope.

Every type is bounded, so that a client knows what to make room for.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, WithJsonSchema
from typing_extensions import TypeAliasType

from cloudsealed.audits.bodies import AUDIT_ID
from cloudsealed.auth.bodies import USER_ID
from cloudsealed.connections.bodies import CONNECTION_ID
from cloudsealed.findings.bodies import FINDING_ID
from cloudsealed.kit.shapes import EXAMPLE, ULID, Component, ident
from cloudsealed.reports.bodies import FRAMEWORK_KEY

T = TypeVar("T")

_LARGEST_INTEGER = 2**53 - 1  # what every JSON reader keeps exactly


def _of(component: Component) -> Any:
    """Return the schema of what bodies have too, as they say it."""
    return WithJsonSchema(component.said())


def _id(prefix: str, noun: str) -> Any:
    return _of(ident("", prefix, noun))


def optional(example: Any, description: str) -> Any:
    """Return a field that may be absent but not null; no default is shown."""

    def shown(schema: dict[str, Any]) -> None:
        schema.pop("default", None)

    return Field(default="", json_schema_extra=shown, description=description, examples=[example])


# What has a form of its own is a component of the document by this name.
FindingId = TypeAliasType("FindingId", Annotated[str, _of(FINDING_ID)])
ResourceId = TypeAliasType("ResourceId", Annotated[str, _id("res", "a resource")])
AuditId = TypeAliasType("AuditId", Annotated[str, _of(AUDIT_ID)])
PolicyId = TypeAliasType("PolicyId", Annotated[str, _id("pol", "a policy")])
ReportId = TypeAliasType("ReportId", Annotated[str, _id("rep", "a report")])
SimulationId = TypeAliasType("SimulationId", Annotated[str, _id("sim", "a simulation")])
ScheduleId = TypeAliasType("ScheduleId", Annotated[str, _id("sch", "a schedule")])
ViewId = TypeAliasType("ViewId", Annotated[str, _id("viw", "a view")])
ConnectionId = TypeAliasType("ConnectionId", Annotated[str, _of(CONNECTION_ID)])
TokenId = TypeAliasType("TokenId", Annotated[str, _id("tok", "a personal access token")])
UserId = TypeAliasType("UserId", Annotated[str, _of(USER_ID)])
EventId = TypeAliasType("EventId", Annotated[str, _id("evt", "an event")])
TenantId = TypeAliasType("TenantId", Annotated[str, _id("ten", "a tenant")])
AppId = TypeAliasType("AppId", Annotated[str, _id("app", "an OAuth app")])
GrantId = TypeAliasType("GrantId", Annotated[str, _id("gra", "a grant")])
CredentialId = TypeAliasType(
    "CredentialId",
    Annotated[
        str,
        Field(
            pattern=f"^(tok|gra|cli)_{ULID}$",
            max_length=30,
            description="Id of a credential.",
            examples=[f"tok_{EXAMPLE}"],
        ),
    ],
)
OAuthClientId = TypeAliasType("OAuthClientId", Annotated[str, _id("cli", "an OAuth client")])

Text = TypeAliasType(
    "Text",
    Annotated[
        str,
        Field(
            max_length=1_048_576,
            pattern=r"^[\s\S]*$",
            description="Any text; a request's body is no longer than this.",
            examples=["Bucket invoices is readable by everyone"],
        ),
    ],
)
Word = TypeAliasType(
    "Word",
    Annotated[
        str,
        Field(
            max_length=2048,
            pattern=r"^[\s\S]*$",
            description="A name or an address.",
            examples=["invoices"],
        ),
    ],
)
Key = TypeAliasType(
    "Key",
    Annotated[
        str,
        Field(
            max_length=100,
            pattern="^[a-z0-9]+(-[a-z0-9]+)*$",
            description="A policy's own name, by which it is called wherever an id is taken.",
            examples=["aws-s3-bucket-public-read"],
        ),
    ],
)
FrameworkKey = TypeAliasType("FrameworkKey", Annotated[str, _of(FRAMEWORK_KEY)])
Digest = TypeAliasType(
    "Digest",
    Annotated[
        str,
        Field(
            max_length=64,
            pattern="^[0-9a-f]{64}$",
            description="A SHA-256, in lower-case hexadecimal.",
            examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
        ),
    ],
)
Count = TypeAliasType(
    "Count",
    Annotated[
        int,
        Field(
            ge=0,
            le=_LARGEST_INTEGER,
            json_schema_extra={"format": "int64"},
            description="How many there are.",
            examples=[3],
        ),
    ],
)
Percent = TypeAliasType(
    "Percent",
    Annotated[
        int,
        Field(
            ge=0,
            le=100,
            json_schema_extra={"format": "int32"},
            description="Per cent, rounded down.",
            examples=[87],
        ),
    ],
)
Share = TypeAliasType(
    "Share",
    Annotated[
        float, Field(ge=0, le=1, description="A share, 0 for none to 1 for all.", examples=[0.98])
    ],
)
Time = TypeAliasType(
    "Time",
    Annotated[
        str,
        Field(
            max_length=40,
            json_schema_extra={"format": "date-time"},
            description="A moment in UTC, as RFC 3339 writes it.",
            examples=["2026-01-31T09:30:00.000Z"],
        ),
    ],
)
PLAIN = frozenset(("Text", "Word", "Count", "Percent", "Share", "Time"))
"""Of the named types those that say nothing beyond their kind: fields have them in place."""

Few = Annotated[list[T], Field(max_length=1000)]
Many = Annotated[list[T], Field(max_length=100_000)]
Json = dict[str, Any]


class Shape(BaseModel):
    """A JSON object of an answer: every key is always there, absent is null; it may grow more."""


class Money(Shape):
    """An amount of money, as decimal text."""

    amount: str = Field(
        max_length=40,
        pattern=r"^-?[0-9]+(\.[0-9]+)?$",
        description="The amount as a decimal number, exact: read it as a decimal, not as a float.",
        examples=["32.85"],
    )
    currency: str = Field(
        max_length=3, pattern="^[A-Z]{3}$", description="ISO 4217 code.", examples=["USD"]
    )


class Failure(Shape):
    """Why work ended as it did."""

    code: Word = Field(
        description="What went wrong, for machines; codes are stable.", examples=["access_denied"]
    )
    message: Text = Field(
        description="The same for people.",
        examples=["The role arn:aws:iam::123456789012:role/cloudsealed cannot be assumed"],
    )


class ErrorDetail(Shape):
    """One fact of an error: the field that it is about, and for an expression the place in it."""

    field: Text = Field(description="The field of the body, as a path.", examples=["fail_when"])
    code: Word = Field(
        description="What is wrong with the field, for machines.",
        examples=["invalid_policy_expression"],
    )
    message: Text = Field(
        description="The same for people.", examples=["there is no function exits"]
    )
    line: Count = Field(default=1, description="Of an expression: the line, from 1.", examples=[1])
    column: Count = Field(
        default=1, description="Of an expression: the column, from 1.", examples=[14]
    )
    end_column: Count | None = Field(
        default=None,
        description="Of an expression: the column after the last that is wrong.",
        examples=[19],
    )
    suggestion: Text | None = Field(
        default=None, description="What was probably meant.", examples=["exists"]
    )


class ErrorBody(Shape):
    """What went wrong: `code` for machines, `message` for people."""

    code: str = Field(
        max_length=100,
        pattern="^[a-z][a-z0-9_]*$",
        description="Stable, for machines: one of `GET /v1/errors`.",
        examples=["invalid_severity_filter"],
    )
    message: Text = Field(
        description="For people; its words may change.",
        examples=["severity must be one of: info, low, medium, high, critical"],
    )
    request_id: str = Field(
        max_length=30,
        pattern=f"^req_{ULID}$",
        description="The response's `X-Request-Id`: what to quote when you ask for help.",
        examples=["req_01HZ8K3V5W6X7Y8Z9A0B1C2D3E"],
    )
    details: list[ErrorDetail] = Field(
        default=[], max_length=1000, description="Each fact; left out where there is none."
    )


class ErrorEnvelope(Shape):
    """The body of every error."""

    error: ErrorBody = Field(description="What went wrong.")
