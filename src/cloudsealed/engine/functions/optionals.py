"""The functions of optional values, and base64.

Sources: the "optional" and "encoders" extensions of CEL. `or` and `orValue` are forms of the syntax
tree, since they evaluate their other side only where it is needed. Refuses to take null for absent.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.operators import some
from cloudsealed.engine.signature import ANY, Function, kinds
from cloudsealed.engine.values import NONE, Duration, Optional, Timestamp, Value

_OPTIONAL: Final = kinds("optional")


def none() -> Optional:
    """The absent value."""
    return NONE


def of_non_zero(value: Value) -> Optional:
    """The value, or absent if it is null, false, zero or empty."""
    zero = not value.nanos if isinstance(value, Timestamp | Duration) else not value
    return NONE if zero or value == NONE else some(value)


def has_value(optional: Optional) -> bool:
    """Whether there is a value."""
    return bool(optional.items)


def value_of(optional: Optional) -> Value:
    """The value; an error where there is none."""
    if not optional.items:
        raise EvaluationError("this optional value is absent")
    return optional.items[0]


def encode(meter: Meter, raw: bytes) -> str:
    """The text of bytes in base64 (RFC 4648)."""
    meter.charge_string(len(raw) * 2)
    return base64.b64encode(raw).decode()


def decode(meter: Meter, text: str) -> bytes:
    """The bytes of a text in base64 (RFC 4648); the padding may be left out."""
    meter.charge_string(len(text))
    body = text.rstrip("=")
    padded = text if body != text else body + "=" * (-len(body) % 4)
    try:
        return base64.b64decode(padded, validate=True)
    except (binascii.Error, ValueError):
        raise EvaluationError("this text is not base64") from None


OPTIONALS: Final = (
    Function("optional.of", (ANY,), "optional", some, about="An optional value that is there."),
    Function("optional.none", (), "optional", none),
    Function("optional.ofNonZeroValue", (ANY,), "optional", of_non_zero),
    Function("hasValue", (_OPTIONAL,), "bool", has_value, "method", reads=None),
    Function("value", (_OPTIONAL,), "dyn", value_of, "method"),
    Function("base64.encode", (kinds("bytes"),), "string", encode, metered=True),
    Function("base64.decode", (kinds("string"),), "bytes", decode, metered=True),
)
