"""When Python looks for garbage that holds on to itself; all other garbage goes at once.

By its own rule it looks after every 700 objects that stay, and again and again through everything
that was there before. Modules, tables and the SDK's models stay for as long as the process does: a
fifth of a command's time was spent on finding that they are no garbage. It frees nothing itself.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_OBJECTS = 10_000
"""How many more objects there are than at the last look, before the next."""


@contextmanager
def staying() -> Iterator[None]:
    """What is made in this block stays as long as the process, and is not looked through: for what
    a program imports when it starts, where no other thread runs."""
    gc.disable()
    try:
        yield
    finally:
        gc.set_threshold(_OBJECTS)
        gc.freeze()
        gc.enable()
