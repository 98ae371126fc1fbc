"""What one evaluation may still spend, and the clock that it sees.

The unit is about one step of a loop: a loop costs its length times the weight of its body, `in`,
`==` and `+` cost the length of the lists, text costs a unit for 100 characters. Refuses to look at
the real clock: the audit's is given.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NoReturn

from cloudsealed.engine.errors import BUDGET, MAX_STRING, BudgetExceeded

FREE_TEXT: Final = 100
"""Characters that a unit pays for; fewer are free."""


def spent() -> NoReturn:
    """End the evaluation: the budget is spent."""
    raise BudgetExceeded(f"the expression takes more than its budget of {BUDGET:,} steps")


class Meter:
    """The budget left, in units, and the audit's clock (aware, UTC).

    It is made without a constructor, since one is made for most evaluations.
    """

    left: int = BUDGET
    now: datetime

    @classmethod
    def at(cls, now: datetime) -> Meter:
        """A full budget at this time."""
        meter = cls()
        meter.now = now
        return meter

    def charge(self, units: int) -> None:
        """Take `units` from the budget; raises `BudgetExceeded` when it is spent."""
        self.left -= units
        if self.left < 0:
            spent()

    def charge_text(self, length: int) -> None:
        """Take what reading `length` characters costs."""
        if length >= FREE_TEXT:
            self.charge(length // FREE_TEXT)

    def charge_string(self, length: int) -> None:
        """Take what making a string of `length` costs; too long a one is refused."""
        if length > MAX_STRING:
            raise BudgetExceeded(f"the expression makes a string over {MAX_STRING:,} characters")
        self.charge_text(length)
