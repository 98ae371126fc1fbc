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

from cloudsealed.auth.passwords import TooManyLoginAttemptsError
from cloudsealed.kit.addresses import budget_key
from cloudsealed.settings import Budget
from cloudsealed.storage.counters import Counters
from cloudsealed.storage.keys import Key

_DEVICE = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{64})")
_KNOWN_SECONDS = 30 * 86_400
"""How long an address is known where an account has logged in, in the counters' memory."""


class Attempts:
    """Counts tries; `clock` gives epoch seconds. `keys` sign device cookies, the first new ones."""

    def __init__(
        self, counters: Counters, budget: Budget, keys: Sequence[Key],
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._counters = counters
        self._budget = budget
        self._keys = keys
        self._clock = clock

    def device(self, account: str) -> str:
        """Return the text of a cookie by which an account knows a new device."""
        number = secrets.token_hex(16)
        return f"{number}.{_signed(self._keys[0], number, account)}"

    def knows(self, device: str, account: str) -> bool:
        """Say whether a cookie's text was made for an account."""
        found = _DEVICE.fullmatch(device)
        return found is not None and any(
            hmac.compare_digest(_signed(key, found[1], account), found[2]) for key in self._keys
        )

    def whose(self, account: str, address: str, device: str) -> str:
        """Return whose budget a try at an account spends."""
        if self.knows(device, account):
            return f"device/{device.partition('.')[0]}"
        if self._counters.read(_place(account, address)).used > 0:
            return f"place/{_place(account, address)}"
        return f"strangers/{_hidden(account)}"

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
        if self._counters.read(_place(account, address)).used == 0:
            self._counters.add(_place(account, address), 1, _KNOWN_SECONDS)


def _signed(key: Key, number: str, account: str) -> str:
    return hmac.digest(key.secret, f"device {number} {account}".encode(), "sha256").hex()


def _hidden(account: str) -> str:
    return hashlib.sha256(account.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _place(account: str, address: str) -> str:
    return f"login-place/{_hidden(f'{account} {budget_key(address)}')}"
