"""What the shapes share: texts, counts, times, ids, money, labels, the error envelope.

Every type is bounded, so that a client knows what to make room for.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from cloudsealed.kit.fields import NOT_BLANK

T = TypeVar("T")

_ULID = "[0-7][0-9A-HJKMNP-TV-Z]{25}"
_EXAMPLE = "01J8ZQ4X7M2N5P8R1T4V6W9YAC"
_LARGEST_INTEGER = 2**53 - 1  # what every JSON reader keeps exactly


def _id(prefix: str) -> Any:
    return Field(
        pattern=f"^{prefix}_{_ULID}$",
        max_length=len(prefix) + 27,
        examples=[f"{prefix}_{_EXAMPLE}"],
    )


def optional(example: Any) -> Any:
    """Return a field that may be absent but not null; no default is shown."""

    def shown(schema: dict[str, Any]) -> None:
        schema.pop("default", None)

    return Field(default="", json_schema_extra=shown, examples=[example])


def absent(description: str, **more: Any) -> Any:
    """Return a field of a request that may be left out but not null; no default is shown."""

    def shown(schema: dict[str, Any]) -> None:
        schema.pop("default", None)

    return Field(default="", description=description, json_schema_extra=shown, **more)


FindingId = Annotated[str, _id("fnd")]
ResourceId = Annotated[str, _id("res")]
AuditId = Annotated[str, _id("aud")]
PolicyId = Annotated[str, _id("pol")]
ReportId = Annotated[str, _id("rep")]
SimulationId = Annotated[str, _id("sim")]
ScheduleId = Annotated[str, _id("sch")]
ConnectionId = Annotated[str, _id("con")]
TokenId = Annotated[str, _id("tok")]
UserId = Annotated[str, _id("usr")]
EventId = Annotated[str, _id("evt")]
TenantId = Annotated[str, _id("ten")]
OAuthClientId = Annotated[str, _id("clt")]

Text = Annotated[str, Field(max_length=1_048_576, pattern=r"^[\s\S]*$")]
"""Any text; a request's body is no longer than this."""
Word = Annotated[str, Field(max_length=2048, pattern=r"^[\s\S]*$")]
"""A name or an address."""
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=NOT_BLANK)]
"""A text of a request that is not blank."""
Item = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\u0000]+$")]
"""A member of a request's list."""
Line = Annotated[str, Field(min_length=1, max_length=1000, pattern=NOT_BLANK)]
Key = Annotated[str, Field(max_length=100, pattern="^[a-z0-9]+(-[a-z0-9]+)*$")]
"""A policy's own name."""
FrameworkKey = Annotated[
    str, Field(max_length=100, pattern=r"^[a-z0-9.-]+$", examples=["cis-aws-5.0"])
]
Sha256 = Annotated[str, Field(max_length=64, pattern="^[0-9a-f]{64}$", examples=["0" * 64])]
Count = Annotated[
    int, Field(ge=0, le=_LARGEST_INTEGER, json_schema_extra={"format": "int64"}, examples=[3])
]
Percent = Annotated[int, Field(ge=0, le=100, json_schema_extra={"format": "int32"}, examples=[100])]
Share = Annotated[float, Field(ge=0, le=1, examples=[0.98])]
Time = Annotated[
    str,
    Field(
        max_length=40,
        json_schema_extra={"format": "date-time"},
        examples=["2026-01-31T09:30:00.000Z"],
    ),
]
Few = Annotated[list[T], Field(max_length=1000)]
Many = Annotated[list[T], Field(max_length=100_000)]
Json = dict[str, Any]


class Shape(BaseModel):
    """A JSON object: every key is always there, absent is null."""

    model_config = ConfigDict(json_schema_extra={"additionalProperties": False})


class Body(BaseModel):
    """A request's JSON object: an unknown key is refused."""

    model_config = ConfigDict(extra="forbid")


class Money(Shape):
    """An amount of money, as decimal text."""

    amount: str = Field(max_length=40, pattern=r"^-?[0-9]+(\.[0-9]+)?$", examples=["32.85"])
    currency: str = Field(max_length=3, pattern="^[A-Z]{3}$", examples=["USD"])


class Failure(Shape):
    """Why work ended as it did."""

    code: Word = Field(examples=["access_denied"])
    message: Text = Field(examples=["The role cannot be assumed"])


class ErrorDetail(Shape):
    """One fact of an error: the field that it is about, and for an expression the place in it."""

    field: Text = Field(examples=["fail_when"])
    code: Word = Field(examples=["invalid_policy_expression"])
    message: Text = Field(examples=["there is no function exits"])
    line: Count = Field(default=1)
    column: Count = Field(default=1)
    end_column: Count | None = None
    suggestion: Text | None = Field(default=None, examples=["exists"])


class ErrorBody(Shape):
    """What went wrong: `code` for machines, `message` for people."""

    code: str = Field(
        max_length=100, pattern="^[a-z][a-z0-9_]*$", examples=["invalid_severity_filter"]
    )
    message: Text = Field(examples=["severity must be one of: info, low, medium, high, critical"])
    request_id: str = Field(
        max_length=30, pattern=f"^req_{_ULID}$", examples=["req_01HZ8K3V5W6X7Y8Z9A0B1C2D3E"]
    )
    details: list[ErrorDetail] = Field(
        default=[], max_length=1000, description="Left out where there is none"
    )


class Error(Shape):
    """The body of every error."""

    error: ErrorBody


Effort = Literal["low", "medium", "high"]
