"""The statements of a function that is being written: names, blocks, what it pays, what it knows.

Refuses to look at an expression: `generator` does, and says here what to write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from cloudsealed.engine.errors import BUDGET, ExpressionError
from cloudsealed.engine.language.syntax import Node
from cloudsealed.engine.meter import FREE_TEXT
from cloudsealed.engine.values import Kind


class Code(NamedTuple):
    """Python text of an expression, and the kind that its value is known to have."""

    text: str
    kind: Kind


class Statements:
    """Collects statements, in the order in which they run.

    A function in which only loops and the length of texts cost anything counts in a variable of its
    own (`alone`), which is cheaper than a meter. It is written so first, and again when something
    needed the meter. `known` has texts of Python and what they are sure to be worth from here on:
    `v0['A']` is `t1`, which holds it, `t1.__class__` is `_map`, for it has been asked for a field.
    """

    def __init__(self, source: str, variables: Sequence[str], *, alone: bool) -> None:
        self.source = source
        self.alone = alone
        self.metered = self.counted = False
        self.scope = {name: f"v{number}" for number, name in enumerate(variables)}
        self.lines: list[str] = []
        self.names: dict[str, object] = {}
        self.known: Mapping[str, str] = {}
        self.count = 0

    def opening(self) -> list[str]:
        """The statements that set up what the function may spend."""
        if self.metered:
            return ["meter = _meter()"]
        return ["used = 0"] if self.counted else []

    def meter(self) -> str:
        """The meter, for a call that charges it."""
        self.metered = True
        return "meter"

    def charge(self, held: str, weight: int) -> list[str]:
        """The statements that pay for a loop over the list `held`."""
        cost = f"_len({held}) * {weight}" if weight > 1 else f"_len({held})"
        if self.alone:
            self.counted = True
            return [f"if (used := used + {cost} + 1) > {BUDGET}: _spent()"]
        return [f"{self.meter()}.left -= {cost} + 1", "if meter.left < 0: _spent()"]

    def read(self, first: str, held: str) -> str:
        """A test that is true, and pays for reading a text; the two are from `hold`."""
        self.counted = True
        paid = f"(used := used + _len({held}) // {FREE_TEXT}) <= {BUDGET}"
        return f"(_len({first}) < {FREE_TEXT} or {paid} or _spent())"

    def fresh(self, letter: str) -> str:
        """A name that is not used yet."""
        self.count += 1
        return f"{letter}{self.count}"

    def hold(self, text: str) -> tuple[str, str]:
        """Text that keeps its value the first time it is used, and the text for later uses."""
        text = self.known.get(text, text)
        if text.isidentifier():
            return text, text
        name = self.fresh("t")
        self.know(text, name)
        return f"({name} := {text})", name

    def named(self, value: object) -> str:
        """A name for a value that has no literal."""
        name = self.fresh("k")
        self.names[name] = value
        return name

    def know(self, text: str, worth: str) -> None:
        """From here on `text` is worth what `worth` is."""
        self.known = {**self.known, text: worth}

    @contextmanager
    def perhaps(self) -> Iterator[None]:
        """What is learnt within may not be so after it: this may not run, or not first."""
        known = self.known
        yield
        self.known = known

    def error(self, node: Node, message: str) -> ExpressionError:
        """The refusal of a node."""
        return ExpressionError(message, self.source, node.start, node.end)

    @contextmanager
    def block(self) -> Iterator[list[str]]:
        """Collect the statements of a branch or a loop apart, indented."""
        outer, self.lines = self.lines, []
        inner = self.lines
        try:
            yield inner
        finally:
            self.lines = outer
        inner[:] = [f"    {line}" for line in inner]
