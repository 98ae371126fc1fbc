from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cloudsealed.engine import EvaluationError
from cloudsealed.packs.facts import facts

OUTDATED = {
    *("2011-08", "2014-01", "2014-10", "2015-02", "2015-03", "2015-05", "2016-08"),
    *("TLS-1-0-2015-04", "TLS-1-0-2015-05", "TLS-1-1-2017-01", "FS-2018-06", "FS-1-1-2019-08"),
    *("TLS13-1-0-2021-06", "TLS13-1-1-2021-06", "TLS13-1-0-PQ-2025-09"),
    *("TLS13-1-0-FIPS-2023-04", "TLS13-1-1-FIPS-2023-04", "TLS13-1-0-FIPS-PQ-2025-09"),
}


def offered(value_of: Callable[..., Any], policy: Any) -> dict[str, Any]:
    found: dict[str, Any] = value_of("tls_policy(p)", p=policy)
    return found


def attributes(*on: str, **more: str) -> list[dict[str, str]]:
    said = {**dict.fromkeys(on, "true"), **more}
    return [{"AttributeName": name, "AttributeValue": value} for name, value in said.items()]


def test_exactly_the_policies_that_offer_less_than_tls_1_2_are_outdated(
    value_of: Callable[..., Any],
) -> None:
    names = [row["policy"] for row in facts("tls_policies")]
    found = {name for name in names if offered(value_of, name)["outdated"]}
    assert found == {f"ELBSecurityPolicy-{name}" for name in OUTDATED}


@pytest.mark.parametrize(
    ("name", "oldest", "forward"),
    [
        ("2016-08", "TLSv1", False),
        ("FS-1-2-Res-2020-10", "TLSv1.2", True),
        ("TLS13-1-3-2021-06", "TLSv1.3", True),
        ("TLS13-1-2-Res-PQ-2025-09", "TLSv1.2", True),
        ("TLS13-1-2-Ext0-FIPS-2023-04", "TLSv1.2", True),
        ("TLS13-1-2-Ext1-2021-06", "TLSv1.2", False),
        ("TLS13-1-2-RFC9151-FIPS-2023-07", "TLSv1.2", None),
        ("2014-01", "SSLv3", False),
    ],
)
def test_a_predefined_policy_says_its_oldest_protocol_and_forward_secrecy(
    name: str, oldest: str, forward: bool | None, value_of: Callable[..., Any]
) -> None:
    found = offered(value_of, f"ELBSecurityPolicy-{name}")
    assert (found["oldest"], found["forward_secrecy"]) == (oldest, forward)


def test_broken_ciphers_are_named_and_old_but_sound_ones_are_not(
    value_of: Callable[..., Any],
) -> None:
    weak = offered(value_of, "ELBSecurityPolicy-2014-10")["weak_ciphers"]
    assert weak == ["DES-CBC3-SHA", "RC4-SHA"]
    assert offered(value_of, "ELBSecurityPolicy-TLS-1-2-Ext-2018-06")["weak_ciphers"] == []


def test_a_custom_policy_is_judged_by_what_is_switched_on(value_of: Callable[..., Any]) -> None:
    off = {"Protocol-TLSv1": "false", "RC4-MD5": "false"}
    custom = attributes("Protocol-TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256", **off)
    found = offered(value_of, [*custom, *attributes("Server-Defined-Cipher-Order")])
    assert found["protocols"] == ["TLSv1.2"]
    assert found["ciphers"] == ["ECDHE-RSA-AES128-GCM-SHA256"]
    assert found["forward_secrecy"]
    old = offered(
        value_of, attributes("Protocol-TLSv1.2", "Protocol-SSLv3", "EDH-RSA-DES-CBC3-SHA")
    )
    assert (old["oldest"], old["weak_ciphers"]) == ("SSLv3", ["EDH-RSA-DES-CBC3-SHA"])


def test_a_policy_that_only_refers_to_a_predefined_one_is_that_one(
    value_of: Callable[..., Any],
) -> None:
    reference = attributes(**{"Reference-Security-Policy": "ELBSecurityPolicy-TLS-1-2-2017-01"})
    assert offered(value_of, reference)["oldest"] == "TLSv1.2"


@pytest.mark.parametrize(
    "policy", ["ELBSecurityPolicy-2099-01", "", "my-policy", [], ["x"], attributes("Protocol-QUIC")]
)
def test_what_no_table_knows_is_an_error(policy: Any, value_of: Callable[..., Any]) -> None:
    with pytest.raises(EvaluationError):
        offered(value_of, policy)


def test_suites_that_go_calls_insecure_are_named_in_their_order(
    value_of: Callable[..., Any],
) -> None:
    sound = ["TLS_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]
    weak = [
        "TLS_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
        "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    ]
    assert value_of("insecure_suites(x)", x=[weak[0], *sound, *weak[1:]]) == weak
    assert value_of("insecure_suites(x)", x=[*sound, "TLS_MADE_UP", 7]) == []
