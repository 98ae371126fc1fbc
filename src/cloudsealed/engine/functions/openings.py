"""Which ports the rules of security groups open to the internet.

Sources: the AWS references of `IpPermission` (protocol -1 is every protocol, and then there are no
ports) and `ManagedPrefixList`. A rule that names a
group lets in the private addresses of the interfaces that are in it, never the internet, whatever
that group itself opens. Refuses to guess: a prefix list whose entries are not known is an error
where they could decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple, TypeAlias

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.functions.documents import maps, maps_at
from cloudsealed.engine.functions.internet import Block, Range, block_of, is_internet, merged, size
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.signature import Steps
from cloudsealed.engine.values import Value, describe

Document: TypeAlias = dict[str, Any]

PROTOCOLS: Final = {"tcp": "6", "udp": "17", "icmp": "1", "icmpv6": "58"}
EVERY_PORT: Final = 65_000
"""So many of the 65,535 ports are every port: few are left out to get around a rule."""

_PORTS: Final = (1, 65_535)
RANGES: Final = (("IpRanges", "CidrIp"), ("Ipv6Ranges", "CidrIpv6"))
_UNSAID: Final = ((None, None), (-1, -1), (-1, None))
_AWS: Final = "AWS"


class _Opening(NamedTuple):
    """The ports that one rule opens, to which blocks, and the prefix lists that are not known."""

    number: int
    ports: Range
    blocks: list[Block]
    unread: list[str]


def ports_of(own: Value, low: Value, high: Value, protocol: str) -> Range | None:
    """The ports of a rule for the protocol `own`, None where it is about another protocol.

    None at both ends is every port, and so is -1. Nothing listens on port 0.
    """
    if own.__class__ is not str:
        raise EvaluationError(f"the protocol of a rule must be text, and it is {describe(own)}")
    if own == "-1" or (_number(own) == _number(protocol) and (low, high) in _UNSAID):
        return _PORTS
    if _number(own) != _number(protocol):
        return None
    for end in (low, high):
        if end.__class__ is not int:
            raise EvaluationError(f"ports are two ints or two nulls, not {describe(end)}")
    return max(low, 1), high


def _number(protocol: str) -> str:
    return PROTOCOLS.get(protocol.lower(), protocol)


def _openings(
    meter: Meter, rules: list[Value], lists: list[Value], protocol: str
) -> list[_Opening]:
    known = {name_of(each, "PrefixListId"): each for each in maps(lists, "prefix lists")}
    found = []
    for number, rule in enumerate(maps(rules, "rules")):
        ends = rule.get("FromPort"), rule.get("ToPort")
        ports = ports_of(rule.get("IpProtocol"), *ends, protocol)
        if ports is None or ports[0] > ports[1]:
            continue
        blocks, unread = _written(rule), []
        for each in maps_at(rule, "PrefixListIds"):
            name = name_of(each, "PrefixListId")
            entries = _entries(known.get(name))
            blocks += entries or ()
            unread += [name] if entries is None else []
        meter.charge(1 + len(blocks))
        if blocks or unread:
            found.append(_Opening(number, ports, blocks, unread))
    return found


def _written(rule: Document) -> list[Block]:
    return [
        _block(each.get(name), field)
        for field, name in RANGES
        if field in rule
        for each in maps_at(rule, field)
    ]


def _block(text: Value, where: str) -> Block:
    if text.__class__ is not str:
        raise EvaluationError(f"{where} must hold blocks of addresses; one is {describe(text)}")
    return block_of(text)


def name_of(document: Document, field: str) -> str:
    """The id that stands in a field of a document."""
    name = document.get(field)
    if name.__class__ is not str:
        raise EvaluationError(f"{field} must be text, and it is {describe(name)}")
    return str(name)


def _entries(found: Document | None) -> list[Block] | None:
    """The blocks of a prefix list, None where they are not known. Those that AWS manages are the
    addresses of its services, which is not the internet."""
    if found is None:
        return None
    if found.get("OwnerId") == _AWS:
        return []
    if found.get("Entries") is None:
        return None
    return [_block(each.get("Cidr"), "Entries") for each in maps_at(found, "Entries")]


def _open(meter: Meter, openings: Sequence[_Opening], *, unread: bool) -> list[Range]:
    """The ports that are open to the internet; with `unread`, as if unread lists were all of it."""
    alone, others = [], []
    for each in openings:
        if (unread and each.unread) or any(block.is_wide for block in each.blocks):
            alone.append(each.ports)
        elif each.blocks:
            others.append(each)
    if is_internet([block for each in others for block in each.blocks]):
        alone += _open_together(meter, others)
    return merged(alone)


def _open_together(meter: Meter, openings: Sequence[_Opening]) -> Iterator[Range]:
    """The ports whose rules are the internet together and none alone: each stretch of ports over
    which the rules do not change is looked at once."""
    edges = {each.ports[0] for each in openings} | {each.ports[1] + 1 for each in openings}
    for low, after in pairwise(sorted(edges)):
        meter.charge(len(openings))
        blocks = {b for each in openings if _covers(each.ports, low) for b in each.blocks}
        if is_internet(blocks):
            yield low, after - 1


def _covers(ports: Range, port: int) -> bool:
    return ports[0] <= port <= ports[1]


Holds: TypeAlias = Callable[[list[Range]], bool]
"""What is asked of the ports that are open."""
_EITHER: Final = ("tcp", "udp")


def _decided(
    meter: Meter, rules: list[Value], lists: list[Value], protocols: Sequence[str], holds: Holds
) -> bool:
    """Whether it holds for a protocol's open ports, whatever is in the lists that were not read."""
    openings = [_openings(meter, rules, lists, protocol) for protocol in protocols]
    if any(holds(_open(meter, each, unread=False)) for each in openings):
        return True
    unread = [name for each in openings for opening in each for name in opening.unread]
    if unread and any(holds(_open(meter, each, unread=True)) for each in openings):
        raise EvaluationError(f"the entries of the prefix list {unread[0]} are not known")
    return False


