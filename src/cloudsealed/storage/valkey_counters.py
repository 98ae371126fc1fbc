"""Counters of fixed windows in a Valkey that processes share.

Without the Valkey, counting goes on in memory: a limit that holds a process is better than no
answer.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from valkey import Valkey
from valkey.exceptions import ValkeyError

from cloudsealed.storage.counters import Count, MemoryCounters

TIMEOUT_SECONDS = 2.0
"""On a busy machine a Valkey answers late and is alive; one that is gone costs this a pause."""
RETRY_SECONDS = 5.0
_ADD = """
local count = tonumber(redis.call('GET', KEYS[1]) or '0') + tonumber(ARGV[1])
if count <= 0 then
  redis.call('DEL', KEYS[1])
  return {0, 0}
end
if redis.call('INCRBY', KEYS[1], ARGV[1]) == tonumber(ARGV[1]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return {count, redis.call('PEXPIRETIME', KEYS[1])}
"""
_READ = "return {tonumber(redis.call('GET', KEYS[1]) or '0'), redis.call('PEXPIRETIME', KEYS[1])}"

_log = logging.getLogger("cloudsealed.storage")


class ValkeyCounters:
    """Counters that every process with this Valkey shares; one round trip a call.

    `ticks` is a monotonic clock.
    """

    is_shared = True

    def __init__(self, url: str, *, ticks: Callable[[], float] = time.monotonic) -> None:
        self._client = Valkey.from_url(
            url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
        )
        self._add = self._client.register_script(_ADD)
        self._read = self._client.register_script(_READ)
        self._alone = MemoryCounters()
        self._ticks = ticks
        self._back_at = 0.0

    def add(self, key: str, amount: int, seconds: int) -> Count:
        """Add to a key's window."""
        shared = self._ask(lambda: self._add([_named(key)], [amount, seconds * 1000]))
        return shared if shared is not None else self._alone.add(key, amount, seconds)

    def read(self, key: str) -> Count:
        """Return how a key stands."""
        shared = self._ask(lambda: self._read([_named(key)]))
        return shared if shared is not None else self._alone.read(key)

    def fault(self) -> str | None:
        """Return what keeps processes from sharing their counts, asking the Valkey anew."""
        try:
            self._client.ping()
        except (ValkeyError, OSError) as error:
            return f"Valkey does not answer: {type(error).__name__}"
        return None

    def _ask(self, call: Callable[[], list[int]]) -> Count | None:
        if self._ticks() < self._back_at:
            return None
        try:
            used, reset = call()
        except (ValkeyError, OSError) as error:
            self._back_at = self._ticks() + RETRY_SECONDS
            _log.warning(
                "Valkey does not answer (%s): limits count in this process alone for %g seconds",
                type(error).__name__,
                RETRY_SECONDS,
            )
            return None
        return Count(used, reset / 1000) if used > 0 else Count(0, 0.0)


def _named(key: str) -> str:
    return f"cloudsealed/limits/{key}"
