"""Whether the internet reaches an interface: its public addresses, its subnet's ACL and its routes.

Sources: the AWS references of `NetworkInterface`, `NetworkAclEntry` (the lowest number decides) and
`RouteTable`, and the Amazon VPC user guide, "Internet gateways". Refuses to take what is not given
for a wall: without an ACL or a route table nothing stands between.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final, TypeAlias

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.functions.documents import maps, maps_at
from cloudsealed.engine.functions.internet import (
    LIMITS,
    Range,
    block_of,
    is_internet,
    merged,
    public_size,
    without,
)
from cloudsealed.engine.functions.openings import RANGES, name_of, ports_of
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.signature import Steps
from cloudsealed.engine.values import Value, describe

Document: TypeAlias = dict[str, Any]

_VERSIONS: Final = dict(zip(RANGES, LIMITS, strict=True))
_DESTINATIONS: Final = ("DestinationCidrBlock", "DestinationIpv6CidrBlock")
_WAYS: Final = ("igw-", "vpce-", "eni-")
"""What may lead to the internet: its gateway, or a firewall in front of it."""


def _versions(interface: Document) -> tuple[int, ...]:
    """The versions of IP in which an interface has an address of the internet."""
    private = maps_at(interface, "PrivateIpAddresses")
    associated = [each.get("Association") for each in (interface, *private)]
    known = maps([each for each in associated if each is not None], "Association")
    own = [name_of(each, "Ipv6Address") for each in maps_at(interface, "Ipv6Addresses")]
    own += [name_of(each, "Ipv6Prefix") for each in maps_at(interface, "Ipv6Prefixes")]
    public = any(each.get("PublicIp") for each in known)
    routed = any(block_of(text).public > 0 for text in own)
    return (4,) * public + (6,) * routed


def has_public_address(interface: Document) -> bool:
    """`has_public_address(i)`: whether a network interface has an address of the internet.

    That is a public IPv4 address on one of its private ones, or an IPv6 address that is routed.
    """
    return bool(_versions(interface))


def rules_for(meter: Meter, interface: Document, groups: list[Value] | Document) -> list[Value]:
    """`rules_for(i, groups)`: the rules of the groups on a network interface, for its addresses.

    Without a public address of IPv4 the rules have no `IpRanges`, without one of IPv6 no
    `Ipv6Ranges`. An interface that names no groups has all that are given; a group that it names
    and that is not given is an error. One group instead of a list is that group alone.
    """
    if isinstance(groups, dict):
        return _for_addresses(meter, interface, [groups])
    named = [name_of(each, "GroupId") for each in maps_at(interface, "Groups")]
    told = [group for group in maps(groups, "groups") if group.get("GroupId") is not None]
    by_id = {name_of(group, "GroupId"): group for group in told}
    lacking = [name for name in named if name not in by_id]
    if lacking:
        raise EvaluationError(f"the rules of the group {lacking[0]} are not known")
    chosen = [by_id[name] for name in dict.fromkeys(named)] or groups
    return _for_addresses(meter, interface, chosen)


def _for_addresses(meter: Meter, interface: Document, groups: list[Value]) -> list[Value]:
    rules = [rule for group in groups for rule in maps_at(group, "IpPermissions")]
    meter.charge(len(rules))
    has = _versions(interface)
    shut: Document = {field: [] for (field, _), version in _VERSIONS.items() if version not in has}
    return [{**rule, **shut} for rule in rules]


def acl_open_to_internet(
    meter: Meter, entries: list[Value], protocol: str, ports: list[Value]
) -> bool:
    """`acl_open_to_internet(entries, "tcp", [22])`: whether a network ACL lets the internet in.

    `entries` are those of an ACL; of those that come in, the one with the lowest number decides
    about an address and a port. One of the ports is enough; how many addresses are the internet is
    as `open_to_internet` says it.
    """
    return any(_admits(meter, entries, protocol, port) for port in ports)


def witness_of_acl(meter: Meter, entries: list[Value], protocol: str, ports: list[Value]) -> Steps:
    """The way to the entry that lets the internet in; to all of them where none alone does."""
    for port in ports:
        for entry in _coming(meter, entries, protocol, port):
            if _allows_internet([entry]) and _admits(meter, entries, protocol, port):
                return (entries.index(entry),)
    return ()


def _admits(
    meter: Meter,
    entries: list[Value],
    protocol: str,
    port: int,
    versions: Collection[int] = tuple(LIMITS),
) -> bool:
    return _allows_internet(_coming(meter, entries, protocol, port), versions)


def _coming(meter: Meter, entries: list[Value], protocol: str, port: int) -> list[Document]:
    """The entries about what comes in for a port, in the order in which they decide."""
    meter.charge(len(entries))
    own = maps(entries, "entries of an ACL")
    coming = sorted((each for each in own if not _field(each, "Egress", bool)), key=_order)
    return [each for each in coming if _is_about(each, protocol, port)]


def _allows_internet(
    entries: Iterable[Document], versions: Collection[int] = tuple(LIMITS)
) -> bool:
    allowed: dict[int, list[Range]] = {version: [] for version in LIMITS}
    decided: dict[int, list[Range]] = {version: [] for version in LIMITS}
    for entry in entries:
        named = "CidrBlock" if entry.get("CidrBlock") is not None else "Ipv6CidrBlock"
        block = block_of(_field(entry, named, str))
        own, taken = (block.first, block.last), decided[block.version]
        if _field(entry, "RuleAction", str) == "allow":
            allowed[block.version] += without([own], taken)
        decided[block.version] = merged([*taken, own])
    return any(public_size(v, merged(allowed[v])) > LIMITS[v] for v in versions)


def _is_about(entry: Document, protocol: str, port: int) -> bool:
    span = {} if entry.get("PortRange") is None else _field(entry, "PortRange", dict)
    ports = ports_of(entry.get("Protocol"), span.get("From"), span.get("To"), protocol)
    return ports is not None and ports[0] <= port <= ports[1]


def _order(entry: Document) -> int:
    number: int = _field(entry, "RuleNumber", int)
    return number


def _field(entry: Document, name: str, kind: type) -> Value:
    found = entry.get(name)
    if found.__class__ is not kind:
        raise EvaluationError(f"an entry of an ACL has {describe(found)} as its {name}")
    return found


def acl_admits(
    meter: Meter, interface: Document, acls: list[Value], protocol: str, port: int
) -> bool:
    """`acl_admits(i, acls, "tcp", 22)`: whether the internet passes the ACL of i's subnet.

    As `acl_open_to_internet` says it, for the addresses that the interface has; true where none of
    the ACLs is that of its subnet.
    """
    subnet = interface.get("SubnetId")
    own = [each for each in maps(acls, "ACLs") if subnet and subnet in _subnets(each)]
    has = _versions(interface)
    return all(_admits(meter, each.get("Entries") or [], protocol, port, has) for each in own)


def _subnets(document: Document) -> list[Value]:
    return [each.get("SubnetId") for each in maps_at(document, "Associations")]


def routed_to_internet(meter: Meter, interface: Document, tables: list[Value]) -> bool:
    """`routed_to_internet(i, tables)`: whether routes of its subnet lead to the internet.

    `tables` are the route tables of its VPC; that of the subnet counts, or else the main one.
    Routes lead out by an internet gateway, or by an endpoint or interface that may be a firewall,
    for the addresses that the interface has. NAT gateways and egress-only gateways let nobody in.
    True where the table is not given.
    """
    meter.charge(len(tables))
    subnet = interface.get("SubnetId")
    known = maps(tables, "route tables") if subnet else []
    own = [each for each in known if subnet in _subnets(each)]
    own = own or [each for each in known if _is_main(each)]
    has = _versions(interface)
    return not own or any(_leads_out(meter, maps_at(table, "Routes"), has) for table in own)


def _is_main(table: Document) -> bool:
    return any(each.get("Main") for each in maps_at(table, "Associations"))


def _leads_out(meter: Meter, routes: Iterable[Document], versions: Collection[int]) -> bool:
    out = [each for each in routes if _is_way_out(each)]
    meter.charge(len(out))
    if any(each.get("DestinationPrefixListId") and _gateway(each, "igw-") for each in out):
        return True
    texts = [name_of(each, name) for each in out for name in _DESTINATIONS if each.get(name)]
    return is_internet([b for b in map(block_of, texts) if b.version in versions])


def _is_way_out(route: Document) -> bool:
    return route.get("State") != "blackhole" and any(_gateway(route, way) for way in _WAYS)


def _gateway(route: Document, kind: str) -> bool:
    fields = ("GatewayId", "NetworkInterfaceId")
    return any(name_of(route, each).startswith(kind) for each in fields if route.get(each))
