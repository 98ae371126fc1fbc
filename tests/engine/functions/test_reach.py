"""Whether the internet reaches an interface, past its subnet's ACL and by its routes."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.conftest import NOW

from cloudsealed.engine import EvaluationError, compile_expression
from cloudsealed.engine.functions.internet import _NOT_PUBLIC

Evaluate = Callable[..., Any]
Entry = dict[str, Any]
EVERYBODY = "0.0.0.0/0"


def entry(number: int, action: str, cidr: str = EVERYBODY, ports: Any = None, **more: Any) -> Entry:
    where = "Ipv6CidrBlock" if ":" in cidr else "CidrBlock"
    made = {"RuleNumber": number, "RuleAction": action, "Egress": False, where: cidr}
    protocol = {"Protocol": "-1"} if ports is None else {"Protocol": "6"}
    span = {} if ports is None else {"PortRange": {"From": ports[0], "To": ports[1]}}
    return {**made, **protocol, **span, **more}


LAST = entry(32767, "deny")


@pytest.mark.parametrize(
    ("entries", "is_open"),
    [
        ([entry(100, "allow"), LAST], True),
        ([LAST], False),
        ([], False),
        ([entry(100, "allow"), entry(50, "deny", ports=(22, 22)), LAST], False),
        ([entry(50, "allow"), entry(100, "deny", ports=(22, 22)), LAST], True),
        ([entry(100, "allow"), entry(50, "deny", ports=(23, 80))], True),
        (
            [entry(100, "allow"), entry(50, "deny", "0.0.0.0/1"), entry(60, "deny", "128.0.0.0/1")],
            False,
        ),
        ([entry(100, "allow"), entry(50, "deny", "0.0.0.0/1")], True),
        ([entry(100, "allow"), entry(50, "deny", "203.0.113.0/24")], True),
        ([entry(100, "allow", "0.0.0.0/1"), entry(110, "allow", "128.0.0.0/1")], True),
        ([entry(100, "allow", "10.0.0.0/8"), LAST], False),
        ([entry(100, "allow", "8.8.8.0/24"), LAST], False),
        ([entry(100, "allow", "::/0"), LAST], True),
        ([entry(100, "allow", "::/0"), entry(90, "deny")], True),
        ([entry(100, "allow", "::/0"), entry(90, "deny", "::/0")], False),
        ([entry(100, "allow", ports=(1024, 65535)), LAST], False),
        ([entry(100, "allow", ports=(0, 65535)), LAST], True),
        ([entry(100, "allow", ports=(22, 22), Protocol="17"), LAST], False),
        ([entry(100, "allow", Egress=True), LAST], False),
        ([entry(100, "allow"), entry(50, "deny", ports=(22, 22), Protocol="17")], True),
        ([entry(100, "allow"), entry(50, "deny", ports=(22, 22), Egress=True)], True),
    ],
)
def test_the_lowest_number_decides(value_of: Evaluate, entries: list[Entry], is_open: bool) -> None:
    for given_entries in (entries, entries[::-1]):
        found = value_of('acl_open_to_internet(x, "tcp", [22])', x=given_entries)
        assert found is is_open


@pytest.mark.parametrize(
    "broken",
    [
        7,
        {},
        {**LAST, "RuleNumber": "1"},
        {**LAST, "CidrBlock": None},
        {**LAST, "CidrBlock": "x"},
        {**LAST, "PortRange": 22},
        {**LAST, "Egress": "false"},
    ],
)
def test_an_entry_that_cannot_be_read_is_an_error(value_of: Evaluate, broken: Any) -> None:
    with pytest.raises(EvaluationError):
        value_of('acl_open_to_internet(x, "tcp", [22])', x=[broken])


RESERVED = [ip_network(text) for text in _NOT_PUBLIC if ":" not in text]
EIGHTHS = [ip_network(f"{first}.0.0.0/8") for first in range(256)]
PUBLIC = {
    block: 0
    if any(block.subnet_of(r) for r in RESERVED)
    else 2**24 - sum(r.num_addresses for r in RESERVED if r.subnet_of(block))
    for block in EIGHTHS
}
ENTRIES = st.lists(
    st.tuples(
        st.sampled_from(["allow", "deny"]),
        st.integers(0, 255),
        st.integers(0, 8),
        st.sampled_from([None, (20, 25), (80, 90)]),
    ),
    max_size=8,
)
ACL = compile_expression('acl_open_to_internet(x, "tcp", [22])', variables=("x",))


@given(ENTRIES)
def test_an_acl_is_as_asking_it_for_each_address_says(lines: list[Any]) -> None:
    entries = [
        entry(number, action, str(ip_network(f"{first}.0.0.0/{prefix}", strict=False)), ports)
        for number, (action, first, prefix, ports) in enumerate(lines)
    ]

    def passes(block: Any) -> bool:
        for each in entries:
            span = each.get("PortRange", {"From": 0, "To": 65535})
            if span["From"] <= 22 <= span["To"] and block.subnet_of(ip_network(each["CidrBlock"])):
                return bool(each["RuleAction"] == "allow")
        return False

    allowed = sum(PUBLIC[block] for block in EIGHTHS if passes(block))
    assert ACL.evaluate({"x": entries}, NOW) is (allowed > 2**24)


@pytest.mark.parametrize(
    ("interface", "is_public"),
    [
        ({"Association": {"PublicIp": "198.51.100.7"}}, True),
        ({"PrivateIpAddresses": [{}, {"Association": {"PublicIp": "198.51.100.7"}}]}, True),
        ({"Ipv6Addresses": [{"Ipv6Address": "2600:1f18::1"}]}, True),
        ({"Ipv6Prefixes": [{"Ipv6Prefix": "2600:1f18::/80"}]}, True),
        ({"Ipv6Addresses": [{"Ipv6Address": "fd00::1"}]}, False),
        ({"Association": {"CarrierIp": "155.146.1.1"}}, False),
        ({"Association": None, "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.0.1"}]}, False),
        ({}, False),
    ],
)
def test_what_a_public_address_is(value_of: Evaluate, interface: Any, is_public: bool) -> None:
    assert value_of("has_public_address(x)", x=interface) is is_public


GROUPS = [
    {"GroupId": f"sg-{family}", "IpPermissions": [{"IpProtocol": "-1", **ranges}]}
    for family, ranges in (
        (4, {"IpRanges": [{"CidrIp": EVERYBODY}]}),
        (6, {"Ipv6Ranges": [{"CidrIpv6": "::/0"}]}),
    )
]


@pytest.mark.parametrize(
    ("groups", "address", "is_open"),
    [
        (["sg-4"], {"Association": {"PublicIp": "198.51.100.7"}}, True),
        (["sg-6"], {"Association": {"PublicIp": "198.51.100.7"}}, False),
        (["sg-4"], {"Ipv6Addresses": [{"Ipv6Address": "2600::1"}]}, False),
        (["sg-4", "sg-6"], {"Ipv6Addresses": [{"Ipv6Address": "2600::1"}]}, True),
        (["sg-4", "sg-6"], {}, False),
        ([], {"Association": {"PublicIp": "198.51.100.7"}}, True),
    ],
)
def test_rules_count_for_the_addresses_that_an_interface_has(
    value_of: Evaluate, groups: list[str], address: Any, is_open: bool
) -> None:
    interface = {"Groups": [{"GroupId": name} for name in groups], **address}
    call = 'open_to_internet(rules_for(i, groups), [], "tcp", [22])'
    assert value_of(call, i=interface, groups=GROUPS) is is_open


def test_one_group_counts_alone_whatever_others_an_interface_has(value_of: Evaluate) -> None:
    call = 'open_to_internet(rules_for(i, group), [], "tcp", [22])'
    interface = {"Groups": [{"GroupId": "sg-9"}], "Association": {"PublicIp": "198.51.100.7"}}
    assert [value_of(call, i=interface, group=group) for group in GROUPS[:2]] == [True, False]
    assert not value_of(call, i={"Groups": [{"GroupId": "sg-4"}]}, group=GROUPS[0])


def test_a_group_that_is_not_known_is_an_error(value_of: Evaluate) -> None:
    with pytest.raises(EvaluationError, match="sg-9"):
        value_of("rules_for(i, groups)", i={"Groups": [{"GroupId": "sg-9"}]}, groups=GROUPS)


@pytest.mark.parametrize(
    "call",
    [
        'rules_for({"Groups": [{"GroupId": x}]}, [])',
        'rules_for({}, [{"GroupId": x}])',
        'rules_for({"Groups": x}, [])',
        'has_public_address({"Ipv6Addresses": [{"Ipv6Address": x}]})',
        'has_public_address({"Association": x})',
        'acl_admits({"SubnetId": "subnet-1"}, [x], "tcp", 22)',
        'routed_to_internet({"SubnetId": "subnet-1"}, [x])',
    ],
)
@pytest.mark.parametrize("strange", [7, ["a"]])
def test_what_stands_where_something_else_belongs_is_an_error(
    value_of: Evaluate, call: str, strange: Any
) -> None:
    with pytest.raises(EvaluationError):
        value_of(call, x=strange)


MACHINE = {"SubnetId": "subnet-1", "Association": {"PublicIp": "198.51.100.7"}}
SIX = {"SubnetId": "subnet-1", "Ipv6Addresses": [{"Ipv6Address": "2600::1"}]}


def table(*routes: dict[str, Any], main: bool = False) -> dict[str, Any]:
    return {
        "Associations": [{"Main": True} if main else {"SubnetId": "subnet-1"}],
        "Routes": [*routes],
    }


def to(target: str, destination: str = EVERYBODY, **more: Any) -> dict[str, Any]:
    name = "DestinationIpv6CidrBlock" if ":" in destination else "DestinationCidrBlock"
    return {name: destination, "GatewayId": target, "State": "active", **more}


def by(**target: str) -> dict[str, Any]:
    return {"DestinationCidrBlock": EVERYBODY, **target}


def by_list(target: str) -> dict[str, Any]:
    return {"DestinationPrefixListId": "pl-1", "GatewayId": target}


ONE_WAY = {"DestinationIpv6CidrBlock": "::/0", "EgressOnlyInternetGatewayId": "eigw-1"}
LOCAL = to("local", "10.0.0.0/16")


@pytest.mark.parametrize(
    ("tables", "interface", "leads"),
    [
        ([], MACHINE, True),
        ([table(LOCAL, to("igw-1"))], MACHINE, True),
        ([table(LOCAL, to("igw-1", "0.0.0.0/1"), to("igw-1", "128.0.0.0/1"))], MACHINE, True),
        ([table(LOCAL, to("vpce-1"))], MACHINE, True),
        ([table(LOCAL, by(NetworkInterfaceId="eni-1"))], MACHINE, True),
        ([table(LOCAL)], MACHINE, False),
        ([table(LOCAL, to("igw-1", State="blackhole"))], MACHINE, False),
        ([table(LOCAL, to("igw-1", "8.8.8.0/24"))], MACHINE, False),
        ([table(LOCAL, by(NatGatewayId="nat-1"))], MACHINE, False),
        ([table(LOCAL, by_list("vpce-1"))], MACHINE, False),
        ([table(LOCAL, by_list("igw-1"))], MACHINE, True),
        ([table(LOCAL), table(to("igw-1"), main=True)], MACHINE, False),
        ([table(LOCAL, to("igw-1"), main=True)], MACHINE, True),
        ([{"Associations": [{"SubnetId": "subnet-2"}], "Routes": []}], MACHINE, True),
        ([table(LOCAL, to("igw-1"))], SIX, False),
        ([table(LOCAL, to("igw-1", "::/0"))], SIX, True),
        ([table(ONE_WAY)], SIX, False),
    ],
)
def test_which_routes_let_the_internet_in(
    value_of: Evaluate, tables: Any, interface: Any, leads: bool
) -> None:
    assert value_of("routed_to_internet(i, t)", i=interface, t=tables) is leads


def test_the_acl_of_the_subnet_counts_alone(value_of: Evaluate) -> None:
    shut = {"Associations": [{"SubnetId": "subnet-1"}], "Entries": [LAST]}
    call = 'acl_admits(i, acls, "tcp", 22)'
    assert value_of(call, i=MACHINE, acls=[]) is True
    assert value_of(call, i=MACHINE, acls=[shut]) is False
    assert value_of(call, i={**MACHINE, "SubnetId": "subnet-2"}, acls=[shut]) is True
    four = {**shut, "Entries": [entry(1, "allow"), LAST]}
    assert value_of(call, i=MACHINE, acls=[four]) is True
    assert value_of(call, i=SIX, acls=[four]) is False
