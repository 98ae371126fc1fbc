"""The table of every function of the language, and how a call finds its row.

Refuses to hold a function's meaning: those are in `standard`, `documents`, `network` and `iam`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cloudsealed.engine.documents import DOCUMENTS
from cloudsealed.engine.iam import IAM
from cloudsealed.engine.network import NETWORK
from cloudsealed.engine.signature import Function
from cloudsealed.engine.standard import STANDARD

FUNCTIONS: Final[tuple[Function, ...]] = (*STANDARD, *DOCUMENTS, *NETWORK, *IAM)
"""All functions, in the order of the documentation."""


def _table(*styles: str) -> dict[str, tuple[Function, ...]]:
    names = {function.name for function in FUNCTIONS}
    rows = {name: [f for f in FUNCTIONS if f.name == name and f.style in styles] for name in names}
    return {name: tuple(found) for name, found in rows.items() if found}


CALLS: Final = _table("call", "both")
"""What is called as `name(arguments)`."""
METHODS: Final = _table("method", "both")
"""What is called as `target.name(arguments)`."""


def arities(overloads: Sequence[Function], target: bool) -> str:
    """How many arguments a function takes, as it stands in a sentence."""
    counts = sorted({len(each.parameters) - target for each in overloads})
    text = " or ".join(str(count) for count in counts)
    return f"{text} argument{'' if counts == [1] else 's'}"
