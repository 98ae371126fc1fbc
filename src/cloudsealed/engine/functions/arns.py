"""Our functions on ARNs: `arn(text)` takes one apart, whatever partition it is of.

Source: the AWS IAM user guide, "Amazon Resource Names": `arn:partition:service:region:account:
resource`, of which the last may hold colons itself. Refuses to know which partitions there are.
"""

from __future__ import annotations

from typing import Final

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.signature import Function, kinds
from cloudsealed.engine.values import Value

_PARTS: Final = ("partition", "service", "region", "account", "resource")


def arn(meter: Meter, text: str) -> dict[Value, Value]:
    """`arn(resource.Arn).account`: a map of partition, service, region, account and resource.

    Compare its parts instead of the whole: the partition is `aws` only in the commercial regions. A
    part that the ARN leaves out is "", also at its end, as in `arn:aws:s3`. Text that does not
    begin with arn, a partition and a service is an error.
    """
    meter.charge_text(len(text))
    if not is_arn(text):
        raise EvaluationError(f"arn() takes an ARN, and {text[:64]!r} is none")
    found = text.split(":", 5)[1:]
    return dict(zip(_PARTS, (*found, *[""] * (5 - len(found))), strict=True))


def is_arn(text: str) -> bool:
    """`is_arn(text)`: whether `arn` can take the text apart."""
    begin, *rest = text.split(":", 3)
    return begin == "arn" and len(rest) > 1 and all(rest[:2])


ARNS: Final = (
    Function("arn", (kinds("string"),), "map", arn, metered=True),
    Function("is_arn", (kinds("string"),), "bool", is_arn),
)
