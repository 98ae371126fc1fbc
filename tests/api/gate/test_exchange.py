from __future__ import annotations

import pytest

from cloudsealed.api.gate.exchange import Addresses
from cloudsealed.kit.addresses import budget_key


@pytest.mark.parametrize(
    ("socket", "forwarded", "found"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
        ("10.0.0.1", "198.51.100.7, junk", "10.0.0.1"),
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("10.0.0.1", "198.51.100.7:51234", "198.51.100.7"),
        ("10.0.0.1", "[2001:db8::1]:443", "2001:db8::1"),
        ("10.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"),
        ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "fe80::1%eth0", "fe80::1"),
    ],
)
def test_only_a_trusted_proxy_is_believed(socket: str, forwarded: str, found: str) -> None:
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    scope = {"client": (socket, 1), "headers": headers}
    assert Addresses(("10.0.0.0/8",)).of(scope) == found


def test_no_proxy_is_trusted_unless_a_setting_says_so() -> None:
    scope = {"client": ("10.0.0.1", 1), "headers": [(b"x-forwarded-for", b"198.51.100.7")]}
    assert Addresses(()).of(scope) == "10.0.0.1"


def test_an_ipv6_network_shares_a_budget() -> None:
    assert budget_key("2001:db8::1") == budget_key("2001:db8::ffff") == "2001:db8::/64"
    assert budget_key("2001:db8:0:1::1") != budget_key("2001:db8::1")
    assert budget_key("192.0.2.1") == "192.0.2.1"
    assert budget_key("::ffff:192.0.2.1") != budget_key("::ffff:192.0.2.2")
