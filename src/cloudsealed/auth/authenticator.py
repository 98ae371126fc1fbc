"""From a bearer token's text to the caller, quickly: the gate's part of both kinds of token.

The caller of an OAuth access token goes by its grant's id: a refreshed token is the same client.

What a look-up found is kept for at most `CACHE_SECONDS`, so that a revocation holds on every
process within a second without messages; what it did not find is never kept.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_network

import orjson

from cloudsealed.auth import credential
from cloudsealed.auth.errors import InvalidTokenError, IpNotAllowedError, TokenExpiredError
from cloudsealed.auth.model import Caller, Scope, effective
from cloudsealed.auth.oauth.grant_store import GrantStore
from cloudsealed.auth.oauth.model import ACCESS
from cloudsealed.auth.token_store import TokenStore
from cloudsealed.kit.clock import rfc3339
from cloudsealed.storage.database import Row
from cloudsealed.storage.keys import KeyRing
from cloudsealed.vocabulary import Role

CACHE_SECONDS = 0.5
_CACHE_ENTRIES = 10_000


class Authenticator:
    """Turns credentials into callers. `ticks` is the monotonic clock of the cache."""

    def __init__(
        self, *, store: TokenStore, grants: GrantStore, keys: KeyRing,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._store = store
        self._grants = grants
        self._keys = keys.all("tokens")
        self._ticks = ticks
        self._cache: dict[str, tuple[float, Caller]] = {}
        self._uses: dict[tuple[str, str], tuple[datetime, str]] = {}
        self._lock = threading.Lock()

    def is_cached(self, text: str) -> bool:
        """Say whether `authenticate` would need no look-up."""
        found = self._cache.get(credential.digest(text, self._keys[0]))
        return found is not None and found[0] > self._ticks()

    def authenticate(self, text: str, ip: str, now: datetime) -> Caller:
        """Return the caller of a token used from `ip`.

        Raises InvalidTokenError, TokenExpiredError and IpNotAllowedError.
        """
        address = credential.digest(text, self._keys[0])
        found = self._cache.get(address)
        if found is not None and found[0] > self._ticks():
            caller = found[1]
        else:
            caller = self._look_up(text, address, ip)
        if caller.ip != ip:
            caller = replace(caller, ip=ip)
        if caller.expires_at <= rfc3339(now):
            raise TokenExpiredError(f"The token expired at {caller.expires_at}")
        if not caller.allows_address(ip):
            raise IpNotAllowedError(f"The token may not be used from {ip}")
        self._uses[caller.tenant_id, caller.token_id] = (now, ip)
        return caller

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
        for store, prefix in ((self._store, "tok_"), (self._grants, "gra_")):
            if used := [row for row in rows if row["ident"].startswith(prefix)]:
                store.record_use(used)

    def _look_up(self, text: str, address: str, ip: str) -> Caller:
        kind = ACCESS if text.startswith(ACCESS) else credential.PREFIX
        store = self._grants if kind == ACCESS else self._store
        if not credential.is_well_formed(text, kind):
            raise InvalidTokenError("The bearer token is not one of CloudSealed's")
        asked = self._ticks()  # before the read: what it finds may be old by as much as it takes
        row = store.by_digest(address)
        for key in self._keys[1:]:
            row = row or store.by_digest(credential.digest(text, key))
        if row is None:
            raise InvalidTokenError("The bearer token is unknown or was revoked")
        caller = _caller(row, ip)
        self._keep(address, asked, caller)
        return caller

    def _keep(self, address: str, asked: float, caller: Caller) -> None:
        with self._lock:
            self._cache.pop(address, None)
            self._cache[address] = (asked + CACHE_SECONDS, caller)
            if len(self._cache) > _CACHE_ENTRIES:
                del self._cache[next(iter(self._cache))]


def _caller(row: Row, ip: str) -> Caller:
    tenant, token, user, scopes, cidrs, expires, role = row
    power = effective((Scope(name) for name in orjson.loads(scopes)), Role(role))
    networks = tuple(ip_network(cidr) for cidr in orjson.loads(cidrs))
    return Caller(tenant, user, token, Role(role), power, expires, networks, ip)
