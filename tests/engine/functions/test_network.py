from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cloudsealed.engine import EvaluationError

Evaluate = Callable[..., Any]


@pytest.mark.parametrize(
    ("cidr", "is_any", "is_public"),
    [
        ("0.0.0.0/0", True, True),
        ("::/0", True, True),
        ("0:0:0:0:0:0:0:0/0", True, True),
        ("0.0.0.0/1", False, True),
        ("8.8.8.8", False, True),
        ("8.8.8.0/24", False, True),
        ("10.0.0.0/8", False, False),
        ("10.0.0.0/7", False, True),
        ("172.16.0.0/12", False, False),
        ("172.0.0.0/8", False, True),
        ("192.168.1.7", False, False),
        ("100.64.0.0/10", False, False),
        ("127.0.0.1/32", False, False),
        ("169.254.169.254", False, False),
        ("203.0.113.0/24", False, False),
        ("224.0.0.1", False, False),
        ("2600::/16", False, True),
        ("fc00::/7", False, False),
        ("fe80::1", False, False),
        ("::1", False, False),
        ("2001:db8::/32", False, False),
    ],
)
def test_what_is_any_and_what_is_public(
    value_of: Evaluate, cidr: str, is_any: bool, is_public: bool
) -> None:
    assert value_of("cidr_is_any(x)", x=cidr) is is_any
    assert value_of("cidr_is_public(x)", x=cidr) is is_public


@pytest.mark.parametrize(
    ("outer", "inner", "contains"),
    [
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "10.0.0.0/8", True),
        ("10.0.0.0/8", "10.0.0.0/7", False),
        ("10.0.0.0/8", "11.0.0.0/16", False),
        ("10.1.2.3/8", "10.9.9.9", True),
        ("0.0.0.0/0", "10.0.0.0/8", True),
        ("0.0.0.0/0", "::1", False),
        ("::/0", "2600::1", True),
        ("10.0.0.1", "10.0.0.1/32", True),
    ],
)
def test_which_block_contains_which(
    value_of: Evaluate, outer: str, inner: str, contains: bool
) -> None:
    assert value_of("cidr_contains(a, b)", a=outer, b=inner) is contains


@pytest.mark.parametrize(
    "text", ["", "anywhere", "10.0.0.0/33", "256.1.1.1", "10.0.0", "0.0.0.0/0" * 20, 5, None, []]
)
def test_what_is_no_address_is_an_error(value_of: Evaluate, text: object) -> None:
    for function in ("cidr_is_any(x)", "cidr_is_public(x)", 'cidr_contains("10.0.0.0/8", x)'):
        with pytest.raises(EvaluationError):
            value_of(function, x=text)


@pytest.mark.parametrize(
    ("low", "high", "covers"),
    [(22, 22, True), (0, 65535, True), (23, 80, False), (None, None, True), (22, 21, False)],
)
def test_port_in(value_of: Evaluate, low: object, high: object, covers: bool) -> None:
    assert value_of("port_in(22, a, b)", a=low, b=high) is covers


@pytest.mark.parametrize(("low", "high"), [(22, None), (None, 22), ("22", "22"), (True, 30)])
def test_half_a_range_is_an_error(value_of: Evaluate, low: object, high: object) -> None:
    with pytest.raises(EvaluationError):
        value_of("port_in(22, a, b)", a=low, b=high)


@pytest.mark.parametrize(
    ("permission", "is_open"),
    [
        ({"IpProtocol": "-1"}, True),
        ({"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}, True),
        ({"IpProtocol": "6", "FromPort": 0, "ToPort": 1024}, True),
        ({"IpProtocol": "tcp", "FromPort": 80, "ToPort": 443}, False),
        ({"IpProtocol": "udp", "FromPort": 22, "ToPort": 22}, False),
        ({"IpProtocol": "tcp"}, True),
        ({"IpProtocol": "tcp", "FromPort": -1, "ToPort": -1}, True),
        ({"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1}, False),
    ],
)
def test_port_open(value_of: Evaluate, permission: object, is_open: bool) -> None:
    assert value_of('port_open(p, 22, "tcp")', p=permission) is is_open


@pytest.mark.parametrize(
    "permission", [{}, {"IpProtocol": 6}, {"IpProtocol": "tcp", "FromPort": "22", "ToPort": "22"}]
)
def test_a_strange_permission_is_an_error(value_of: Evaluate, permission: object) -> None:
    with pytest.raises(EvaluationError):
        value_of('port_open(p, 22, "tcp")', p=permission)
