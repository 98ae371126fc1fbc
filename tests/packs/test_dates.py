"""Built-in policies on what ends on a day: that day, half a year before, and what is unknown."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest

from cloudsealed.engine import Judgement, Rule
from cloudsealed.packs import load_policies
from cloudsealed.policies.files import rule_of

POLICIES = {policy.key: policy for policy in load_policies()}
NOW = "2026-11-29T00:00:00"

INSTANCE = {"DBInstanceIdentifier": "db"}
CLUSTER = {"DBClusterIdentifier": "c"}
OFF = {"EngineLifecycleSupport": "open-source-rds-extended-support-disabled"}


@cache
def rule(key: str) -> Rule:
    return rule_of(POLICIES[key])


def judged(key: str, resource: dict[str, Any], at: str = NOW) -> Judgement:
    now = datetime.fromisoformat(at).replace(tzinfo=UTC)
    return rule(key).judge(resource, {}, now)


def said(key: str, resource: dict[str, Any], at: str = NOW) -> str:
    found = judged(key, resource, at)
    if found.outcome != "fail":
        return found.outcome
    return f"fail {found.severity or POLICIES[key].severity}"


def runtime(name: str | None) -> dict[str, Any]:
    return {"FunctionName": "f", "Runtime": name}


def cluster(version: str, **more: Any) -> dict[str, Any]:
    return {"Cluster": {"name": "k", "version": version, **more}}


def database(engine: str, version: str, **more: str) -> dict[str, Any]:
    return {**INSTANCE, "Engine": engine, "EngineVersion": version, **more}


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("python3.9", "fail medium"),
        ("python3.10", "fail medium"),
        ("nodejs20.x", "fail medium"),
        ("ruby3.2", "fail medium"),
        ("provided.al2", "fail medium"),
        ("dotnet8", "fail medium"),
        ("dotnetcore1.0", "fail medium"),
        ("nodejs4.3-edge", "fail medium"),
        ("nodejs22.x", "fail low"),
        ("ruby3.3", "fail low"),
        ("python3.11", "pass"),
        ("java21", "pass"),
        ("provided.al2023", "pass"),
        ("nodejs98.x", "error"),
        ("", "not_applicable"),
        (None, "not_applicable"),
    ],
)
def test_a_runtime_is_judged_by_the_day(name: str | None, verdict: str) -> None:
    assert said("aws-lambda-runtime-deprecated", runtime(name)) == verdict


def test_a_runtime_is_deprecated_on_its_day_and_soon_half_a_year_before() -> None:
    days = ("2026-05-03T23:59:59", "2026-05-04T00:00:00", "2026-10-30T23:59:59", "2026-10-31")
    found = [said("aws-lambda-runtime-deprecated", runtime("python3.10"), day) for day in days]
    assert found == ["pass", "fail low", "fail low", "fail medium"]


@pytest.mark.parametrize(
    ("document", "verdict"),
    [
        (cluster("1.29"), "fail high"),
        (cluster("1.33"), "fail high"),
        (cluster("1.33", upgradePolicy={"supportType": "EXTENDED"}), "fail high"),
        (cluster("1.33", upgradePolicy={"supportType": "STANDARD"}), "pass"),
        (cluster("1.34"), "fail low"),
        (cluster("1.35"), "fail low"),
        (cluster("1.34", upgradePolicy={"supportType": "STANDARD"}), "pass"),
        (cluster("1.36"), "pass"),
        (cluster("1.40"), "error"),
    ],
)
def test_a_kubernetes_version_is_judged_by_the_day_and_the_upgrade_policy(
    document: dict[str, Any], verdict: str
) -> None:
    assert said("aws-eks-extended-support", document) == verdict


@pytest.mark.parametrize(
    ("document", "verdict"),
    [
        (database("aurora-mysql", "5.7.mysql_aurora.2.12.0"), "fail high"),
        (database("aurora-postgresql", "13.9"), "fail high"),
        (database("aurora-postgresql", "10.21"), "fail high"),
        (database("postgres", "11.22-rds.20240418"), "fail high"),
        (database("postgres", "13.15"), "fail high"),
        (database("postgres", "13.15", **OFF), "pass"),
        (database("postgres", "14.9"), "fail low"),
        (database("postgres", "15.4"), "pass"),
        (database("mysql", "8.0.35"), "fail high"),
        (database("mysql", "8.4.3"), "pass"),
        (database("mysql", "9.7.0"), "error"),
        (database("mariadb", "10.4.34"), "not_applicable"),
        (database("oracle-se2", "19.0.0.0"), "not_applicable"),
        (database("aurora-postgresql", "13.9", DBClusterIdentifier="c"), "not_applicable"),
    ],
)
def test_a_version_of_a_database_is_judged_by_the_day_and_what_is_paid_for(
    document: dict[str, Any], verdict: str
) -> None:
    assert said("aws-rds-instance-extended-support", document) == verdict


@pytest.mark.parametrize(
    ("engine", "version", "more", "verdict"),
    [
        ("aurora-mysql", "5.7.mysql_aurora.2.12.0", {}, "fail high"),
        ("aurora-mysql", "5.7.mysql_aurora.2.12.0", OFF, "pass"),
        ("aurora-mysql", "8.0.mysql_aurora.3.08.1", {}, "pass"),
        ("aurora-postgresql", "14.9", {}, "fail low"),
        ("docdb", "3.6.0", {}, "fail high"),
        ("docdb", "5.0.0", {}, "pass"),
        ("neptune", "1.2.1.0", {}, "not_applicable"),
        ("aurora-postgresql", "19.1", {}, "error"),
    ],
)
def test_a_cluster_is_judged_once_for_all_its_members(
    engine: str, version: str, more: dict[str, str], verdict: str
) -> None:
    document = {**CLUSTER, "Engine": engine, "EngineVersion": version, **more}
    assert said("aws-rds-cluster-extended-support", document) == verdict


@pytest.mark.parametrize(
    ("document", "verdict"),
    [
        (database("mariadb", "10.5.8"), "fail medium"),
        (database("mariadb", "10.6.14"), "fail low"),
        (database("mariadb", "10.11.6"), "pass"),
        (database("mysql", "5.6.51"), "fail medium"),
        (database("mysql", "5.7.44"), "pass"),
        ({**CLUSTER, "Engine": "neptune", "EngineVersion": "1.2.1.0"}, "fail low"),
        ({**CLUSTER, "Engine": "neptune", "EngineVersion": "1.0.5.1"}, "fail medium"),
        ({**CLUSTER, "Engine": "neptune", "EngineVersion": "1.4.7.0"}, "pass"),
        (database("neptune", "1.0.5.1", DBClusterIdentifier="c"), "not_applicable"),
        (database("sqlserver-ex", "15.00.4236"), "not_applicable"),
    ],
)
def test_a_version_that_nobody_cares_for_is_said(document: dict[str, Any], verdict: str) -> None:
    assert said("aws-rds-version-unsupported", document) == verdict


@pytest.mark.parametrize(
    ("until", "verdict"),
    [
        ("2026-12-29T00:00:00Z", "fail high"),
        ("2026-12-29T00:00:01Z", "pass"),
        ("2026-11-29T00:00:00Z", "fail high"),
        ("2020-01-01T00:00:00Z", "fail high"),
    ],
)
def test_a_certificate_is_due_from_exactly_30_days_before_on(until: str, verdict: str) -> None:
    certificate = {"DomainName": "d", "Status": "ISSUED", "NotAfter": until, "InUseBy": ["lb"]}
    assert said("aws-acm-certificate-expiring", {"Certificate": certificate}) == verdict


def balancer(*listeners: tuple[str, str]) -> dict[str, Any]:
    said = [{"Protocol": protocol, "SslPolicy": policy} for protocol, policy in listeners]
    return {"LoadBalancerName": "l", "Listeners": said}


@pytest.mark.parametrize(
    ("document", "verdict"),
    [
        (balancer(("HTTPS", "ELBSecurityPolicy-TLS13-1-0-FIPS-PQ-2025-09")), "fail medium"),
        (balancer(("TLS", "ELBSecurityPolicy-2015-05")), "fail medium"),
        (balancer(("HTTPS", "ELBSecurityPolicy-TLS13-1-2-RFC9151-FIPS-2023-07")), "pass"),
        (balancer(("TCP", "ELBSecurityPolicy-2016-08")), "not_applicable"),
        (balancer(("HTTPS", "of-tomorrow")), "error"),
        (balancer(("HTTPS", "of-tomorrow"), ("TLS", "ELBSecurityPolicy-2016-08")), "fail medium"),
    ],
)
def test_only_listeners_that_speak_tls_are_judged_and_an_unknown_policy_is_unknown(
    document: dict[str, Any], verdict: str
) -> None:
    assert said("aws-elbv2-weak-tls", document) == verdict


def node(version: str, **labels: str) -> dict[str, Any]:
    info = {"nodeInfo": {"kubeletVersion": version}}
    return {"metadata": {"name": "n1", "labels": labels}, "status": info}


@pytest.mark.parametrize(
    ("document", "verdict"),
    [
        (node("v1.35.1"), "pass"),
        (node("v1.34.6+k3s1"), "fail high"),
        (node("v1.9.11"), "fail high"),
        (node("v1.34.2-eks-113cf36"), "pass"),
        (node("v1.33.5-eks-113cf36"), "pass"),
        (node("v1.31.9-eks-113cf36"), "fail high"),
        (node("v1.30.5-gke.1014001"), "not_applicable"),
        (node("v1.30.5", **{"kubernetes.azure.com/cluster": "MC_shop"}), "not_applicable"),
        (node("v1.99.0"), "error"),
        (node(""), "error"),
    ],
)
def test_a_node_is_judged_by_the_days_of_whoever_made_its_version(
    document: dict[str, Any], verdict: str
) -> None:
    assert said("k8s-node-version-ended", document) == verdict


def test_a_version_of_a_node_has_ended_on_its_day() -> None:
    days = ("2026-10-26T23:59:59", "2026-10-27T00:00:00")
    found = [said("k8s-node-version-ended", node("v1.34.6"), day) for day in days]
    assert found == ["pass", "fail high"]
