"""Which ports rules open: by examples, and against a plain way to count addresses and ports."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.conftest import NOW

from cloudsealed.engine import (
    EvaluationError,
    PartialList,
    Unknown,
    compile_expression,
    compile_rule,
)
from cloudsealed.engine.functions.internet import _NOT_PUBLIC

Evaluate = Callable[..., Any]
ANYWHERE = "0.0.0.0/0"


def rule(*cidrs: str, ports: Any = (22, 22), protocol: str = "tcp", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "IpProtocol": protocol,
        "IpRanges": [{"CidrIp": each} for each in cidrs if ":" not in each],
        "Ipv6Ranges": [{"CidrIpv6": each} for each in cidrs if ":" in each],
        **more,
    }
    return made if ports is None else {**made, "FromPort": ports[0], "ToPort": ports[1]}


@pytest.mark.parametrize(
    ("cidrs", "is_internet"),
    [
        (["0.0.0.0/0"], True),
        (["::/0"], True),
        (["0.0.0.0/1", "128.0.0.0/1"], True),
        (["0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/2"], True),
        (["0.0.0.0/1"], True),
        (["2000::/3"], True),
        (["2600::/16"], True),
        (["::/1"], True),
        ([f"{first}.0.0.0/9" for first in (3, 13, 18, 34)], True),
        ([], False),
        (["52.94.76.0/24"], False),
        (["52.0.0.0/8"], False),
        (["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"], False),
        (["10.0.0.0/7"], True),
        (["224.0.0.0/3"], False),
        (["fc00::/7"], False),
        (["8000::/1", "4000::/2"], False),
        (["2600:1f18::/32"], False),
        (["2600::1/128", "203.0.113.7/32"], False),
    ],
)
def test_how_much_of_the_internet_is_the_internet(
    value_of: Evaluate, cidrs: list[str], is_internet: bool
) -> None:
    assert value_of("cidrs_are_internet(x)", x=cidrs) is is_internet
    opened = value_of('open_to_internet(x, [], "tcp", [22])', x=[rule(*cidrs)])
    apart = value_of('open_to_internet(x, [], "tcp", [22])', x=[rule(each) for each in cidrs])
    assert (opened, apart) == (is_internet, is_internet)


@pytest.mark.parametrize(
    ("opened", "protocol", "port", "is_open"),
    [
        (rule(ANYWHERE), "tcp", 22, True),
        (rule(ANYWHERE), "udp", 22, False),
        (rule(ANYWHERE, protocol="6"), "tcp", 22, True),
        (rule(ANYWHERE, protocol="17", ports=(3389, 3389)), "udp", 3389, True),
        (rule(ANYWHERE, protocol="-1", ports=None), "udp", 9, True),
        (rule(ANYWHERE, protocol="-1", ports=(443, 443)), "tcp", 22, True),
        (rule(ANYWHERE, protocol="icmp", ports=(-1, -1)), "tcp", 22, False),
        (rule(ANYWHERE, protocol="icmp", ports=(22, 22)), "tcp", 22, False),
        (rule(ANYWHERE, protocol="50", ports=None), "tcp", 22, False),
        (rule(ANYWHERE, ports=(-1, -1)), "tcp", 22, True),
        (rule(ANYWHERE, ports=None), "tcp", 22, True),
        (rule(ANYWHERE, ports=(10, 21)), "tcp", 22, False),
        (rule(ANYWHERE, ports=(20, 25)), "tcp", 22, True),
        (rule(ANYWHERE, ports=(25, 20)), "tcp", 22, False),
        (rule("::/0"), "tcp", 22, True),
        ({"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-1"}]}, "tcp", 22, False),
    ],
)
def test_what_a_rule_opens(
    value_of: Evaluate, opened: dict[str, Any], protocol: str, port: int, is_open: bool
) -> None:
    given_rules = {"x": [rule("10.0.0.0/8", protocol="-1", ports=None), opened]}
    found = value_of(f'open_to_internet(x, [], "{protocol}", [9, {port}])', **given_rules)
    assert found is is_open


@pytest.mark.parametrize(
    ("rules", "is_every"),
    [
        ([rule(ANYWHERE, protocol="-1", ports=None)], True),
        ([rule(ANYWHERE, ports=(0, 65535))], True),
        ([rule(ANYWHERE, ports=(1, 65535))], True),
        ([rule(ANYWHERE, protocol="udp", ports=(0, 65535))], True),
        ([rule(ANYWHERE, ports=(0, 21)), rule("0.0.0.0/1", ports=(23, 65535))], True),
        ([rule("0.0.0.0/1", ports=(0, 65535)), rule("128.0.0.0/1", ports=(1, 65535))], True),
        ([rule(ANYWHERE, ports=(1024, 65535))], False),
        ([rule(ANYWHERE, ports=(1, 30000)), rule(ANYWHERE, "::/0", ports=(1, 40000))], False),
        ([rule(ANYWHERE, protocol="icmp", ports=(-1, -1))], False),
        ([rule("10.0.0.0/8", protocol="-1", ports=None)], False),
    ],
)
def test_what_opens_every_port(value_of: Evaluate, rules: list[Any], is_every: bool) -> None:
    assert value_of("open_on_every_port(x, [])", x=rules) is is_every


def test_any_port_that_is_not_named_is_seen(value_of: Evaluate) -> None:
    besides = 'open_besides(x, [], "tcp", [80, 443])'
    assert (
        value_of(besides, x=[rule(ANYWHERE, ports=(80, 80)), rule(ANYWHERE, ports=(443, 443))])
        is False
    )
    assert value_of(besides, x=[rule(ANYWHERE, ports=(80, 443))]) is True
    assert value_of(besides, x=[rule(ANYWHERE, ports=(8080, 8080))]) is True
    assert value_of(besides, x=[rule("10.0.0.0/8", ports=(8080, 8080))]) is False
    assert value_of(besides, x=[rule(ANYWHERE, ports=(0, 0))]) is False


LISTS = [
    {"PrefixListId": "pl-any", "OwnerId": "111122223333", "Entries": [{"Cidr": ANYWHERE}]},
    {"PrefixListId": "pl-half", "OwnerId": "111122223333", "Entries": [{"Cidr": "128.0.0.0/1"}]},
    {"PrefixListId": "pl-office", "OwnerId": "111122223333", "Entries": [{"Cidr": "8.8.8.8/32"}]},
    {"PrefixListId": "pl-empty", "OwnerId": "111122223333", "Entries": []},
    {
        "PrefixListId": "pl-edge",
        "OwnerId": "AWS",
        "PrefixListName": "com.amazonaws.global.cloudfront",
    },
    {"PrefixListId": "pl-unread", "OwnerId": "444455556666"},
]


def by_list(*names: str, ports: Any = (22, 22)) -> dict[str, Any]:
    return rule(ports=ports, PrefixListIds=[{"PrefixListId": name} for name in names])


@pytest.mark.parametrize(
    ("rules", "is_open"),
    [
        ([by_list("pl-any")], True),
        ([by_list("pl-half")], True),
        ([by_list("pl-office"), by_list("pl-empty"), by_list("pl-edge")], False),
        ([by_list("pl-unread", ports=(443, 443))], False),
        ([by_list("pl-gone"), rule(ANYWHERE)], True),
        ([by_list("pl-unread", "pl-any")], True),
    ],
)
def test_prefix_lists_count_by_their_entries(
    value_of: Evaluate, rules: list[Any], is_open: bool
) -> None:
    found = value_of('open_to_internet(x, lists, "tcp", [22])', x=rules, lists=LISTS)
    assert found is is_open


@pytest.mark.parametrize("name", ["pl-unread", "pl-gone"])
def test_a_prefix_list_that_was_not_read_is_an_error_where_it_decides(
    value_of: Evaluate, name: str
) -> None:
    with pytest.raises(EvaluationError, match=name):
        value_of('open_to_internet(x, lists, "tcp", [22])', x=[by_list(name)], lists=LISTS)


@pytest.mark.parametrize(
    "broken",
    [
        7,
        {},
        {"IpProtocol": 6},
        {"IpProtocol": "tcp", "FromPort": "22", "ToPort": "22"},
        {"IpProtocol": "tcp", "FromPort": 22},
        rule("anywhere"),
        {"IpProtocol": "-1", "IpRanges": [{}]},
        {"IpProtocol": "-1", "IpRanges": "0.0.0.0/0"},
        {"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": None}]},
    ],
)
def test_a_rule_that_cannot_be_read_is_an_error(value_of: Evaluate, broken: Any) -> None:
    for call in (
        'open_to_internet(x, [], "tcp", [22])',
        'open_besides(x, [], "tcp", [22])',
        "open_on_every_port(x, [])",
    ):
        with pytest.raises(EvaluationError):
            value_of(call, x=[broken])


RESERVED = [ip_network(text) for text in _NOT_PUBLIC]
EDGES = [0, 1, 21, 22, 23, 80, 443, 1000, 65535]
NEARBY = sorted({port + near for port in EDGES for near in (-1, 0, 1)} & set(range(1, 65536)))


def plainly_internet(cidrs: set[str]) -> bool:
    """Whether these are the internet, told by networks that are collapsed and excluded."""
    networks: list[Any] = [ip_network(each, strict=False) for each in cidrs]
    for version, prefix in ((4, 8), (6, 32)):
        own = [each for each in networks if each.version == version]
        reserved = [each for each in RESERVED if each.version == version]
        if any(n.prefixlen < prefix and not any(n.subnet_of(r) for r in reserved) for n in own):
            return True
        limit = 2 ** ((32 if version == 4 else 128) - prefix)
        if (
            sum(each.num_addresses for each in public(list(collapse_addresses(own)), reserved))
            > limit
        ):
            return True
    return False


def public(networks: list[Any], reserved: list[Any]) -> list[IPv4Network | IPv6Network]:
    for block in reserved:
        kept: list[Any] = []
        for each in networks:
            if block.subnet_of(each):
                kept += each.address_exclude(block)
            elif not each.subnet_of(block):
                kept.append(each)
        networks = kept
    return networks


BYTES = st.integers(0, 255)
CIDRS = st.one_of(
    st.builds(lambda a, b, p: f"{a}.{b}.0.0/{p}", BYTES, BYTES, st.integers(0, 24)),
    st.builds(lambda a, p: f"{a:x}::/{p}", st.integers(0, 0xFFFF), st.integers(0, 64)),
    st.sampled_from([*_NOT_PUBLIC, "0.0.0.0/0", "0.0.0.0/9", "8.0.0.0/9", "2600::/32"]),
)
RULES = st.lists(
    st.builds(
        lambda cidrs, low, high, protocol: rule(*cidrs, ports=(low, high), protocol=protocol),
        st.lists(CIDRS, max_size=3),
        st.sampled_from(EDGES),
        st.sampled_from(EDGES),
        st.sampled_from(["tcp", "6", "udp", "-1", "icmp"]),
    ),
    max_size=6,
)
BESIDES = compile_expression('open_besides(x, [], "tcp", ports)', variables=("x", "ports"))
OPEN = compile_expression('open_to_internet(x, [], "tcp", ports)', variables=("x", "ports"))


@given(RULES, st.lists(st.sampled_from(NEARBY), max_size=4))
def test_sets_of_addresses_and_ports_are_as_a_plain_count_has_them(
    rules: list[Any], ports: list[int]
) -> None:
    opened = {port for port in NEARBY if plainly_internet(let_in(rules, port))}
    variables = {"x": rules, "ports": ports}
    assert OPEN.evaluate(variables, NOW) is bool(opened & set(ports))
    assert BESIDES.evaluate(variables, NOW) is bool(opened - set(ports))


def let_in(rules: list[Any], port: int) -> set[str]:
    """The blocks that the rules for a port name."""
    about = [
        each
        for each in rules
        if each["IpProtocol"] == "-1"
        or (each["IpProtocol"] in ("tcp", "6") and each["FromPort"] <= port <= each["ToPort"])
    ]
    return {r["CidrIp"] for each in about for r in each["IpRanges"]} | {
        r["CidrIpv6"] for each in about for r in each["Ipv6Ranges"]
    }


def test_evidence_is_the_block_that_opens_the_port() -> None:
    judge = compile_rule(fail_when='open_to_internet(resource.Rules, [], "tcp", [22])').judge
    near, wide = rule("10.0.0.0/8"), rule("8.8.8.8/32", "0.0.0.0/1")
    told = judge({"Rules": [near, wide]}, {}, NOW).evidence
    assert [each.path for each in told] == ["Rules[1].IpRanges[1].CidrIp"]
    halves = [rule(f"{first}.0.0.0/8") for first in (8, 9)]
    assert [each.path for each in judge({"Rules": halves}, {}, NOW).evidence] == ["Rules"]


@pytest.mark.parametrize(
    ("rules", "answer"),
    [
        ([rule(ANYWHERE)], True),
        ([rule("10.0.0.0/8")], False),
        ([by_list("pl-any")], True),
        ([by_list("pl-office")], False),
        ([by_list("pl-gone")], None),
        ([by_list("pl-gone"), by_list("pl-any")], True),
    ],
)
def test_lists_that_were_read_in_part_leave_unknown_only_what_they_decide(
    rules: list[Any], answer: bool | None
) -> None:
    reasons = frozenset({"DescribeManagedPrefixLists"})
    call = compile_expression('open_to_internet(x, lists, "tcp", [22])', variables=("x", "lists"))
    found = call.evaluate_partly({"x": rules, "lists": PartialList(LISTS, reasons)}, NOW)
    assert found == (Unknown(reasons) if answer is None else answer)
