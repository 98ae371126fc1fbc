"""The policies on open ports, as a family: no port is said twice, none is left unsaid."""

from __future__ import annotations

from typing import Any

import pytest
from tests.packs.test_packs import compiled

from cloudsealed.engine import Unknown
from cloudsealed.packs import EXAMPLES_AT, PolicySpec, load_policies

FAMILY = {p.key: p for p in load_policies() if p.resource_types == ("aws.ec2.security_group",)}
OPEN = {key: p for key, p in FAMILY.items() if key.endswith("-open")}
ALL, OTHER = OPEN["aws-ec2-sg-all-open"], OPEN["aws-ec2-sg-port-open"]
NAMED = [p for p in OPEN.values() if p not in (ALL, OTHER)]


def outcomes(protocol: str, low: int, high: int, **more: Any) -> dict[str, str]:
    rule = {"IpProtocol": protocol, "FromPort": low, "ToPort": high, **more}
    group = {"GroupId": "sg-1", "GroupName": "web", "IpPermissions": [rule]}
    return {
        key: compiled(p).judge(group, nothing_beside(p), EXAMPLES_AT, False).outcome
        for key, p in OPEN.items()
    }


def nothing_beside(policy: PolicySpec) -> dict[str, list[Any]]:
    return {name: [] for name in policy.related}


def failing(*rule: Any) -> set[str]:
    found = outcomes(*rule, IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    return {key for key, outcome in found.items() if outcome == "fail"}


def test_the_ports_that_a_policy_names_are_those_that_the_one_of_all_others_leaves_out() -> None:
    tcp = {port for p in NAMED for port in p.params.get("ports", [p.params.get("port")])}
    udp = {port for p in NAMED for port in p.params.get("udp_ports", [])} | {3389}
    assert set(OTHER.params["named_tcp_ports"]) == tcp
    assert set(OTHER.params["named_udp_ports"]) == udp


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize("port", [22, 80, 443, 445, 3389, 5432, 6379, 8080, 2375, 10250, 53])
def test_one_open_port_is_said_once_or_is_for_everybody(protocol: str, port: int) -> None:
    found = failing(protocol, port, port)
    assert len(found) == (0 if (protocol, port) in FOR_EVERYBODY else 1)


FOR_EVERYBODY = {
    (protocol, port) for protocol in ("tcp", "udp") for port in OTHER.params[f"{protocol}_ports"]
}


def test_all_ports_are_one_exposure_to_which_every_other_yields() -> None:
    assert failing("-1", 0, 0) == set(OPEN)
    assert {key for key, p in OPEN.items() if p.yields_to == (ALL.key,)} == set(OPEN) - {ALL.key}
    assert ALL.yields_to == ()


@pytest.mark.parametrize("policy", OPEN.values(), ids=OPEN)
def test_a_prefix_list_that_nobody_read_leaves_it_unknown(policy: PolicySpec) -> None:
    rule = {"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": "pl-1"}]}
    group = {"IpPermissions": [rule]}
    judged = compiled(policy).judge(group, nothing_beside(policy), EXAMPLES_AT)
    assert judged.error is not None
    assert "pl-1" in str(judged.error)


PUBLIC = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "lambda:*"}]}


@pytest.mark.parametrize(
    ("newest", "older", "outcome"),
    [
        ([PUBLIC], Unknown(frozenset({"not asked"})), "fail"),
        ([], Unknown(frozenset({"not asked"})), "unknown"),
        ([], [], "pass"),
        (Unknown(frozenset({"denied"})), [], "unknown"),
    ],
)
def test_what_is_not_known_of_versions_is_no_pass(newest: Any, older: Any, outcome: str) -> None:
    (spec,) = [each for each in load_policies() if each.key == "aws-lambda-version-public"]
    function = {"FunctionName": "f", "VersionPolicies": newest, "OlderVersionPolicies": older}
    assert compiled(spec).judge_partly(function, {}, now=EXAMPLES_AT).outcome == outcome
