"""What the engine knows of a function: its kinds, how it runs, and what it reads.

Refuses to run anything: a `Function` is a row of a table. The kinds are checked by the engine
before `run` is called, so that no function has to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from cloudsealed.engine.values import Kind, Value, spoken

Kinds: TypeAlias = frozenset[Kind]
"""The kinds that a parameter takes; the empty set is any."""

Steps: TypeAlias = tuple[str | int, ...]
"""A way into a document: names of fields and numbers of items."""

ANY: Kinds = frozenset()


def kinds(*names: Kind) -> Kinds:
    """The kinds of one parameter."""
    return frozenset(names)


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language.

    `run` gets one value for each parameter; with `metered` the meter comes first, with
    `clocked` the audit's clock. `literal` names
    the arguments, by number, that must be literal strings and are prepared once; the preparer
    raises `ValueError`. `reads` gives the fields that a call reads below its first argument, for
    the arguments as they are known when compiled; without it a call reads all of them, but of a
    first argument with `fields` no more than those. `witness`
    gives, for the meter and the values of a call, the way from the first argument to what decided,
    and `parts` that to each item of the list that a call gives.
    `about` is the documentation of a `run` that is not ours. `variadic` repeats the last parameter.
    `inline` is the Python of a call that needs no meter once the length of the text at `charged` is
    paid for; `{0}` is the first value. `partial` gives, for a literal first argument, what takes
    the rest. A first value of the kind `unchanged` is the value of the call.
    """

    name: str
    parameters: tuple[Kinds, ...]
    result: Kind
    run: Callable[..., Value]
    style: Literal["call", "method", "both"] = "call"
    metered: bool = False
    clocked: bool = False
    literal: Mapping[int, Callable[[str], Any]] = field(default_factory=dict)
    reads: Callable[[tuple[Value, ...]], tuple[str, ...]] | None = None
    fields: tuple[str, ...] = ()
    witness: Callable[..., Steps | None] | None = None
    parts: Callable[..., list[Steps]] | None = None
    about: str = ""
    variadic: bool = False
    inline: str = ""
    charged: int | None = None
    partial: Callable[[Value], Callable[..., Value]] | None = None
    unchanged: Kind | None = None

    def parameters_of(self, count: int) -> tuple[Kinds, ...] | None:
        """The kinds of each of `count` arguments, or None where it does not take so many."""
        own = self.parameters
        if self.variadic and count >= len(own):
            return own + own[-1:] * (count - len(own))
        return own if len(own) == count else None

    @property
    def doc(self) -> str:
        """What the function does, for the documentation."""
        return self.about or (self.run.__doc__ or "").strip()

    def refusal(self, number: int, kind: Kind) -> str:
        """What is wrong with a value of this kind as the argument at `number` (from 0)."""
        kinds = self.parameters[min(number, len(self.parameters) - 1)]
        wanted = " or ".join(sorted(spoken(each) for each in kinds))
        return f"{self.name}() takes {wanted}, not {spoken(kind)}"

    def __hash__(self) -> int:
        return hash((self.name, self.parameters))
