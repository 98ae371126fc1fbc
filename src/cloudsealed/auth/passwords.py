"""Passwords: how they are hashed and checked, with argon2id (RFC 9106).

The parameters are the RFC's second recommended option in one lane: 64 MiB, 3 passes. Cheaper ones
let more people log in a second, whose requests slow everybody's (`benchmarks/login.py`). Hashes are
made one at a time, and who would wait behind too many others is turned away. For strangers a thread
makes them that gives way to whatever answers requests. On a busy machine it hardly runs: whom it
has not served in PATIENCE seconds another thread serves, and whoever is no stranger has one of
their own. The pages let few come so far (`console/line.py`).
"""

from __future__ import annotations

import os
import secrets
import sys
import threading
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION

from cloudsealed.kit.errors import CloudSealedError, InvalidFieldError

T = TypeVar("T")

SHORTEST = 12
LONGEST = 1024  # hashing time grows with it
MOST_AT_ONCE = 8  # at work and waiting
LONGEST_RETRY = 5  # seconds
HASHER = PasswordHasher(time_cost=3, memory_cost=65536, parallelism=1)
PATIENCE, LONGEST_WAIT = 3.0, 300.0  # seconds
_NICENESS = (
    19  # the lowest, where no thread can be idle: with every processor busy it takes seconds
)


class TooManyLoginAttemptsError(CloudSealedError):
    """A budget of logins is spent, the address's or the account's, or too many people log in at
    this moment.

    `Retry-After` says for how many seconds.
    """

    code = "too_many_login_attempts"
    status = 429


def hashed(password: str, *, known: bool = False) -> str:
    """Return what is stored of a password; `known` is no stranger.

    Raises InvalidFieldError about its length, and TooManyLoginAttemptsError.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        message = f"password must have {SHORTEST} to {LONGEST} characters"
        raise InvalidFieldError("password", message)
    return _in_turn(lambda: HASHER.hash(password), known=known)


def verifies(stored: str | None, password: str, *, known: bool = False) -> bool:
    """Say whether `password` is the stored one; it takes as long when there is none. `known` is
    no stranger.

    Raises TooManyLoginAttemptsError.
    """
    try:
        _in_turn(lambda: HASHER.verify(stored or _nobodys(), password[:LONGEST]), known=known)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None and len(password) <= LONGEST


def is_outdated(stored: str) -> bool:
    """Say whether a password should be hashed anew, with the parameters of today."""
    return HASHER.check_needs_rehash(stored)


def _nobodys() -> str:
    """Return what would be stored of a password that nobody knows: bytes instead of its hash."""
    cost = f"m={HASHER.memory_cost},t={HASHER.time_cost},p={HASHER.parallelism}"
    salt, digest = (
        b64encode(secrets.token_bytes(size)).decode().rstrip("=")
        for size in (HASHER.salt_len, HASHER.hash_len)
    )
    return f"$argon2id$v={ARGON2_VERSION}${cost}${salt}${digest}"


def crowded() -> TooManyLoginAttemptsError:
    """Return the error of who is one too many at this moment."""
    wait = 1 + secrets.randbelow(LONGEST_RETRY)  # not the same for all, who come back at once
    return TooManyLoginAttemptsError(
        "Too many people log in at this moment: try again", headers={"Retry-After": str(wait)}
    )


class _Turns:
    """A thread that hashes, and the few who wait for it, none of them for long."""

    def __init__(self, name: str, begin: Callable[[], None] | None = None) -> None:
        self._places = threading.BoundedSemaphore(MOST_AT_ONCE)
        self._worker = ThreadPoolExecutor(1, name, begin)

    def take(self, work: Callable[[], T], seconds: float) -> T:
        """Return what the thread makes of `work`.

        Raises TooManyLoginAttemptsError, and TimeoutError after `seconds`.
        """
        if not self._places.acquire(blocking=False):
            raise crowded()
        turn = self._worker.submit(work)
        turn.add_done_callback(lambda _: self._places.release())
        try:
            return turn.result(seconds)
        finally:
            turn.cancel()


def _in_turn(work: Callable[[], T], *, known: bool) -> T:
    if not known:
        with suppress(TimeoutError):
            return _OF_STRANGERS.take(work, PATIENCE)
    try:
        return (_OF_KNOWN if known else _OF_PATIENT).take(work, LONGEST_WAIT)
    except TimeoutError:
        raise crowded() from None


def _give_way() -> None:
    if sys.platform == "linux":  # elsewhere a thread has no priority of its own
        thread = threading.get_native_id()
        try:
            os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))
        except PermissionError:  # a sandbox that lets nothing choose its scheduling
            os.setpriority(os.PRIO_PROCESS, thread, _NICENESS)


_OF_STRANGERS = _Turns("passwords of strangers", _give_way)
_OF_PATIENT, _OF_KNOWN = _Turns("passwords of the patient"), _Turns("passwords of the known")
