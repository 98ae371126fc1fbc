"""What is wrong with a value that has a form, and where. It refuses to guess what was meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Any

from cloudsealed.kit.nearest import closest, suggested

Path = tuple[str | int, ...]
"""The names and numbers that lead to a value from the top."""


class Fault(Enum):
    """What is wrong at a path: the value there, its name, that it is absent or that it is there,
    or that it is no expression, being blank or too long."""

    VALUE = auto()
    EXPRESSION = auto()
    NAME = auto()
    MISSING = auto()
    UNKNOWN = auto()


class FormError(ValueError):
    """A value is not of its form; whoever knows where it came from says so in its own words.

    `message` is a sentence without its subject, which is `field`; `suggestion` is the known word
    that looks most like the one that is there, or None. `others` are what else is wrong, and `good`
    the fields of the record that are right.
    """

    others: tuple[FormError, ...] = ()
    good: Mapping[str, Any] = MappingProxyType({})

    def __init__(
        self,
        at: Path,
        message: str,
        fault: Fault = Fault.VALUE,
        word: Any = None,
        known: Iterable[str] = (),
    ) -> None:
        super().__init__(message)
        self.at = at
        self.message = message
        self.fault = fault
        self.suggestion = closest(word, tuple(known)) if isinstance(word, str) else None

    @property
    def every(self) -> tuple[FormError, ...]:
        """It and the others."""
        return (self, *self.others)

    @property
    def field(self) -> str:
        """The path as people write it: `related.account.scope`, `controls[0].control`."""
        return dotted(self.at)


def refuse_all(errors: Iterable[FormError], good: Mapping[str, Any] = MappingProxyType({})) -> None:
    """Raise the first of some errors, which has the others; nothing happens when there is none."""
    every = [each for error in errors for each in error.every]
    if every:
        every[0].others, every[0].good = tuple(every[1:]), good
        raise every[0]


def dotted(path: Path) -> str:
    """Return a path as people write it."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(steps).removeprefix(".")


def path_of(field: str) -> Path:
    """Return the path that `dotted` writes as `field`."""
    steps = re.findall(r"[^.\[\]]+", field)
    return tuple(int(step) if step.isdecimal() else step for step in steps)


def hint(message: str, suggestion: str | None) -> str:
    """Return what a message still lacks of its suggestion; an expression's error says it itself."""
    return "" if "did you mean" in message else suggested(suggestion)
