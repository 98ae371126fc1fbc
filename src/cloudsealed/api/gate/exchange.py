"""What is known of one request while it is answered; kept in the ASGI scope under `KEY`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from cloudsealed.api.gate.limits import Rate
from cloudsealed.auth.model import Caller, Network

KEY = "cloudsealed.exchange"


@dataclass(slots=True)
class Exchange:
    """One request and its response. `rate` is the budget that the response shows."""

    request_id: str
    address: str
    rate: Rate | None = None
    caller: Caller | None = None
    route: str = "unmatched"
    extra_headers: Sequence[tuple[bytes, bytes]] = ()

    @property
    def authenticated(self) -> Caller:
        """The caller of a route that needs one."""
        assert self.caller is not None, "the gate lets nobody in without a credential"
        return self.caller


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
        address = str(client[0]) if client else "0.0.0.0"  # noqa: S104 - a name for "no socket"
        if not self._trusted or not self._is_proxy(address):
            return address
        names = [v for k, v in scope["headers"] if k == b"x-forwarded-for"]
        for hop in reversed(b",".join(names).decode("latin-1").split(",")):
            if not _is_address(hop.strip()):
                break
            address = hop.strip()
            if not self._is_proxy(address):
                break
        return address

    def _is_proxy(self, address: str) -> bool:
        return _is_address(address) and any(ip_address(address) in net for net in self._trusted)


def budget_key(address: str) -> str:
    """Return whose budget an address spends: its own, or, for IPv6, its /64 network's."""
    if ":" not in address:
        return address
    try:
        return str(ip_network(f"{address.split('%')[0]}/64", strict=False))
    except ValueError:
        return address


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
