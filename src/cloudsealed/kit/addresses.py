"""Addresses of the internet as clients and proxies write them."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

_WITH_PORT = re.compile(r"\[([^\]]+)\](?::\d+)?|([\d.]+):\d+")
"""How some proxies write an address: `[2001:db8::1]:443`, `192.0.2.1:443`."""


@lru_cache(maxsize=4096)  # the same few ask again and again: a third of what the gate costs
def plain(text: str) -> str | None:
    """Return an address in the one way it is written, without port and zone; None if it is none.

    An IPv4 address that is mapped into IPv6 (RFC 4291, 2.5.5.2) is the IPv4 address.
    """
    found = _WITH_PORT.fullmatch(text.strip())
    name = (found[1] or found[2]) if found else text.strip()
    try:
        address = ip_address(name.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def budget_key(address: str) -> str:
    """Return whose budget an address spends: its own, or, for IPv6, its /64 network's."""
    found = plain(address)
    if found is None or ":" not in found:
        return found or address
    return str(ip_network(f"{found}/64", strict=False))
