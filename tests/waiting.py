"""How long tests wait: for a condition, and never so short that a busy machine is a fault."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

SECONDS = 240.0
"""What takes longer does not happen; what happens is not measured by it."""


def until(condition: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
    """Wait until a condition gives something; return that."""
    ends = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < ends, f"it did not happen in {seconds:g} s: {what}"
        time.sleep(0.02)
    return found
