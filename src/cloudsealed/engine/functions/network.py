"""Our functions on addresses and ports.

Sources: Python's `ipaddress` for which blocks are globally routable (the IANA special-purpose
registries); the AWS reference of `IpPermission` (protocol -1 is every protocol, and then there are
no ports). Refuses text that is no address: an unreadable rule is an error, never a safe rule.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_network
from typing import Any, Final, NamedTuple

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.signature import Function, kinds
from cloudsealed.engine.values import Value, describe

_NOT_PUBLIC: Final = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
    *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15"),
    *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
    *("::/127", "::ffff:0:0/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32"),
    *("2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
)
"""Blocks no one can be reached at from the internet (IANA special-purpose address registries)."""


class Block(NamedTuple):
    """A block of addresses, as the numbers of its first and its last."""

    version: int
    first: int
    last: int


@lru_cache(maxsize=16_384)
def _block(text: str) -> Block:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        message = f"{text[:64]!r} is neither an IP address nor a CIDR block"
        raise EvaluationError(message) from None
    return Block(network.version, int(network.network_address), int(network.broadcast_address))


def cidr_is_any(cidr: str) -> bool:
    """`cidr_is_any(c)`: whether c is every address there is, 0.0.0.0/0 or ::/0."""
    if cidr == "0.0.0.0/0" or cidr == "::/0":
        return True
    return _block(cidr[:65]) in (_block("0.0.0.0/0"), _block("::/0"))


def cidr_is_public(cidr: str) -> bool:
    """`cidr_is_public(c)`: whether c holds at least one address that the internet routes.

    That is every block but those inside private, shared, local, documentation, multicast and
    reserved space: 8.8.8.8 and 0.0.0.0/0 are public, 10.0.0.0/8 is not.
    """
    return _is_public(cidr[:65])


@lru_cache(maxsize=16_384)
def _is_public(cidr: str) -> bool:
    return not any(_contains(private, cidr) for private in _NOT_PUBLIC)


def cidr_contains(outer: str, inner: str) -> bool:
    """`cidr_contains(c, x)`: whether the address or block x lies wholly in c.

    IPv4 and IPv6 never contain each other.
    """
    # No block is longer; cut, texts cannot fill the cache.
    if len(outer) > 65 or len(inner) > 65:
        outer, inner = outer[:65], inner[:65]
    return _contains(outer, inner)


@lru_cache(maxsize=16_384)
def _contains(outer: str, inner: str) -> bool:
    version, first, last = _block(outer)
    other, low, high = _block(inner)
    return version == other and first <= low and high <= last


class _Inside(dict[str, bool]):
    """Whether blocks lie in one block: what is asked again is only looked up."""

    def __init__(self, outer: str) -> None:
        self.outer = outer

    def __missing__(self, inner: str) -> bool:
        answer = cidr_contains(self.outer, inner)
        if len(self) < _REMEMBERED and len(inner) <= 65:
            self[inner] = answer
        return answer


_REMEMBERED: Final = 512
"""Answers that are kept for one block."""


def _inside(outer: str) -> Callable[[str], bool]:
    return _Inside(outer).__getitem__


def port_in(port: int, low: Value, high: Value) -> bool:
    """`port_in(22, p.FromPort, p.ToPort)`: whether a range of ports covers the port.

    Both ends are inclusive; null at both ends is every port.
    """
    if low is None and high is None:
        return True
    for end in (low, high):
        if end.__class__ is not int:
            raise EvaluationError(f"port_in() takes two ints or two nulls, not {describe(end)}")
    return bool(low <= port <= high)


def port_open(permission: dict[str, Any], port: int, protocol: str) -> bool:
    """`port_open(p, 22, "tcp")`: whether an EC2 IpPermission lets this port through.

    True for protocol -1 (all), and for the named protocol (or its number) when its ports cover
    the port; a permission without ports, or with -1 as its first, is every port. Who may
    connect is in `p.IpRanges` and is not judged here.
    """
    allowed = permission.get("IpProtocol")
    if allowed.__class__ is not str:
        raise EvaluationError(f"port_open() needs IpProtocol, and it is {describe(allowed)}")
    if allowed == "-1":
        return True
    if _PROTOCOLS.get(allowed, allowed) != _PROTOCOLS.get(protocol, protocol):
        return False
    low, high = permission.get("FromPort"), permission.get("ToPort")
    return low == -1 or port_in(port, low, high)


_PROTOCOLS: Final = {"tcp": "6", "udp": "17", "icmp": "1", "icmpv6": "58"}

_TEXT: Final = kinds("string")
_PORT: Final = kinds("int")
_END: Final = kinds("int", "null")


def _on_text(name: str, count: int, run: Callable[..., bool]) -> Function:
    return Function(name, (_TEXT,) * count, "bool", run)


NETWORK: Final = (
    _on_text("cidr_is_any", 1, cidr_is_any),
    _on_text("cidr_is_public", 1, cidr_is_public),
    Function("cidr_contains", (_TEXT, _TEXT), "bool", cidr_contains, partial=_inside),
    Function("port_in", (_PORT, _END, _END), "bool", port_in),
    Function("port_open", (kinds("map"), _PORT, _TEXT), "bool", port_open),
)
