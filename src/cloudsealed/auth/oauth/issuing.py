"""Access and refresh tokens as they are given, and given again to who lost the answer.

A refresh token's successors follow from its text and a key of the server's, so that they can be
told again although only digests are stored. It decides nothing about who may have them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from cloudsealed.auth import credential
from cloudsealed.auth.oauth.grant_store import GrantStore
from cloudsealed.auth.oauth.model import (
    ACCESS,
    ACCESS_SECONDS,
    REFRESH,
    REFRESH_DAYS,
    Code,
    IssuedToken,
    Standing,
    named,
)
from cloudsealed.kit.clock import parse_rfc3339, rfc3339
from cloudsealed.kit.ids import new_id
from cloudsealed.storage.database import Connection
from cloudsealed.storage.keys import Key

Tokens = dict[str, Any]
_Kept = TypeVar("_Kept", Code, IssuedToken)
_LIFE = {ACCESS: timedelta(seconds=ACCESS_SECONDS), REFRESH: timedelta(days=REFRESH_DAYS)}


class Issuer:
    """Makes tokens and finds what was made. `keys` are the server's, the current one first."""

    def __init__(self, grants: GrantStore, keys: Sequence[Key]) -> None:
        self._grants = grants
        self._keys = keys

    def digests(self, text: str) -> list[str]:
        """Return the digests that a text may be kept under, the current key's first."""
        return [credential.digest(text, key) for key in self._keys]

    def found(self, text: str, kind: str, look_up: Callable[[str], _Kept | None]) -> _Kept | None:
        """Return what is kept of a text of a kind, None when it is nothing."""
        if not credential.is_well_formed(text, kind):
            return None
        return next((it for it in map(look_up, self.digests(text)) if it is not None), None)

    def token(self, connection: Connection, text: str, kind: str) -> IssuedToken | None:
        """Return the token of a kind with this text, used or not; None when its grant is over."""
        return self.found(text, kind, lambda digest: self._grants.token(connection, digest))

    def first(self, connection: Connection, grant: Standing, code: Code, now: datetime) -> Tokens:
        """Give the tokens that begin a code's family."""
        texts = {kind: credential.mint(kind) for kind in _LIFE}
        scopes = {ACCESS: code.scopes, REFRESH: code.scopes}
        return self._give(connection, grant, code.id, texts, scopes, now)

    def next(
        self,
        connection: Connection,
        old: IssuedToken,
        text: str,
        scopes: tuple[str, ...],
        now: datetime,
    ) -> Tokens:
        """Give the successors of a refresh token with a text; the access token has `scopes`."""
        texts = _successors(text, self._keys[0])
        wanted = {ACCESS: scopes, REFRESH: old.scopes}
        return self._give(connection, old.grant, old.family, texts, wanted, now)

    def again(self, connection: Connection, text: str, now: datetime) -> Tokens | None:
        """Return what `next` gave for a text, None once it was used, revoked or is over."""
        for key in self._keys:
            texts = _successors(text, key)
            given = {kind: self.token(connection, each, kind) for kind, each in texts.items()}
            access, refresh = given[ACCESS], given[REFRESH]
            if access is None or refresh is None:
                continue
            unused = access.consumed_at is None and refresh.consumed_at is None
            return _told(texts, access, now) if unused else None
        return None

    def _give(
        self,
        connection: Connection,
        grant: Standing,
        family: str,
        texts: Mapping[str, str],
        scopes: Mapping[str, tuple[str, ...]],
        now: datetime,
    ) -> Tokens:
        given = {}
        for kind, text in texts.items():
            until = min(rfc3339(now + _LIFE[kind]), grant.expires_at)
            given[kind] = IssuedToken(
                grant, family, new_id("oat"), kind, scopes[kind], rfc3339(now), until, None
            )
            self._grants.insert_token(connection, given[kind], self.digests(text)[0])
        return _told(texts, given[ACCESS], now)


def _successors(text: str, key: Key) -> dict[str, str]:
    return {kind: credential.derived(kind, text, key) for kind in _LIFE}


def _told(texts: Mapping[str, str], access: IssuedToken, now: datetime) -> Tokens:
    """Return the answer of RFC 6749, section 5.1."""
    asked = parse_rfc3339(rfc3339(now))  # in the milliseconds of what is kept
    left = (parse_rfc3339(access.expires_at) - asked).total_seconds()
    return {
        "access_token": texts[ACCESS],
        "token_type": "Bearer",
        "expires_in": max(int(left), 0),
        "refresh_token": texts[REFRESH],
        "scope": " ".join(named(access.scopes, access.grant.power(access.scopes))),
    }