def _witness(
    meter: Meter, rules: list[Value], lists: list[Value], protocols: Sequence[str], holds: Holds
) -> Steps:
    """The way to the rule that is enough alone; to all of them where none is."""
    for protocol in protocols:
        for each in _openings(meter, rules, lists, protocol):
            if holds(_open(meter, [each], unread=False)):
                return (each.number, *_wide_range(rules[each.number]))
    return ()


def _wide_range(rule: Document) -> Steps:
    for field, name in RANGES:
        for number, each in enumerate(maps_at(rule, field)):
            if block_of(each[name]).is_wide:
                return field, number, name
    return ()


def _any_of(ports: list[Value]) -> Holds:
    _check(ports)
    return lambda found: any(low <= port <= high for low, high in found for port in ports)


def _any_besides(ports: list[Value]) -> Holds:
    _check(ports)
    return lambda found: (
        size(found) > sum(_covers(each, port) for each in found for port in set(ports))
    )


def _nearly_every(found: list[Range]) -> bool:
    return size(found) >= EVERY_PORT


def _check(ports: list[Value]) -> None:
    if not {*map(type, ports)} <= {int}:
        strange = next(port for port in ports if port.__class__ is not int)
        raise EvaluationError(f"ports are ints, not {describe(strange)}")


def open_to_internet(
    meter: Meter, rules: list[Value], lists: list[Value], protocol: str, ports: list[Value]
) -> bool:
    """`open_to_internet(rules, lists, "tcp", [22])`: whether rules open a port to the internet.

    `rules` are EC2 IpPermissions (of one group or of several together), `lists` the prefix lists
    that they name; the protocol is `tcp`, `udp` or its number; one of the ports is enough. Blocks
    and ports count as sets: open is a port whose blocks hold more public addresses together than a
    /8 (of IPv6 a /32), or of which one is wider than that and not all private. Protocol -1 is every
    port. Prefix lists of AWS are its services, never the internet; one whose entries are not known
    is an error where they could decide. A rule that names a group lets in the private addresses of
    that group alone.
    """
    return _decided(meter, rules, lists, [protocol], _any_of(ports))


def open_besides(
    meter: Meter, rules: list[Value], lists: list[Value], protocol: str, ports: list[Value]
) -> bool:
    """`open_besides(rules, lists, "tcp", [80, 443])`: whether rules open any port but these.

    Open to the internet is as `open_to_internet` says it.
    """
    return _decided(meter, rules, lists, [protocol], _any_besides(ports))


def open_on_every_port(meter: Meter, rules: list[Value], lists: list[Value]) -> bool:
    """`open_on_every_port(rules, lists)`: whether rules open every port of TCP or of UDP.

    Open to the internet is as `open_to_internet` says it; 65,000 of the 65,535 are every port.
    """
    return _decided(meter, rules, lists, _EITHER, _nearly_every)


def witness_of_open(
    meter: Meter, rules: list[Value], lists: list[Value], protocol: str, ports: list[Value]
) -> Steps:
    """The way to the rule that opens one of the ports."""
    return _witness(meter, rules, lists, [protocol], _any_of(ports))


def witness_of_besides(
    meter: Meter, rules: list[Value], lists: list[Value], protocol: str, ports: list[Value]
) -> Steps:
    """The way to the rule that opens another port than these."""
    return _witness(meter, rules, lists, [protocol], _any_besides(ports))


def witness_of_every(meter: Meter, rules: list[Value], lists: list[Value]) -> Steps:
    """The way to the rule that opens every port."""
    return _witness(meter, rules, lists, _EITHER, _nearly_every)
