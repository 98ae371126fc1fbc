"""What a generated function may call, besides the functions and constants of its expression.

Refuses to hold anything that an expression could reach the interpreter of Python by.
"""

from __future__ import annotations

from typing import Final

from cloudsealed.engine import operators
from cloudsealed.engine.meter import Meter, spent
from cloudsealed.engine.values import KINDS, NONE

OPERATOR_NAMES: Final = {
    "==": "_equals",
    "!=": "_differs",
    "<": "_less",
    "<=": "_less_equal",
    ">": "_greater",
    ">=": "_greater_equal",
    "in": "_member",
    "+": "_add",
    "-": "_subtract",
    "*": "_multiply",
    "/": "_divide",
    "%": "_remainder",
}
RUNTIME: Final[dict[str, object]] = {
    **{name: operators.BINARY[symbol] for symbol, name in OPERATOR_NAMES.items()},
    **{f"_{kind}": cls for cls, kind in KINDS.items()},
    "_refuse": operators.refuse,
    "_yes": True,
    "_no": False,
    "_stops": (),
    "_negate": operators.negate,
    "_index": operators.index,
    "_items": operators.items,
    "_len": len,
    "_meter": Meter,
    "_spent": spent,
    "_make_map": operators.make_map,
    "_optional_index": operators.optional_index,
    "_held": operators.held,
    "_some": operators.some,
    "_none": NONE,
    "_same": operators.same,
    "_spread": operators.spread,
    "_spread_map": operators.spread_map,
    "_pairs": operators.pairs,
    "_put": operators.put,
    "_merge": operators.merge,
    "_sort_by": operators.sort_by,
    "_has": operators.has_field,
}
