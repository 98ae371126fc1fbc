from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from cloudsealed.engine import compile_rule

GROUP: dict[str, Any] = {
    "IpPermissions": [
        {"IpProtocol": "udp", "FromPort": 53, "IpRanges": []},
        {
            "IpProtocol": "tcp",
            "FromPort": 22,
            "IpRanges": [{"CidrIp": "10.0.0.0/8"}, {"CidrIp": "0.0.0.0/0"}],
        },
    ],
    "Tags": [{"Key": "env", "Value": "prod"}],
    "Policy": {
        "Statement": [{"Effect": "Deny"}, {"Effect": "Allow", "Principal": "*", "Action": "*"}]
    },
    "Flag": True,
    "Name": "web",
    "One": {"A": 1},
}


def evidence(source: str, now: datetime, document: dict[str, Any] | None = None) -> dict[str, Any]:
    rule = compile_rule(fail_when=source)
    judgement = rule.judge(GROUP if document is None else document, {}, now)
    assert judgement.outcome == "fail"
    return {each.path: each.value for each in judgement.evidence}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("resource.Flag", {"Flag": True}),
        ("resource.Name == 'web' && resource.Flag", {"Name": "web", "Flag": True}),
        ("resource.Name == 'db' || resource.Flag", {"Flag": True}),
        ("resource.?One.A.orValue(0) == 1", {"One.A": 1}),
        ("!resource.?One.B.hasValue()", {"One.B": None}),
        ("resource.?One.optMap(x, x.A).value() == 1", {"One": {"A": 1}}),
        ("cel.bind(x, resource.One, x.A == 1 && resource.Flag)", {"One.A": 1, "Flag": True}),
        (
            "resource.IpPermissions.exists(i, p, i == 1 && p.FromPort == 22)",
            {"IpPermissions[1].FromPort": 22},
        ),
        ("!(resource.Name == 'db' || !resource.Flag)", {"Name": "web", "Flag": True}),
        ("!(resource.Name == 'db' && resource.Flag)", {"Name": "web"}),
        ("!has(resource.Encryption)", {"Encryption": None}),
        ("!has(resource.One.B)", {"One.B": None}),
        (
            (
                "resource.IpPermissions.exists(p, p.FromPort <= 22 && "
                "p.IpRanges.exists(x, x.CidrIp == '0.0.0.0/0'))"
            ),
            {"IpPermissions[1].FromPort": 22, "IpPermissions[1].IpRanges[1].CidrIp": "0.0.0.0/0"},
        ),
        (
            "!resource.IpPermissions.all(p, p.IpProtocol == 'udp')",
            {"IpPermissions[1].IpProtocol": "tcp"},
        ),
        (
            "resource.IpPermissions.filter(p, p.FromPort == 22).exists(p, p.IpProtocol == 'tcp')",
            {"IpPermissions[1].IpProtocol": "tcp"},
        ),
        (
            "resource.IpPermissions.map(p, p.IpRanges).exists(r, size(r) > 1)",
            {"IpPermissions[1].IpRanges": [{"CidrIp": "10.0.0.0/8"}, {"CidrIp": "0.0.0.0/0"}]},
        ),
        (
            "resource.IpPermissions.map(p, size(p.IpRanges) > 1, p.FromPort).size() > 0",
            {"IpPermissions[1].FromPort": 22},
        ),
        (
            "resource.IpPermissions.filter(p, p.FromPort < 60).map(p, p.FromPort).size() == 2",
            {"IpPermissions[0].FromPort": 53, "IpPermissions[1].FromPort": 22},
        ),
        (
            "resource.IpPermissions.map(p, p.FromPort == 80, p.FromPort).size() == 0",
            {"IpPermissions": GROUP["IpPermissions"]},
        ),
        ("as_list(resource.One).exists(x, x.A == 1)", {"One.A": 1}),
        ("as_list(resource.Name).exists(x, x == 'web')", {"Name": "web"}),
        ("tag(resource, 'env') == 'prod'", {"Tags[0].Value": "prod"}),
        ("tag(resource, 'owner') == null", {"Tags": [{"Key": "env", "Value": "prod"}]}),
        ("get(resource, 'One.A', 0) == 1", {"One.A": 1}),
        ("get(resource, 'One.Z', 5) == 5", {"One.Z": None}),
        (
            "policy_allows_public(resource.Policy)",
            {"Policy.Statement[1]": {"Effect": "Allow", "Principal": "*", "Action": "*"}},
        ),
        ("resource.Flag ? resource.Name == 'web' : false", {"Flag": True, "Name": "web"}),
        ("resource.Tags[0].Key == 'env'", {"Tags[0].Key": "env"}),
        ("resource['Name'] + 'x' == 'webx'", {"Name": "web"}),
        ("resource.IpPermissions.exists_one(p, p.FromPort == 22)", {"IpPermissions": "["}),
        ("size(resource) > 0", {}),
        ("true", {}),
    ],
)
def test_a_fail_shows_the_values_that_made_it(
    source: str, expected: dict[str, Any], now: datetime
) -> None:
    found = evidence(source, now)
    if "[" in expected.values():
        found = {path: str(value)[:1] for path, value in found.items()}
    assert found == expected


def test_an_operand_that_has_no_value_is_not_evidence(now: datetime) -> None:
    assert evidence("resource.Missing == 1 || resource.Flag", now) == {"Flag": True}


def test_long_values_are_clipped(now: datetime) -> None:
    document = {"Text": "x" * 500, "List": list(range(200))}
    found = evidence("resource.Text != '' && size(resource.List) > 1", now, document)
    assert len(found["Text"]) == 200
    assert found["Text"].endswith("…")
    assert found["List"].startswith("[0,1,2,")
    assert len(found["List"]) == 200


def test_there_are_at_most_twenty_values(now: datetime) -> None:
    document = {f"F{number}": True for number in range(30)}
    source = " && ".join(f"resource.F{number}" for number in range(30))
    assert len(evidence(source, now, document)) == 20


def test_a_redacted_value_is_shown_without_its_digest_and_never_inside(now: datetime) -> None:
    secret = {"redacted": True, "length": 20, "digest": "abc", "looks_like": ["aws_access_key"]}
    document = {"Environment": {"KEY": secret}, "UserData": secret}
    shown = {"redacted": True, "length": 20, "looks_like": ["aws_access_key"]}
    inside = evidence("size(resource.UserData.looks_like) > 0", now, document)
    assert inside == {"UserData": shown}
    around = evidence("size(resource.Environment) > 0", now, document)
    assert around == {"Environment": {"KEY": shown}}
    assert evidence("resource.UserData.digest == 'abc'", now, document) == {"UserData": shown}


def test_the_key_of_a_map_shows_its_entry(now: datetime) -> None:
    document = {"Variables": {"PASSWORD": "x"}}
    found = evidence("resource.Variables.exists(name, name == 'PASSWORD')", now, document)
    assert found == {"Variables.PASSWORD": "x"}
