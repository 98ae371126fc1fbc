"""What is known of one request while it is answered; kept in the ASGI scope under `KEY`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from cloudsealed.api.gate.limits import Rate
from cloudsealed.auth.model import Caller, Network
from cloudsealed.kit.addresses import plain

KEY = "cloudsealed.exchange"

Again = Callable[[], Caller | None]
"""Looks a credential up anew: its caller as that is now, None when it is not let in any more."""


@dataclass(slots=True)
class Exchange:
    """One request and its response. `rate` is the budget that the response shows, `base` what
    absolute links begin with, `again` asks whether the caller is still let in."""

    request_id: str
    address: str
    base: str = ""
    is_head: bool = False
    rate: Rate | None = None
    caller: Caller | None = None
    again: Again | None = None
    route: str = "unmatched"
    extra_headers: Sequence[tuple[bytes, bytes]] = ()

    @property
    def authenticated(self) -> Caller:
        """The caller of a route that needs one."""
        assert self.caller is not None, "the gate lets nobody in without a credential"
        return self.caller

    def still(self) -> Caller | None:
        """Return the caller as that is now, None when the credential is not let in any more."""
        assert self.again is not None, "whoever lets a caller in says how to ask again"
        return self.again()


def exchange_of(scope: Mapping[str, Any]) -> Exchange:
    """Return the exchange that the gate put into a scope."""
    exchange: Exchange = scope[KEY]
    return exchange


class Addresses:
    """Finds a client's address: the socket's, or what a trusted proxy says of it."""

    def __init__(self, trusted: tuple[str, ...]) -> None:
        self._trusted: tuple[Network, ...] = tuple(ip_network(text) for text in trusted)

    def of(self, scope: Mapping[str, Any]) -> str:
        """Return the nearest address that is no trusted proxy's."""
        client = scope.get("client")
        peer = str(client[0]) if client else "0.0.0.0"  # noqa: S104 - a name for "no socket"
        address = plain(peer) or peer
        if not self._trusted or not self._is_proxy(address):
            return address
        names = [v for k, v in scope["headers"] if k == b"x-forwarded-for"]
        for hop in reversed(b",".join(names).decode("latin-1").split(",")):
            if (found := plain(hop)) is None:
                break
            address = found
            if not self._is_proxy(address):
                break
        return address

    def _is_proxy(self, address: str) -> bool:
        found = plain(address)
        return found is not None and any(ip_address(found) in net for net in self._trusted)
