"""Faults that a test asks the emulator for, and the counts of calls it answered.

Refuses unknown kinds and unknown keys: a rule with a typing error would silently inject nothing.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from cloudsealed.testing.emulator_wire import Call, WireAnswer, error_answer

HTML_PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Proxy</body></html>"
HANG_SECONDS = 120.0
ANY = "*"
Lane = tuple[str, str, str]
"""An account, a service and a region: what AWS allows so many calls a second of."""


@dataclass(frozen=True, slots=True)
class FaultRule:
    """A fault for the calls that match every given name; the service `*` is every one.

    `times` bounds how often, None: always. With `above` only the calls meet it that come when so
    many of their account, service and region were let in within a second; with `share` a call
    meets it with that probability, the same calls each time.
    """

    service: str
    kind: str
    operation: str | None = None
    account: str | None = None
    region: str | None = None
    times: int | None = None
    above: int | None = None
    share: float | None = None

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> FaultRule:
        """Return the rule that `value` states; raises ValueError with what is wrong in it."""
        unknown = set(value) - {field.name for field in fields(cls)}
        if unknown or not {"service", "kind"} <= set(value):
            raise ValueError(f"A rule needs service and kind; unknown keys: {sorted(unknown)}")
        if value["kind"] not in KINDS:
            raise ValueError(f"Unknown kind {value['kind']!r}: use one of {', '.join(KINDS)}")
        return cls(**value)

    def matches(self, call: Call, account: str) -> bool:
        """Say whether this rule speaks of `call`."""
        wanted = (self.service, self.operation, self.account, self.region)
        actual = (call.service, call.operation, account, call.region)
        return all(want in (None, ANY, have) for want, have in zip(wanted, actual, strict=True))


# Error codes differ by protocol: "Common Errors" in each service's API reference.
_CODED: dict[str, tuple[int, dict[str, str]]] = {
    "access_denied": (403, {"": "AccessDenied"}),
    "denied_by_organization": (403, {"": "AccessDenied", "ec2": "UnauthorizedOperation"}),
    "unrecognized": (
        403,
        {
            "": "InvalidClientTokenId",
            "json": "UnrecognizedClientException",
            "rest-json": "UnrecognizedClientException",
            "ec2": "AuthFailure",
        },
    ),
    "unsupported": (
        400,
        {
            "": "InvalidAction",
            "json": "UnknownOperationException",
            "rest-json": "UnsupportedOperationException",
            "rest-xml": "NotImplemented",
        },
    ),
    "throttle": (
        400,
        {
            "": "Throttling",
            "json": "ThrottlingException",
            "rest-json": "ThrottlingException",
            "ec2": "RequestLimitExceeded",
            "rest-xml": "SlowDown",
        },
    ),
    "expired_token": (
        403,
        {"": "ExpiredToken", "json": "ExpiredTokenException", "ec2": "RequestExpired"},
    ),
}
_WORDS = {"denied_by_organization": " with an explicit deny in a service control policy"}
_RAW: dict[str, WireAnswer] = {
    "html": WireAnswer(200, "text/html; charset=utf-8", HTML_PAGE),
    "http_500": WireAnswer(500, "text/html; charset=utf-8", HTML_PAGE),
    "malformed": WireAnswer(200, "application/xml", b'{"<cut'),
    "hang": WireAnswer(500, "text/html; charset=utf-8", HTML_PAGE),
}
KINDS = (*_CODED, *_RAW)


def fault_answer(kind: str, call: Call) -> WireAnswer:
    """Return what a call answers under a fault of `kind` (a hang: after it hung)."""
    if kind in _RAW:
        return _RAW[kind]
    status, codes = _CODED[kind]
    code = codes.get(call.protocol, codes[""])
    message = f"{code} injected for {call.service}:{call.operation}{_WORDS.get(kind, '')}"
    return error_answer(call.protocol, status, code, message)


@dataclass(slots=True)
class Window:
    """The calls of a lane within the last second, and the most that there were in any."""

    times: deque[float] = field(default_factory=deque)
    most: int = 0

    def count(self, now: float) -> int:
        """Return how many there are."""
        while self.times and now - self.times[0] >= 1.0:
            self.times.popleft()
        return len(self.times)

    def add(self, now: float) -> None:
        """Note one more."""
        self.times.append(now)
        self.most = max(self.most, self.count(now))


class FaultBook:
    """The rules in force, thread-safe; the first that matches wins."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._rules: list[tuple[FaultRule, int | None]] = []
        self._let_in: dict[Lane, Window] = {}
        self._dice = random.Random(0)  # noqa: S311 - the same calls each time, no secret

    def replace(self, rules: Sequence[FaultRule]) -> None:
        """Put `rules` in place of those in force."""
        with self._lock:
            self._rules = [(rule, rule.times) for rule in rules]
            self._let_in.clear()
            self._dice.seed(0)

    def take(self, call: Call, account: str) -> str | None:
        """Return the kind of fault for `call`, and use up one of its times."""
        with self._lock:
            now, window = self._monotonic(), self._let_in.setdefault(lane(call, account), Window())
            for index, (rule, left) in enumerate(self._rules):
                if left != 0 and rule.matches(call, account) and self._meets(rule, window, now):
                    self._rules[index] = (rule, None if left is None else left - 1)
                    return rule.kind
            window.add(now)
        return None

    def _meets(self, rule: FaultRule, window: Window, now: float) -> bool:
        if rule.above is not None and window.count(now) < rule.above:
            return False
        return rule.share is None or self._dice.random() < rule.share


def lane(call: Call, account: str) -> Lane:
    """Return whose limit of calls a second a call counts to."""
    return account, call.service, call.region


class CallCounts:
    """How often each account, service, region, operation and status was answered, and how many
    calls came in the busiest second of each account, service and region; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str, str, str, int]] = Counter()
        self._came: dict[Lane, Window] = {}

    def came(self, call: Call, account: str) -> None:
        """Note that a call arrived."""
        with self._lock:
            self._came.setdefault(lane(call, account), Window()).add(time.monotonic())

    def add(self, call: Call, account: str, status: int) -> None:
        """Count one answered call."""
        with self._lock:
            self._counts[account, call.service, call.region, call.operation, status] += 1

    def reset(self) -> dict[str, Any]:
        """Begin again from 0; returns what `as_dict` does then."""
        with self._lock:
            self._counts.clear()
            self._came.clear()
        return self.as_dict()

    def as_dict(self) -> dict[str, Any]:
        """Return the total, a row a combination, and the busiest seconds, ordered."""
        names = ("account", "service", "region", "operation", "status")
        with self._lock:
            counted = sorted(self._counts.items())
            came = sorted((key, window.most) for key, window in self._came.items())
        rows = [{**dict(zip(names, key, strict=True)), "count": count} for key, count in counted]
        busiest = [{**dict(zip(names, key, strict=False)), "most": most} for key, most in came]
        return {"total": sum(count for _, count in counted), "rows": rows, "busiest": busiest}
