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
from dataclasses import dataclass
from typing import TypeVar

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from cloudsealed.kit.errors import CloudSealedError, InvalidFieldError

T = TypeVar("T")

SHORTEST = 12
LONGEST = 1024  # hashing time grows with it
MOST_AT_ONCE = 8  # at work and waiting
LONGEST_RETRY = 5  # seconds
PATIENCE, LONGEST_WAIT = 1.0, 300.0  # seconds
_NICENESS = (
    19  # the lowest, where no thread can be idle: with every processor busy it takes seconds
)


@dataclass(frozen=True, slots=True)
class Hasher:
    """Argon2id with a cost: passes over KiB of memory, in one lane. Its text is a PHC string,
    `$argon2id$v=19$m=65536,t=3,p=1$SALT$DIGEST`."""

    passes: int
    memory: int

    def hash(self, password: str) -> str:
        """Return what is stored of a password."""
        return self._of(secrets.token_bytes(_SALT)).derive_phc_encoded(password.encode())

    def verify(self, stored: str, password: str) -> bool:
        """Say whether a password is the stored one, whatever the cost it was hashed at."""
        try:
            Argon2id.verify_phc_encoded(password.encode(), stored)
        except (InvalidKey, ValueError):
            return False
        return True

    def is_outdated(self, stored: str) -> bool:
        """Say whether a text is not of this cost."""
        return not stored.startswith(f"{self._cost}$")

    def nobodys(self) -> str:
        """Return what would be stored of a password that nobody knows: bytes in place of a hash."""
        salt, digest = (
            b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (_SALT, _DIGEST)
        )
        return f"{self._cost}${salt}${digest}"

    @property
    def _cost(self) -> str:
        return f"$argon2id$v=19$m={self.memory},t={self.passes},p=1"

    def _of(self, salt: bytes) -> Argon2id:
        return Argon2id(
            salt=salt, length=_DIGEST, iterations=self.passes, lanes=1, memory_cost=self.memory
        )


_SALT, _DIGEST = 16, 32  # bytes
HASHER = Hasher(passes=3, memory=65536)


class TooManyLoginAttemptsError(CloudSealedError):
    """A budget of logins is spent, the address's or the account's, or too many people log in at
    this moment.

    `Retry-After` says for how many seconds.
    """

    code = "too_many_login_attempts"
    status = 429
    remedy = "Wait as `Retry-After` says; for a forgotten password ask an admin for a new link."


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
    hashed = stored or HASHER.nobodys()
    same = _in_turn(lambda: HASHER.verify(hashed, password[:LONGEST]), known=known)
    return same and stored is not None and len(password) <= LONGEST


def is_outdated(stored: str) -> bool:
    """Say whether a password should be hashed anew, with the parameters of today."""
    return HASHER.is_outdated(stored)


def crowded() -> TooManyLoginAttemptsError:
    """Return the error of who is one too many at this moment."""
    wait = 1 + secrets.randbelow(LONGEST_RETRY)  # not the same for all, who come back at once
    return TooManyLoginAttemptsError(
        "Too many people log in at this moment: try again", headers={"Retry-After": str(wait)}
    )


def _in_turn(work: Callable[[], T], *, known: bool) -> T:
    places = _PLACES[known]
    if not places.acquire(blocking=False):
        raise crowded()
    try:
        if not known:
            with suppress(TimeoutError):
                return _made(_STRANGERS, work, PATIENCE)
        return _made(_KNOWN if known else _PATIENT, work, LONGEST_WAIT)
    except TimeoutError:
        raise crowded() from None
    finally:
        places.release()


def _made(thread: ThreadPoolExecutor, work: Callable[[], T], seconds: float) -> T:
    turn = thread.submit(work)
    try:
        return turn.result(seconds)
    finally:
        turn.cancel()


def _give_way() -> None:
    if sys.platform == "linux":  # elsewhere a thread has no priority of its own
        thread = threading.get_native_id()
        try:
            os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))
        except PermissionError:  # a sandbox that lets nothing choose its scheduling
            os.setpriority(os.PRIO_PROCESS, thread, _NICENESS)


_PLACES = {known: threading.BoundedSemaphore(MOST_AT_ONCE) for known in (False, True)}
_STRANGERS = ThreadPoolExecutor(1, "passwords of strangers", _give_way)
_PATIENT = ThreadPoolExecutor(1, "passwords of the patient")
_KNOWN = ThreadPoolExecutor(1, "passwords of the known")
