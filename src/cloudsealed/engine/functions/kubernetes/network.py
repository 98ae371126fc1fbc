"""Our functions on how a cluster's network is opened: `is_internal`, `allowed_sources`, `isolates`,
`open_rules`, `any_port`, `plain_hosts`, `backends`, `backend_ports`, `routes`, `same_proxy`,
`snippets`.

Sources: Kubernetes, "Service" (internal load balancer; source ranges), "Network Policies" and
"Ingress"; for annotations the references of those who read them: cloud-provider-aws, AWS Load
Balancer Controller, GKE, cloud-provider-azure, ingress-nginx, Traefik, Kong, OpenShift. Refuses to
guess: what a security group of the cloud decides is an error.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.functions.documents import maps_at
from cloudsealed.engine.functions.internet import (
    LIMITS,
    Range,
    block_of,
    merged,
    public_size,
    without,
)
from cloudsealed.engine.functions.kubernetes.workloads import selects
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.signature import Function, kinds
from cloudsealed.engine.values import Value, describe

_Map = dict[Any, Value]

_CLOUD: Final = "service.beta.kubernetes.io/"
_INTERNAL: Final[Mapping[str, frozenset[str] | None]] = {
    "networking.gke.io/load-balancer-type": frozenset({"internal"}),
    "cloud.google.com/load-balancer-type": frozenset({"internal"}),
    _CLOUD + "azure-load-balancer-internal": frozenset({"true"}),
    _CLOUD + "oci-load-balancer-internal": frozenset({"true"}),
    "oci-network-load-balancer.oraclecloud.com/internal": frozenset({"true"}),
    _CLOUD + "openstack-internal-load-balancer": frozenset({"true"}),
    _CLOUD + "alibaba-cloud-loadbalancer-address-type": frozenset({"intranet"}),
    _CLOUD + "cce-load-balancer-internal-vpc": frozenset({"true"}),
    _CLOUD + "do-loadbalancer-network": frozenset({"internal"}),
    "service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type": frozenset({"private"}),
    "service.kubernetes.io/qcloud-loadbalancer-internal-subnetid": None,
    "load-balancer.hetzner.cloud/disable-public-network": frozenset({"true"}),
}
"""The annotations that ask a cloud for an internal load balancer, and the values that do, in any
case; None is any. Those of AWS stand below, as they depend on who reads them."""
_AWS_CLASSES: Final = ("service.k8s.aws/nlb", "eks.amazonaws.com/nlb")
_AWS_TYPES: Final = ("external", "nlb-ip")
"""What hands a service to the AWS Load Balancer Controller, whose default is internal."""
_PRIVATE_CLASSES: Final = ("tailscale",)
"""What only a private network has a way to; an ingress of it is served by TLS, whatever it says."""
_PORTS: Final = (1, 65535)
_EVERYWHERE: Final[tuple[str, ...]] = ("0.0.0.0/0", "::/0")
_DIRECTIONS: Final = {"Ingress": ("ingress", "from"), "Egress": ("egress", "to")}
_TLS: Final[Mapping[str, frozenset[str] | None]] = {
    "alb.ingress.kubernetes.io/certificate-arn": None,
    "ingress.gcp.kubernetes.io/pre-shared-cert": None,
    "networking.gke.io/managed-certificates": None,
    "appgw.ingress.kubernetes.io/appgw-ssl-certificate": None,
    "route.openshift.io/termination": None,
    "traefik.ingress.kubernetes.io/router.tls": frozenset({"true"}),
    "nginx.ingress.kubernetes.io/ssl-passthrough": frozenset({"true"}),
    "haproxy.org/ssl-passthrough": frozenset({"true"}),
    "haproxy-ingress.github.io/ssl-passthrough": frozenset({"true"}),
    "nginx.ingress.kubernetes.io/force-ssl-redirect": frozenset({"true"}),
    "kubernetes.io/ingress.allow-http": frozenset({"false"}),
    "traefik.ingress.kubernetes.io/router.entrypoints": frozenset({"websecure"}),
    "konghq.com/protocols": frozenset({"https"}),
    "nginx.org/mergeable-ingress-type": frozenset({"minion"}),
}
"""The annotations by which a controller serves TLS without `spec.tls`, or nothing without TLS, and
the values that do: a minion has what its master says; `websecure` is what Traefik's documents call
the entry point with TLS."""
_LISTENS: Final = "alb.ingress.kubernetes.io/listen-ports"
_SOLVER: Final = "acme.cert-manager.io/http01-solver"
"""The label of what cert-manager makes for a minute, which a CA asks for over plain HTTP."""
_BY_ANNOTATION: Final = "use-annotation"
"""The port by which the AWS Load Balancer Controller is told that a backend is no service."""
_CLASS: Final = "kubernetes.io/ingress.class"
"""The annotation that named a class before there was a field, and still goes before it."""
_APART: Final = ("alb", "gce", "gce-internal")
"""The classes whose controllers make a load balancer for each ingress."""
_ALB: Final = "alb.ingress.kubernetes.io/"
_SNIPPETS: Final = (
    *(f"nginx.ingress.kubernetes.io/{part}-snippet" for part in ("auth", "configuration")),
    *(f"nginx.ingress.kubernetes.io/{part}-snippet" for part in ("modsecurity", "server")),
    "nginx.ingress.kubernetes.io/stream-snippet",
    *(f"nginx.org/{part}-snippets" for part in ("location", "server")),
)


def _notes(resource: _Map) -> dict[str, str]:
    return (resource.get("metadata") or {}).get("annotations") or {}


def _noted(resource: _Map, table: Mapping[str, frozenset[str] | None]) -> bool:
    notes = _notes(resource)
    return any(
        bool(notes.get(name)) if values is None else notes.get(name, "").lower() in values
        for name, values in table.items()
    )


def is_internal(service: _Map) -> bool:
    """`is_internal(service)`: whether the load balancer of a service has no address of the
    internet.

    That is what its annotations or its class ask the cloud for, or the addresses that it got: none
    is public. A scheme that only the AWS Load Balancer Controller reads, where nothing says that
    it makes this one, is an error.
    """
    given = maps_at((service.get("status") or {}).get("loadBalancer") or {}, "ingress")
    if given and all(each.get("ip") and not block_of(each["ip"]).public for each in given):
        return True
    chosen = (service.get("spec") or {}).get("loadBalancerClass")
    return chosen in _PRIVATE_CLASSES or _noted(service, _INTERNAL) or _aws_internal(service)


def _aws_internal(service: _Map) -> bool:
    notes, chosen = _notes(service), (service.get("spec") or {}).get("loadBalancerClass")
    scheme = notes.get(_CLOUD + "aws-load-balancer-scheme")
    flag = notes.get(_CLOUD + "aws-load-balancer-internal")
    if chosen in _AWS_CLASSES or notes.get(_CLOUD + "aws-load-balancer-type") in _AWS_TYPES:
        return scheme == "internal" if scheme else flag in (None, "true")
    if scheme == "internal" and not flag:
        raise EvaluationError("who makes this load balancer, and reads its scheme, is not said")
    return flag not in (None, "", "false")


def allowed_sources(service: _Map) -> list[Value]:
    """`allowed_sources(service)`: the blocks of addresses that the load balancer of a service lets
    in; `["0.0.0.0/0", "::/0"]` where nothing holds it to any.

    Read are `loadBalancerSourceRanges` and the annotations in its place. Security groups that an
    annotation names are an error, as they decide instead.
    """
    notes = _notes(service)
    if notes.get(_CLOUD + "aws-load-balancer-security-groups"):
        raise EvaluationError("security groups of the cloud say who reaches this load balancer")
    own = (service.get("spec") or {}).get("loadBalancerSourceRanges") or []
    own = own or _words(notes.get(_CLOUD + "load-balancer-source-ranges"))
    tags = _words(notes.get(_CLOUD + "azure-allowed-service-tags"))
    rules = [] if own else _words(notes.get(_CLOUD + "do-loadbalancer-allow-rules"))
    own = [*own, *_words(notes.get(_CLOUD + "azure-allowed-ip-ranges"))]
    own += [rule.partition(":")[2] for rule in rules]  # ip:ADDRESS and cidr:BLOCK
    return list(_EVERYWHERE) if "Internet" in tags or not (own or tags) else own


def _words(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def isolates(meter: Meter, policy: _Map, direction: str, labels: _Map | None) -> bool:
    """`isolates(policy, "Ingress", labels)`: whether a network policy isolates pods with these
    labels in a direction, "Ingress" or "Egress": only what rules allow still passes."""
    spec = policy.get("spec") or {}
    return _governs(spec, direction) and selects(meter, spec.get("podSelector") or {}, labels)


def _governs(spec: _Map, direction: str) -> bool:
    if direction not in _DIRECTIONS:
        raise EvaluationError(f"a network policy has no direction {describe(direction)}")
    types = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    return direction in types


def open_rules(meter: Meter, policy: _Map, direction: str) -> list[Value]:
    """`open_rules(policy, "Ingress")`: the rules of a network policy that let everyone through, as
    they stand in it.

    That is a rule that names no peers, or one whose blocks of addresses, without what they except,
    are the internet as `cidrs_are_internet` says it.
    """
    spec = policy.get("spec") or {}
    if not _governs(spec, direction):
        return []
    section, side = _DIRECTIONS[direction]
    rules = maps_at(spec, section)
    meter.charge(len(rules))
    return [rule for rule in rules if _is_open(meter, maps_at(rule, side))]


def _is_open(meter: Meter, peers: list[_Map]) -> bool:
    blocks = [each["ipBlock"] for each in peers if each.get("ipBlock")]
    meter.charge(sum(1 + len(each.get("except") or []) for each in blocks))
    let: dict[int, list[Range]] = {version: [] for version in LIMITS}
    for each in blocks:
        block = block_of(each["cidr"])
        out = [block_of(text) for text in each.get("except") or []]
        left = without([(block.first, block.last)], [(one.first, one.last) for one in out])
        let[block.version] += left
    return not peers or any(public_size(v, merged(let[v])) > LIMITS[v] for v in let)


def any_port(meter: Meter, rule: _Map) -> bool:
    """`any_port(rule)`: whether a rule of a network policy lets every port of TCP through: it names
    none, TCP alone, or ranges that hold them all."""
    ports = maps_at(rule, "ports")
    meter.charge(len(ports))
    return not ports or merged(list(_tcp_ports(ports))) == [_PORTS]


def _tcp_ports(ports: list[_Map]) -> Iterable[Range]:
    for each in ports:
        first = each.get("port")
        if (each.get("protocol") or "TCP") != "TCP" or isinstance(first, str):
            continue
        yield _PORTS if first is None else (first, each.get("endPort") or first)


def plain_hosts(ingress: _Map) -> list[Value]:
    """`plain_hosts(ingress)`: the hosts that an ingress serves without TLS; "*" is every other.

    TLS is `spec.tls` (without hosts it is for all) or the annotation of a controller that has its
    certificates elsewhere. What cert-manager makes to prove a name is left out.
    """
    metadata, spec = ingress.get("metadata") or {}, ingress.get("spec") or {}
    if _class_name(ingress) in _PRIVATE_CLASSES:
        return []
    if _noted(ingress, _TLS) or _listens(ingress) or _SOLVER in (metadata.get("labels") or {}):
        return []
    served = {each.get("host") or "*" for each in maps_at(spec, "rules")} or {"*"}
    covered = [host for each in maps_at(spec, "tls") for host in each.get("hosts") or ["*"]]
    return sorted(host for host in served if not any(_covers(name, host) for name in covered))


def _covers(name: str, host: str) -> bool:
    """Whether a name of TLS is for a host: `*` for all, `*.` for one more label (RFC 6125)."""
    return name in ("*", host) or (name[:2] == "*." and name[2:] == host.partition(".")[2])


def _listens(ingress: _Map) -> bool:
    text = _notes(ingress).get(_LISTENS)
    if not text:
        return False
    try:
        found = json.loads(text)
    except ValueError:
        raise EvaluationError(f"the annotation {_LISTENS} is no JSON") from None
    return isinstance(found, list) and any("HTTPS" in each for each in found if each)


def backends(ingress: _Map) -> list[Value]:
    """`backends(ingress)`: the names of the services that an ingress leads to, in order, each once.

    Left out are backends that are other objects, and those that the AWS Load Balancer Controller
    finds in an annotation.
    """
    return list(dict.fromkeys(each["name"] for each in _backends(ingress.get("spec") or {})))


def backend_ports(ingress: _Map) -> list[Value]:
    """`backend_ports(ingress)`: the ports of services that an ingress leads to, in order: maps of
    `service`, its name, and `port`, a number or a name; null where none is said.

    Left out is what `backends` leaves out.
    """
    found = [
        (each["name"], each.get("port") or {}) for each in _backends(ingress.get("spec") or {})
    ]
    return [
        {"service": name, "port": port.get("number") or port.get("name")} for name, port in found
    ]


def _backends(spec: _Map) -> Iterable[_Map]:
    paths = (p for r in maps_at(spec, "rules") for p in maps_at(r.get("http") or {}, "paths"))
    for each in (spec.get("defaultBackend"), *(path.get("backend") for path in paths)):
        service = (each or {}).get("service")
        if service and (service.get("port") or {}).get("name") != _BY_ANNOTATION:
            yield service


def routes(ingress: _Map) -> list[Value]:
    """`routes(ingress)`: what an ingress takes, each once: texts of host, path and type of path,
    such as "shop.example.com/cart Prefix"; "*" is every host. A prefix is the same with and without
    a slash at its end."""
    return list(
        dict.fromkeys(
            f"{rule.get('host') or '*'}{_path(path)} {path.get('pathType')}"
            for rule in maps_at(ingress.get("spec") or {}, "rules")
            for path in maps_at(rule.get("http") or {}, "paths")
        )
    )


def _path(path: _Map) -> str:
    text = str(path.get("path") or "/")
    return text.rstrip("/") or "/" if path.get("pathType") == "Prefix" else text


def same_proxy(ingress: _Map, other: _Map) -> bool:
    """`same_proxy(ingress, other)`: whether one proxy serves both: they name the same class, by the
    annotation or the field. The controllers of AWS and Google Cloud make a load balancer for each
    ingress, and that of AWS one for all of a group."""
    name = _class_name(ingress)
    if name != _class_name(other):
        return False
    if name not in _APART and not any(note.startswith(_ALB) for note in _notes(ingress)):
        return True
    group = _notes(ingress).get(_ALB + "group.name")
    return group is not None and group == _notes(other).get(_ALB + "group.name")


def _class_name(ingress: _Map) -> str | None:
    named = _notes(ingress).get(_CLASS)
    return named if named is not None else (ingress.get("spec") or {}).get("ingressClassName")


def snippets(ingress: _Map) -> list[Value]:
    """`snippets(ingress)`: the annotations of an ingress whose text goes into the configuration of
    its controller as it stands (ingress-nginx, NGINX Ingress Controller)."""
    notes = _notes(ingress)
    return [name for name in _SNIPPETS if notes.get(name)]


_MAP, _TEXT, _MAYBE = kinds("map"), kinds("string"), kinds("map", "null")

KUBERNETES_NETWORK: Final = (
    Function("is_internal", (_MAP,), "bool", is_internal, fields=("metadata", "spec", "status")),
    Function("allowed_sources", (_MAP,), "list", allowed_sources, fields=("metadata", "spec")),
    Function("isolates", (_MAP, _TEXT, _MAYBE), "bool", isolates, metered=True, fields=("spec",)),
    Function("open_rules", (_MAP, _TEXT), "list", open_rules, metered=True, fields=("spec",)),
    Function("any_port", (_MAP,), "bool", any_port, metered=True, fields=("ports",)),
    Function("plain_hosts", (_MAP,), "list", plain_hosts, fields=("metadata", "spec")),
    Function("backends", (_MAP,), "list", backends, fields=("spec",)),
    Function("backend_ports", (_MAP,), "list", backend_ports, fields=("spec",)),
    Function("same_proxy", (_MAP, _MAP), "bool", same_proxy, fields=("metadata", "spec")),
    Function("routes", (_MAP,), "list", routes, fields=("spec",)),
    Function("snippets", (_MAP,), "list", snippets, fields=("metadata",)),
)
