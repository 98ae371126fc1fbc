"""What opens a cluster's network: load balancers, network policies and ingresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cloudsealed.engine import EvaluationError

Evaluate = Callable[..., Any]
CLOUD = "service.beta.kubernetes.io/"
ALB = "alb.ingress.kubernetes.io/"
EVERYWHERE = ["0.0.0.0/0", "::/0"]


def service(notes: dict[str, str] | None = None, ips: tuple[str, ...] = (), **spec: Any) -> Any:
    given = [{"ip": ip} for ip in ips]
    return {
        "metadata": {"name": "web", **({"annotations": notes} if notes else {})},
        "spec": {"type": "LoadBalancer", **spec},
        "status": {"loadBalancer": {"ingress": given} if given else {}},
    }


@pytest.mark.parametrize(
    ("document", "internal"),
    [
        (service(), False),
        (service({CLOUD + "aws-load-balancer-internal": "true"}), True),
        (service({CLOUD + "aws-load-balancer-internal": "0.0.0.0/0"}), True),
        (service({CLOUD + "aws-load-balancer-internal": "false"}), False),
        (service({CLOUD + "aws-load-balancer-type": "nlb"}), False),
        (service({CLOUD + "aws-load-balancer-type": "external"}), True),
        (
            service(
                {
                    CLOUD + "aws-load-balancer-type": "external",
                    CLOUD + "aws-load-balancer-scheme": "internet-facing",
                }
            ),
            False,
        ),
        (service(loadBalancerClass="service.k8s.aws/nlb"), True),
        (
            service(
                {CLOUD + "aws-load-balancer-scheme": "internet-facing"},
                loadBalancerClass="eks.amazonaws.com/nlb",
            ),
            False,
        ),
        (
            service(
                {CLOUD + "aws-load-balancer-internal": "false"},
                loadBalancerClass="service.k8s.aws/nlb",
            ),
            False,
        ),
        (service({"networking.gke.io/load-balancer-type": "Internal"}), True),
        (service({"cloud.google.com/load-balancer-type": "External"}), False),
        (service({CLOUD + "azure-load-balancer-internal": "true"}), True),
        (service({CLOUD + "azure-load-balancer-internal": "True"}), True),
        (service({CLOUD + "azure-load-balancer-internal": "false"}), False),
        (service({CLOUD + "do-loadbalancer-network": "INTERNAL"}), True),
        (service({CLOUD + "alibaba-cloud-loadbalancer-address-type": "Intranet"}), True),
        (
            service({"service.kubernetes.io/qcloud-loadbalancer-internal-subnetid": "subnet-1"}),
            True,
        ),
        (service(loadBalancerClass="tailscale"), True),
        (service(ips=("10.0.0.7",)), True),
        (service(ips=("10.0.0.7", "8.8.8.8")), False),
        (service(ips=("8.8.8.8",)), False),
    ],
)
def test_a_load_balancer_is_internal_where_its_cloud_is_asked_for_that(
    document: Any, internal: bool, value_of: Evaluate
) -> None:
    assert value_of("is_internal(s)", s=document) is internal


def test_a_scheme_that_perhaps_nobody_reads_decides_nothing(value_of: Evaluate) -> None:
    with pytest.raises(EvaluationError, match="is not said"):
        value_of("is_internal(s)", s=service({CLOUD + "aws-load-balancer-scheme": "internal"}))


@pytest.mark.parametrize(
    ("document", "sources"),
    [
        (service(), EVERYWHERE),
        (service(loadBalancerSourceRanges=[]), EVERYWHERE),
        (service(loadBalancerSourceRanges=["8.8.8.0/24"]), ["8.8.8.0/24"]),
        (
            service({CLOUD + "load-balancer-source-ranges": "10.0.0.0/8, 8.8.8.0/24"}),
            ["10.0.0.0/8", "8.8.8.0/24"],
        ),
        (
            service(
                {CLOUD + "load-balancer-source-ranges": "0.0.0.0/0"},
                loadBalancerSourceRanges=["10.0.0.0/8"],
            ),
            ["10.0.0.0/8"],
        ),
        (
            service({CLOUD + "do-loadbalancer-allow-rules": "ip:8.8.8.8,cidr:10.0.0.0/8"}),
            ["8.8.8.8", "10.0.0.0/8"],
        ),
        (service({CLOUD + "azure-allowed-ip-ranges": "8.8.8.8/32"}), ["8.8.8.8/32"]),
        (service({CLOUD + "azure-allowed-service-tags": "AzureCloud"}), []),
        (service({CLOUD + "azure-allowed-service-tags": "AzureCloud,Internet"}), EVERYWHERE),
    ],
)
def test_a_load_balancer_lets_in_whom_it_names_or_everyone(
    document: Any, sources: list[str], value_of: Evaluate
) -> None:
    assert value_of("allowed_sources(s)", s=document) == sources


def test_whom_a_security_group_lets_in_is_not_said_here(value_of: Evaluate) -> None:
    named = service({CLOUD + "aws-load-balancer-security-groups": "sg-0a1"})
    with pytest.raises(EvaluationError, match="security groups"):
        value_of("allowed_sources(s)", s=named)


WEB = {"matchLabels": {"app": "web"}}


@pytest.mark.parametrize(
    ("spec", "ingress", "egress"),
    [
        ({"podSelector": {}}, True, False),
        ({"podSelector": {}, "egress": [{}]}, True, True),
        ({"podSelector": {}, "policyTypes": ["Egress"]}, False, True),
        ({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}, True, True),
        ({"podSelector": WEB, "policyTypes": ["Ingress", "Egress"]}, True, True),
        ({"podSelector": {"matchLabels": {"app": "api"}}}, False, False),
        (
            {"podSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}},
            True,
            False,
        ),
    ],
)
def test_a_policy_isolates_the_pods_that_it_selects_in_its_directions(
    spec: Any, ingress: bool, egress: bool, value_of: Evaluate
) -> None:
    asked = {"p": {"spec": spec}, "l": {"app": "web"}}
    assert value_of('isolates(p, "Ingress", l)', **asked) is ingress
    assert value_of('isolates(p, "Egress", l)', **asked) is egress


def test_there_are_two_directions(value_of: Evaluate) -> None:
    with pytest.raises(EvaluationError, match="no direction"):
        value_of('isolates(p, "ingress", {})', p={"spec": {"podSelector": {}}})


def block(cidr: str, *out: str) -> Any:
    return {"ipBlock": {"cidr": cidr, **({"except": [*out]} if out else {})}}


@pytest.mark.parametrize(
    ("rule", "is_open"),
    [
        ({}, True),
        ({"from": []}, True),
        ({"ports": [{"port": 443}]}, True),
        ({"from": [block("0.0.0.0/0")]}, True),
        ({"from": [block("::/0")]}, True),
        ({"from": [block("0.0.0.0/1"), block("128.0.0.0/1")]}, True),
        ({"from": [block("0.0.0.0/0", "10.0.0.0/8")]}, True),
        ({"from": [block("0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1")]}, False),
        ({"from": [block("10.0.0.0/8")]}, False),
        ({"from": [block("8.8.8.0/24")]}, False),
        ({"from": [{"podSelector": {}}]}, False),
        ({"from": [{"namespaceSelector": {}}]}, False),
        ({"from": [{"podSelector": {}}, block("0.0.0.0/0")]}, True),
    ],
)
def test_a_rule_is_open_that_names_nobody_or_the_internet(
    rule: Any, is_open: bool, value_of: Evaluate
) -> None:
    policy = {"spec": {"podSelector": {}, "ingress": [rule]}}
    assert value_of('open_rules(p, "Ingress")', p=policy) == ([rule] if is_open else [])
    out = {"to": rule["from"]} if "from" in rule else {}
    leaving = {"spec": {"policyTypes": ["Egress"], "egress": [out], "ingress": [rule]}}
    assert bool(value_of('open_rules(p, "Egress")', p=leaving)) is is_open
    assert value_of('open_rules(p, "Ingress")', p=leaving) == []


@pytest.mark.parametrize(
    ("ports", "every"),
    [
        (None, True),
        ([], True),
        ([{"port": 443}], False),
        ([{"port": "http", "protocol": "TCP"}], False),
        ([{"protocol": "TCP"}], True),
        ([{"protocol": "UDP"}], False),
        ([{"port": 1, "endPort": 65535}], True),
        ([{"port": 1024, "endPort": 65535}], False),
        ([{"port": 1024, "endPort": 65535}, {"port": 1, "endPort": 2000}], True),
        ([{"port": 1, "endPort": 65535, "protocol": "UDP"}, {"port": 80}], False),
    ],
)
def test_a_rule_is_for_any_port_that_names_none_or_all_of_them(
    ports: Any, every: bool, value_of: Evaluate
) -> None:
    assert value_of("any_port(r)", r={} if ports is None else {"ports": ports}) is every


def ingress(
    *hosts: str | None,
    tls: Any = None,
    notes: dict[str, str] | None = None,
    labels: dict[str, str] | None = None,
) -> Any:
    rules = [{"host": host} if host else {} for host in hosts]
    said = {"rules": rules, **({} if tls is None else {"tls": tls})}
    return {"metadata": {"annotations": notes or {}, "labels": labels or {}}, "spec": said}


@pytest.mark.parametrize(
    ("document", "plain"),
    [
        (ingress("a.example.com", "b.example.com"), ["a.example.com", "b.example.com"]),
        (ingress(), ["*"]),
        (ingress(None), ["*"]),
        (ingress(None, tls=[{"secretName": "x"}]), []),
        (ingress("a.example.com", tls=[{"secretName": "x"}]), []),
        (
            ingress("a.example.com", "b.example.com", tls=[{"hosts": ["a.example.com"]}]),
            ["b.example.com"],
        ),
        (ingress("a.example.com", tls=[{"hosts": ["*.example.com"]}]), []),
        (ingress("a.b.example.com", tls=[{"hosts": ["*.example.com"]}]), ["a.b.example.com"]),
        (ingress("*.example.com", tls=[{"hosts": ["*.example.com"]}]), []),
        (ingress("a.example.com", notes={ALB + "certificate-arn": "arn"}), []),
        (ingress("a.example.com", notes={ALB + "listen-ports": '[{"HTTPS": 443}]'}), []),
        (
            ingress("a.example.com", notes={ALB + "listen-ports": '[{"HTTP": 80}]'}),
            ["a.example.com"],
        ),
        (ingress("a.example.com", notes={"networking.gke.io/managed-certificates": "c"}), []),
        (
            ingress("a.example.com", notes={"traefik.ingress.kubernetes.io/router.tls": "false"}),
            ["a.example.com"],
        ),
        (ingress("a.example.com", labels={"acme.cert-manager.io/http01-solver": "true"}), []),
    ],
)
def test_a_host_is_plain_that_no_certificate_is_for(
    document: Any, plain: list[str], value_of: Evaluate
) -> None:
    assert value_of("plain_hosts(i)", i=document) == plain


def test_an_annotation_that_is_no_json_decides_nothing(value_of: Evaluate) -> None:
    with pytest.raises(EvaluationError, match="is no JSON"):
        value_of("plain_hosts(i)", i=ingress("a", notes={ALB + "listen-ports": "HTTPS:443"}))


def path(name: str, port: Any) -> Any:
    return {"backend": {"service": {"name": name, "port": port}}}


def test_backends_are_services_alone(value_of: Evaluate) -> None:
    paths = [
        path("web", {"number": 80}),
        path("api", {"name": "http"}),
        path("web", {"number": 81}),
        path("ssl-redirect", {"name": "use-annotation"}),
        {"backend": {"resource": {"kind": "Bucket", "name": "b"}}},
    ]
    document: Any = {"spec": {"rules": [{"http": {"paths": paths}}, {"host": "a"}]}}
    assert value_of("backends(i)", i=document) == ["web", "api"]
    document["spec"]["defaultBackend"] = {"service": {"name": "rest", "port": {"number": 1}}}
    assert value_of("backends(i)", i=document) == ["rest", "web", "api"]
    assert value_of("backends(i)", i={"spec": {}}) == []


def test_ports_that_an_ingress_leads_to_are_numbers_or_names(value_of: Evaluate) -> None:
    def backend(name: str, port: Any) -> Any:
        return {"backend": {"service": {"name": name, "port": port}}}

    paths = [backend("web", {"number": 80}), backend("web", {"name": "use-annotation"})]
    spec = {"rules": [{"http": {"paths": paths}}], "defaultBackend": {"service": {"name": "rest"}}}
    assert value_of("backend_ports(i)", i={"spec": spec}) == [
        {"service": "rest", "port": None},
        {"service": "web", "port": 80},
    ]
    named = {"defaultBackend": backend("web", {"name": "http"})["backend"]}
    assert value_of("backend_ports(i)[0].port", i={"spec": named}) == "http"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({}, {}, True),
        ({"class": "nginx"}, {"class": "nginx"}, True),
        ({"class": "nginx"}, {}, False),
        ({"class": "nginx"}, {"note": "nginx"}, True),
        ({"class": "nginx", "note": "inside"}, {"class": "nginx"}, False),
        ({"class": "alb"}, {"class": "alb"}, False),
        ({"note": "gce"}, {"note": "gce"}, False),
        ({"class": "alb", "group": "shop"}, {"class": "alb", "group": "shop"}, True),
        ({"class": "alb", "group": "shop"}, {"class": "alb", "group": "wiki"}, False),
        ({"class": "public", "group": "shop"}, {"class": "public"}, False),
    ],
)
def test_one_proxy_serves_ingresses_of_a_class_but_where_each_has_its_own(
    one: Any, other: Any, same: bool, value_of: Evaluate
) -> None:
    def made(said: Any) -> Any:
        notes = {"kubernetes.io/ingress.class": "note", ALB + "group.name": "group"}
        found = {name: said[key] for name, key in notes.items() if key in said}
        spec = {"ingressClassName": said["class"]} if "class" in said else {}
        return {"metadata": {"annotations": found}, "spec": spec}

    assert value_of("same_proxy(a, b)", a=made(one), b=made(other)) is same


def test_routes_are_hosts_with_their_paths(value_of: Evaluate) -> None:
    cart = {"path": "/cart", "pathType": "Prefix"}
    rules = [
        {"host": "shop.example.com", "http": {"paths": [cart, {**cart, "path": "/cart/"}]}},
        {"http": {"paths": [{"path": "/", "pathType": "Prefix"}]}},
        {"host": "b", "http": {"paths": [{"path": "/a/", "pathType": "Exact"}]}},
        {"http": {"paths": [{"pathType": "ImplementationSpecific"}]}},
        {"host": "a"},
    ]
    found = value_of("routes(i)", i={"spec": {"rules": rules}})
    assert found == [
        "shop.example.com/cart Prefix",
        "*/ Prefix",
        "b/a/ Exact",
        "*/ ImplementationSpecific",
    ]
    assert value_of("routes(i)", i={"spec": {}}) == []


def test_snippets_are_the_annotations_that_become_configuration(value_of: Evaluate) -> None:
    name = "nginx.ingress.kubernetes.io/server-snippet"
    notes = {name: "return 418;", "nginx.ingress.kubernetes.io/rewrite-target": "/"}
    assert value_of("snippets(i)", i=ingress("a", notes=notes)) == [name]
    assert value_of("snippets(i)", i={"metadata": {}}) == []
