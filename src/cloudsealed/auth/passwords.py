"""Passwords: how they are hashed and checked, with argon2id (RFC 9106).

The parameters are the RFC's second recommended option: 64 MiB, 3 passes, 4 lanes.
"""

from __future__ import annotations

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from cloudsealed.kit.errors import InvalidFieldError

SHORTEST = 12
LONGEST = 1024  # hashing time grows with it
_HASHER = PasswordHasher(time_cost=3, memory_cost=65536, parallelism=4)
_NOBODY = _HASHER.hash(secrets.token_urlsafe(16))


def hashed(password: str) -> str:
    """Return what is stored of a password; raises InvalidFieldError about its length."""
    if not SHORTEST <= len(password) <= LONGEST:
        message = f"password must have {SHORTEST} to {LONGEST} characters"
        raise InvalidFieldError("password", message)
    return _HASHER.hash(password)


def verifies(stored: str | None, password: str) -> bool:
    """Say whether `password` is the stored one; it takes as long when there is none."""
    try:
        _HASHER.verify(stored or _NOBODY, password[:LONGEST])
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def is_outdated(stored: str) -> bool:
    """Say whether a password should be hashed anew, with the parameters of today."""
    return _HASHER.check_needs_rehash(stored)
