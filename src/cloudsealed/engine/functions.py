"""The table of every function of the language, and how a call finds its row.

Refuses to hold a function's meaning: the modules that are imported here do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cloudsealed.engine.addresses import ADDRESSES
from cloudsealed.engine.arns import ARNS
from cloudsealed.engine.documents import DOCUMENTS
from cloudsealed.engine.formatting import FORMATTING
from cloudsealed.engine.iam import IAM
from cloudsealed.engine.lists import LISTS
from cloudsealed.engine.marks import MARKS
from cloudsealed.engine.mathematics import MATHEMATICS
from cloudsealed.engine.moments import MOMENTS
from cloudsealed.engine.network import NETWORK
from cloudsealed.engine.optionals import OPTIONALS
from cloudsealed.engine.signature import Function
from cloudsealed.engine.standard import STANDARD
from cloudsealed.engine.strings import STRINGS

FUNCTIONS: Final[tuple[Function, ...]] = (
    *(*STANDARD, *MOMENTS, *STRINGS, *FORMATTING, *LISTS, *MATHEMATICS, *ADDRESSES, *OPTIONALS),
    *(*DOCUMENTS, *ARNS, *MARKS, *NETWORK, *IAM),
)
"""All functions, in the order of the documentation."""


def _table(*styles: str) -> dict[str, tuple[Function, ...]]:
    names = {function.name for function in FUNCTIONS}
    rows = {name: [f for f in FUNCTIONS if f.name == name and f.style in styles] for name in names}
    return {name: tuple(found) for name, found in rows.items() if found}


CALLS: Final = _table("call", "both")
"""What is called as `name(arguments)`."""
METHODS: Final = _table("method", "both")
"""What is called as `target.name(arguments)`."""

NAMESPACES: Final = frozenset(name.rpartition(".")[0] for name in CALLS if "." in name)
"""What stands before the dot in `math.abs(x)`."""


def arities(overloads: Sequence[Function], target: bool) -> str:
    """How many arguments a function takes, as it stands in a sentence."""
    counts = sorted({len(each.parameters) - target for each in overloads})
    text = " or ".join(str(count) for count in counts)
    return f"{text} argument{'' if counts == [1] else 's'}"
