"""From a bearer token's text to the caller, quickly: the gate's part of both kinds of token.

The caller of an OAuth access token goes by its grant's id, or its client's when nobody granted
it: a refreshed token is the same client.

Who was let in is known for at most `CACHE_SECONDS` and never past the token's expiry, so that a
revocation holds on every process within a second without messages; who was refused is looked up
again. When a token was used is known to the same half second.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from datetime import datetime
from hashlib import blake2b
from ipaddress import ip_network

import orjson

from cloudsealed.auth import credential
from cloudsealed.auth.errors import (
    CredentialError,
    InvalidTokenError,
    IpNotAllowedError,
    TokenExpiredError,
)
from cloudsealed.auth.model import Caller, Scope, effective
from cloudsealed.auth.oauth.client_store import ClientStore
from cloudsealed.auth.oauth.grant_store import GrantStore
from cloudsealed.auth.oauth.model import ACCESS
from cloudsealed.auth.token_store import TokenStore
from cloudsealed.kit.clock import Clock, parse_rfc3339, rfc3339
from cloudsealed.storage.database import Row
from cloudsealed.storage.keys import KeyRing
from cloudsealed.vocabulary import Role

CACHE_SECONDS = 0.5
_CACHE_ENTRIES = 10_000

_Known = tuple[float, Caller]  # until which tick, and who


class Authenticator:
    """Turns credentials into callers. `ticks` is the monotonic clock of the cache, in seconds."""

    def __init__(
        self,
        *,
        store: TokenStore,
        grants: GrantStore,
        clients: ClientStore,
        keys: KeyRing,
        clock: Clock,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._grants = grants
        self._clients = clients
        self._keys = keys.live("tokens")
        self._clock = clock
        self._ticks = ticks
        self._cache: dict[bytes, _Known] = {}
        self._keyed = blake2b(key=secrets.token_bytes(32), digest_size=32)
        self._uses: dict[tuple[str, str], tuple[datetime, str]] = {}
        self._lock = threading.Lock()

    def is_cached(self, text: str, ip: str) -> bool:
        """Say whether `authenticate` would need no look-up."""
        found = self._cache.get(self._place(text, ip))
        return found is not None and found[0] > self._ticks()

    def authenticate(self, text: str, ip: str, *, deadline: float | None = None) -> Caller:
        """Return the caller of a token used from `ip`.

        Raises InvalidTokenError, TokenExpiredError, IpNotAllowedError, and ReadDeadlineError when
        looking them up takes longer than `deadline` seconds.
        """
        place = self._place(text, ip)
        found = self._cache.get(place)
        if found is None or found[0] <= self._ticks():
            found = self._admit(text, ip, deadline)
            self._keep(place, found)
        return found[1]

    def still(self, text: str, ip: str) -> Caller | None:
        """Return the caller of a token used from `ip`, None when it is not let in any more."""
        try:
            return self.authenticate(text, ip)
        except (CredentialError, IpNotAllowedError):
            return None

    def forget(self) -> None:
        """Drop what is cached, so that a change holds at once in this process."""
        with self._lock:
            self._cache.clear()

    def flush(self) -> None:
        """Write when and from where tokens were used since the last time."""
        uses, self._uses = self._uses, {}
        rows = [
            {"tenant": tenant, "ident": ident, "used_at": rfc3339(at), "used_ip": ip}
            for (tenant, ident), (at, ip) in list(uses.items())
        ]
        for store, prefix in (
            (self._store, "tok_"),
            (self._grants, "gra_"),
            (self._clients, "cli_"),
        ):
            if used := [row for row in rows if row["ident"].startswith(prefix)]:
                store.record_use(used)

    def _admit(self, text: str, ip: str, deadline: float | None) -> _Known:
        asked, now = self._ticks(), self._clock()  # before the read: what it finds may be as old
        caller = self._look_up(text, ip, deadline)
        left = (parse_rfc3339(caller.expires_at) - now).total_seconds()
        if left <= 0:
            raise TokenExpiredError(f"The token expired at {caller.expires_at}")
        if not caller.allows_address(ip):
            raise IpNotAllowedError(f"The token may not be used from {ip}")
        self._uses[caller.tenant_id, caller.token_id] = (now, ip)
        return asked + min(CACHE_SECONDS, left), caller

    def _look_up(self, text: str, ip: str, deadline: float | None) -> Caller:
        kind = ACCESS if text.startswith(ACCESS) else credential.PREFIX
        stores = (self._grants, self._clients) if kind == ACCESS else (self._store,)
        if not credential.is_well_formed(text, kind):
            raise InvalidTokenError("The bearer token is not one of CloudSealed's")
        digests = [credential.digest(text, key) for key in self._keys]
        rows = (store.by_digest(each, deadline=deadline) for store in stores for each in digests)
        row = next(filter(None, rows), None)
        if row is None:
            raise InvalidTokenError("The bearer token is unknown or was revoked")
        return _caller(row, ip)

    def _keep(self, place: bytes, known: _Known) -> None:
        with self._lock:
            self._cache.pop(place, None)
            self._cache[place] = known
            if len(self._cache) > _CACHE_ENTRIES:
                del self._cache[next(iter(self._cache))]

    def _place(self, text: str, ip: str) -> bytes:
        """Return a key of the cache; nothing stores it, so it may be cheap to make."""
        place = self._keyed.copy()
        place.update(f"{ip} {text}".encode())
        return place.digest()


def _caller(row: Row, ip: str) -> Caller:
    tenant, token, user, scopes, cidrs, expires, role = row
    power = effective((Scope(name) for name in orjson.loads(scopes)), Role(role))
    networks = tuple(ip_network(cidr) for cidr in orjson.loads(cidrs))
    return Caller(tenant, user, token, Role(role), power, expires, networks, ip)
