"""What the shapes share: money, labels, the error envelope."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Time = Annotated[
    str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-01-31T09:30:00.000Z"])
]
Json = dict[str, Any]


class Shape(BaseModel):
    """A JSON object: every key is always there, absent is null."""

    model_config = ConfigDict(json_schema_extra={"additionalProperties": False})


class Body(BaseModel):
    """A request's JSON object: an unknown key is refused."""

    model_config = ConfigDict(extra="forbid")


class OpenShape(BaseModel):
    """A JSON object to which keys may be added."""

    model_config = ConfigDict(extra="allow")


class Money(Shape):
    """An amount of money, as decimal text."""

    amount: str = Field(examples=["32.85"])
    currency: str = Field(examples=["USD"])


class ErrorDetail(OpenShape):
    """One fact of an error: the field or parameter that it is about."""

    field: str
    code: str
    message: str


class ErrorBody(OpenShape):
    """What went wrong: `code` for machines, `message` for people."""

    code: str = Field(examples=["invalid_severity_filter"])
    message: str = Field(examples=["severity must be one of: info, low, medium, high, critical"])
    request_id: str = Field(examples=["req_01HZ8K3V5W6X7Y8Z9A0B1C2D3E"])


class Error(Shape):
    """The body of every error."""

    error: ErrorBody
