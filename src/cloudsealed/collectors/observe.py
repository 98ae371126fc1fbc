"""What happened to the calls to clouds, counted for whoever watches this process.

`CALLS` counts every call that a caller made in this process; `rows` is one number a name and
labels, ready for an exporter. It refuses to know who reads it, and no account is a label.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cloudsealed.vocabulary import CallOutcome


@dataclass(frozen=True, slots=True)
class CallEnd:
    """How one call ended. `reason` is the error code of one that was not answered, `throttles` how
    many of its attempts were throttled, `timeouts` how many nothing answered; `seconds` are those
    from its turn to its end."""

    provider: str
    service: str
    region: str
    operation: str
    outcome: CallOutcome
    reason: str | None
    attempts: int
    throttles: int
    timeouts: int
    seconds: float


Observe = Callable[[CallEnd], None]
Labels = tuple[str, ...]


class CallCounts:
    """Sums of calls since the process began; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: Counter[Labels] = Counter()
        self._attempts: dict[str, Counter[Labels]] = {
            "attempts": Counter(), "throttles": Counter(), "timeouts": Counter(),
        }  # fmt: skip
        self._seconds: dict[Labels, float] = {}

    def add(self, end: CallEnd) -> None:
        """Count a call."""
        service = (end.provider, end.service)
        with self._lock:
            self._calls[*service, end.outcome, _own(end.reason)] += 1
            for name, counter in self._attempts.items():
                counter[service] += getattr(end, name)
            self._seconds[service] = self._seconds.get(service, 0.0) + end.seconds

    def rows(self) -> Iterator[tuple[str, Labels, float]]:
        """Yield (`calls`, (provider, service, outcome, reason), number), and (`attempts`,
        `throttles`, `timeouts` or `seconds`, (provider, service), number).

        `reason` is one of our own (too_large, unstorable, circuit_open), or empty.
        """
        with self._lock:
            found = [("calls", labels, float(n)) for labels, n in self._calls.items()]
            for name, counter in self._attempts.items():
                found += [(name, labels, float(n)) for labels, n in counter.items()]
            found += [("seconds", labels, n) for labels, n in self._seconds.items()]
        yield from sorted(found)


def _own(reason: str | None) -> str:
    """Keep the reasons that are few; a provider's codes are many, and stand in the ledger."""
    return reason if reason is not None and reason.islower() else ""


CALLS = CallCounts()
"""The counts of this process."""
