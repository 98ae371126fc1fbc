"""Our functions on addresses, ports and ways to the internet: what an expression can call.

What they mean is told by sets of addresses (`internet`), rules of groups (`openings`) and what
stands before an interface (`reach`). Refuses text that is no address.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.functions.internet import LONGEST, block_of, contains, is_internet
from cloudsealed.engine.functions.openings import (
    open_besides,
    open_on_every_port,
    open_to_internet,
    ports_of,
    witness_of_besides,
    witness_of_every,
    witness_of_open,
)
from cloudsealed.engine.functions.reach import (
    acl_admits,
    acl_open_to_internet,
    has_public_address,
    routed_to_internet,
    rules_for,
    witness_of_acl,
)
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.signature import Function, Kinds, kinds
from cloudsealed.engine.values import Value, describe

_EVERYTHING: Final = ("0.0.0.0/0", "::/0")


def cidr_is_any(cidr: str) -> bool:
    """`cidr_is_any(c)`: whether c is every address there is, 0.0.0.0/0 or ::/0."""
    return cidr in _EVERYTHING or block_of(cidr) in map(block_of, _EVERYTHING)


def cidr_is_public(cidr: str) -> bool:
    """`cidr_is_public(c)`: whether c holds at least one address that the internet routes.

    That is every block but those inside private, shared, local, documentation, multicast and
    reserved space: 8.8.8.8 and 0.0.0.0/0 are public, 10.0.0.0/8 is not.
    """
    return block_of(cidr).public > 0


def cidr_contains(outer: str, inner: str) -> bool:
    """`cidr_contains(c, x)`: whether the address or block x lies wholly in c.

    IPv4 and IPv6 never contain each other.
    """
    return contains(outer, inner)


def cidrs_are_internet(meter: Meter, cidrs: list[Value]) -> bool:
    """`cidrs_are_internet(list)`: whether blocks of addresses are the internet together.

    They hold more public addresses than a /8 (of IPv6 a /32), or one is wider than that and not all
    private: 0.0.0.0/1 and 128.0.0.0/1 are, 2000::/3 is, 10.0.0.0/8 and 8.8.8.0/24 are not.
    """
    meter.charge(len(cidrs))
    for cidr in cidrs:
        if cidr.__class__ is not str:
            raise EvaluationError(f"cidrs_are_internet() takes texts, not {describe(cidr)}")
    return is_internet({block_of(cidr) for cidr in cidrs})


class _Inside(dict[str, bool]):
    """Whether blocks lie in one block: what is asked again is only looked up."""

    def __init__(self, outer: str) -> None:
        self.outer = outer

    def __missing__(self, inner: str) -> bool:
        answer = cidr_contains(self.outer, inner)
        if len(self) < _REMEMBERED and len(inner) <= LONGEST:
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
    ends = permission.get("FromPort"), permission.get("ToPort")
    ports = ports_of(permission.get("IpProtocol"), *ends, protocol)
    return ports is not None and ports[0] <= port <= ports[1]


_TEXT: Final = kinds("string")
_PORT: Final = kinds("int")
_END: Final = kinds("int", "null")
_LIST: Final = kinds("list")
_MAP: Final = kinds("map")


def _on_text(name: str, count: int, run: Callable[..., bool]) -> Function:
    return Function(name, (_TEXT,) * count, "bool", run)


def _on_lists(
    run: Callable[..., bool], parameters: tuple[Kinds, ...], witness: Any = None
) -> Function:
    return Function(run.__name__, parameters, "bool", run, metered=True, witness=witness)


NETWORK: Final = (
    _on_text("cidr_is_any", 1, cidr_is_any),
    _on_text("cidr_is_public", 1, cidr_is_public),
    Function("cidr_contains", (_TEXT, _TEXT), "bool", cidr_contains, partial=_inside),
    Function("port_in", (_PORT, _END, _END), "bool", port_in),
    Function("port_open", (_MAP, _PORT, _TEXT), "bool", port_open),
    Function("cidrs_are_internet", (_LIST,), "bool", cidrs_are_internet, metered=True),
    _on_lists(open_to_internet, (_LIST, _LIST, _TEXT, _LIST), witness_of_open),
    _on_lists(open_besides, (_LIST, _LIST, _TEXT, _LIST), witness_of_besides),
    _on_lists(open_on_every_port, (_LIST, _LIST), witness_of_every),
    _on_lists(acl_open_to_internet, (_LIST, _TEXT, _LIST), witness_of_acl),
    Function("has_public_address", (_MAP,), "bool", has_public_address),
    Function("rules_for", (_MAP, kinds("list", "map")), "list", rules_for, metered=True),
    _on_lists(acl_admits, (_MAP, _LIST, _TEXT, _PORT)),
    _on_lists(routed_to_internet, (_MAP, _LIST)),
)
