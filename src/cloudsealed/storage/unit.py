"""Units of work: what a thread writes from a unit's first write to its end is one transaction.

It refuses to know which database that is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Generic, Protocol, TypeVar


class Block(Protocol):
    """A connection as a block has it; `writes` says that it is a transaction's."""

    writes: bool


C = TypeVar("C", bound=Block)
Begins = Callable[[C], None]
Act = Callable[[], object]


class Unit(Generic[C]):
    """One unit: the transaction that its first write opens, and what follows its commit."""

    def __init__(
        self, opens: Callable[[], AbstractContextManager[C]], begins: Begins[C] | None
    ) -> None:
        self.stack = ExitStack()
        self.acts: list[Act] = []
        self._opens = opens
        self._begins = begins
        self._connection: C | None = None

    def connection(self) -> C:
        """Return the unit's connection; the first time its transaction opens and `begins`."""
        if self._connection is None:
            self._connection = self.stack.enter_context(self._opens())
            if self._begins is not None:
                self._begins(self._connection)
        return self._connection


class InHand(threading.local, Generic[C]):
    """The connections of a thread's blocks, one block in another, the innermost last; its unit, and
    the deadline of its reads.

    A block may end on another thread than it began, as a generator does: hold on to `blocks`.
    """

    def __init__(self) -> None:
        self.blocks: list[C] = []
        self.unit: Unit[C] | None = None
        self.deadline: float | None = None


class Transactions(Generic[C]):
    """How a database's blocks and units meet: `_transaction` opens a transaction of its own, and
    `_step` a part of one that is undone alone when it raises."""

    def __init__(self) -> None:
        self._in_hand: InHand[C] = InHand()

    def _transaction(self) -> AbstractContextManager[C]:
        raise NotImplementedError

    def _step(self, connection: C) -> AbstractContextManager[None]:
        raise NotImplementedError

    @contextmanager
    def hurried(self, deadline: float | None) -> Iterator[None]:
        """Give every read of this thread within the block a deadline, in seconds."""
        outer, self._in_hand.deadline = self._in_hand.deadline, deadline
        try:
            yield
        finally:
            self._in_hand.deadline = outer

    @contextmanager
    def write(self) -> Iterator[C]:
        """Open a write transaction, or within a unit a part of the unit's."""
        unit = self._in_hand.unit
        if unit is None:
            _refuse_second(self._in_hand.blocks)
            with self._transaction() as connection:
                yield connection
            return
        connection = unit.connection()
        with self._step(connection):
            yield connection

    @contextmanager
    def unit(self, begins: Begins[C] | None = None) -> Iterator[None]:
        """Make all that this thread writes within the block one transaction.

        The first write opens it, which is when it locks others out, and calls `begins` in it. An
        exception undoes everything.
        """
        hand = self._in_hand
        if hand.unit is not None or any(block.writes for block in hand.blocks):
            raise RuntimeError("A unit within a unit, or within a write")
        unit = hand.unit = Unit(self._opened, begins)
        outer, hand.blocks = hand.blocks, []  # a read that goes on elsewhere, as a download does
        try:
            with unit.stack:
                yield
        finally:
            hand.unit, hand.blocks = None, outer
        for act in unit.acts:
            act()

    def after(self, act: Act) -> None:
        """Do something once this thread's unit is committed, and never if it is undone; at once
        where there is no unit."""
        if self._in_hand.unit is None:
            act()
        else:
            self._in_hand.unit.acts.append(act)

    def _opened(self) -> AbstractContextManager[C]:
        if self._in_hand.blocks:
            raise RuntimeError("A unit's first write within a read, which would end before it")
        return self._transaction()


def _refuse_second(blocks: Sequence[Block]) -> None:
    if any(block.writes for block in blocks):
        raise RuntimeError("A write within a write: neither could be undone alone")
