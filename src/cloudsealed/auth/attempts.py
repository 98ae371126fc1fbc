"""Budgets of tries at the password of an account, beside those of an address.

Devices where an account has logged in have a budget each, and so have addresses; everybody else in
the world shares one. So who guesses from many addresses is stopped, and whom they guess at is not
locked out: device cookies as OWASP recommends them. An account that nobody has is counted too: a
refusal does not tell whom there is. It keeps no account and no address in the clear.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
import secrets
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from cloudsealed.auth.passwords import TooManyLoginAttemptsError
from cloudsealed.auth.place_store import PlaceStore
from cloudsealed.kit.addresses import budget_key
from cloudsealed.kit.clock import rfc3339
from cloudsealed.settings import Budget
from cloudsealed.storage.counters import Counters
from cloudsealed.storage.keys import Key

_DEVICE = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{64})")
KNOWN = timedelta(days=30)
"""How long an address is known where an account has logged in."""


class Attempts:
    """Counts tries; `clock` gives epoch seconds. `keys` sign device cookies, the first new ones."""

    def __init__(
        self,
        counters: Counters,
        places: PlaceStore,
        budget: Budget,
        keys: Sequence[Key],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._counters = counters
        self._places = places
        self._budget = budget
        self._keys = keys
        self._clock = clock

    def device(self, account: str) -> str:
        """Return the text of a cookie by which an account knows a new device."""
        number = secrets.token_hex(16)
        return f"{number}.{_signed(self._keys[0], number, account)}"

    def knows(self, account: str, address: str, device: str) -> bool:
        """Say whether an account has logged in from a place or on a device before."""
        return self.is_known_device(device, account) or self._is_known_place(account, address)

    def is_known_device(self, device: str, account: str) -> bool:
        """Say whether a cookie's text was made for an account."""
        found = _DEVICE.fullmatch(device)
        return found is not None and any(
            hmac.compare_digest(_signed(key, found[1], account), found[2]) for key in self._keys
        )

    def whose(self, account: str, address: str, device: str) -> tuple[str, bool]:
        """Return whose budget a try at an account spends, and whether the account knows them."""
        if self.is_known_device(device, account):
            return f"device/{device.partition('.')[0]}", True
        if self._is_known_place(account, address):
            return f"place/{_place(account, address)}", True
        return f"strangers/{_hidden(account)}", False

    def spend(self, whose: str) -> None:
        """Count a try; raises TooManyLoginAttemptsError when it is one too many."""
        spent = [
            (window, self._counters.add(f"{whose}/{window.seconds}", 1, window.seconds))
            for window in self._budget
        ]
        over = [count.reset for window, count in spent if count.used > window.amount]
        if over:
            wait = max(1, math.ceil(max(over) - self._clock()))
            raise TooManyLoginAttemptsError(
                "Too many tries at this account: log in from a device or a place where you have"
                " logged in before, ask an admin for an invitation, or try again later",
                headers={"Retry-After": str(wait)},
            )

    def give_back(self, whose: str) -> None:
        """Take back a try that was none, or that was right."""
        for window in self._budget:
            self._counters.add(f"{whose}/{window.seconds}", -1, window.seconds)

    def remember(self, account: str, address: str) -> None:
        """Know an address from now on as one where an account has logged in."""
        if not self._is_known_place(account, address):
            until = rfc3339(self._now() + KNOWN)
            self._places.remember(_place(account, address), until=until)

    def forget(self) -> None:
        """Forget the addresses where nobody has logged in for long."""
        self._places.purge(now=rfc3339(self._now()))

    def _is_known_place(self, account: str, address: str) -> bool:
        return self._places.is_known(_place(account, address), now=rfc3339(self._now()))

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


def _signed(key: Key, number: str, account: str) -> str:
    return hmac.digest(key.secret, f"device {number} {account}".encode(), "sha256").hex()


def _hidden(account: str) -> str:
    return hashlib.sha256(account.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _place(account: str, address: str) -> str:
    return _hidden(f"{account} {budget_key(address)}")
