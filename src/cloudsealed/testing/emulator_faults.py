"""Faults that a test asks the emulator for, and the counts of calls it answered.

Refuses unknown kinds and unknown keys: a rule with a typing error would silently inject nothing.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from cloudsealed.testing.emulator_wire import Call, WireAnswer, error_answer

HTML_PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Proxy</body></html>"
HANG_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class FaultRule:
    """A fault for the calls that match every given name, `*` any service; `times` bounds how often,
    None: always."""

    service: str
    kind: str
    operation: str | None = None
    account: str | None = None
    region: str | None = None
    times: int | None = None

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
        return all(want in (None, "*", have) for want, have in zip(wanted, actual, strict=True))


# Error codes differ by protocol: "Common Errors" in each service's API reference.
_CODED: dict[str, tuple[int, dict[str, str]]] = {
    "access_denied": (403, {"": "AccessDenied"}),
    "denied_by_organization": (403, {"": "AccessDenied", "ec2": "UnauthorizedOperation"}),
    "unrecognized": (
        403,
        {"": "InvalidClientTokenId", "json": "UnrecognizedClientException",
         "rest-json": "UnrecognizedClientException", "ec2": "AuthFailure"},
    ),
    "unsupported": (
        400,
        {"": "InvalidAction", "json": "UnknownOperationException",
         "rest-json": "UnsupportedOperationException", "rest-xml": "NotImplemented"},
    ),
    "throttle": (
        400,
        {"": "Throttling", "json": "ThrottlingException", "rest-json": "ThrottlingException",
         "ec2": "RequestLimitExceeded", "rest-xml": "SlowDown"},
    ),
    "expired_token": (
        403, {"": "ExpiredToken", "json": "ExpiredTokenException", "ec2": "RequestExpired"}
    ),
}  # fmt: skip
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


class FaultBook:
    """The rules in force, thread-safe; the first that matches wins."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[tuple[FaultRule, int | None]] = []

    def replace(self, rules: Sequence[FaultRule]) -> None:
        """Put `rules` in place of those in force."""
        with self._lock:
            self._rules = [(rule, rule.times) for rule in rules]

    def take(self, call: Call, account: str) -> str | None:
        """Return the kind of fault for `call`, and use up one of its times."""
        with self._lock:
            for index, (rule, left) in enumerate(self._rules):
                if left != 0 and rule.matches(call, account):
                    self._rules[index] = (rule, None if left is None else left - 1)
                    return rule.kind
        return None


class CallCounts:
    """How often each account, service, region, operation and status was answered; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str, str, str, int]] = Counter()

    def add(self, call: Call, account: str, status: int) -> None:
        """Count one answered call."""
        with self._lock:
            self._counts[account, call.service, call.region, call.operation, status] += 1

    def reset(self) -> dict[str, Any]:
        """Begin again from 0; returns what `as_dict` does then."""
        with self._lock:
            self._counts.clear()
        return self.as_dict()

    def as_dict(self) -> dict[str, Any]:
        """Return the total and a row a combination, ordered."""
        names = ("account", "service", "region", "operation", "status")
        with self._lock:
            counted = sorted(self._counts.items())
        rows = [{**dict(zip(names, key, strict=True)), "count": count} for key, count in counted]
        return {"total": sum(count for _, count in counted), "rows": rows}
