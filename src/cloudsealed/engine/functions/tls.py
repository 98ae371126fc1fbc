"""`tls_policy(policy)`: which protocols and ciphers a load balancer's security policy offers;
`insecure_suites(names)`: which cipher suites Go calls insecure.

Source: the table `tls_policies` of `cloudsealed.packs.facts` for predefined policies, and for
custom ones of classic balancers what DescribeLoadBalancerPolicies says of them. Outdated is what
RFC 8996 and RFC 7568 withdrew: everything before TLS 1.2. Refuses to guess: a policy that no row
knows is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.signature import Function, kinds
from cloudsealed.engine.values import Value, describe
from cloudsealed.packs.facts import facts

_ORDER: Final = ("SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_OUTDATED: Final = frozenset(_ORDER[:4])
_BROKEN: Final = re.compile(r"\b(?:RC4|RC2|DES|3DES|NULL|EXP|EXPORT|MD5|ADH|AECDH|IDEA)\b")
_FORWARD: Final = ("TLS_AES_", "TLS_CHACHA20_", "ECDHE-", "DHE-", "EDH-")
_INSECURE: Final = frozenset(
    {
        *(f"TLS_ECDHE_{key}_WITH_RC4_128_SHA" for key in ("ECDSA", "RSA")),
        *(f"TLS_ECDHE_{key}_WITH_AES_128_CBC_SHA256" for key in ("ECDSA", "RSA")),
        *("TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", "TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
        *("TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_AES_256_CBC_SHA"),
        *("TLS_RSA_WITH_AES_128_CBC_SHA256", "TLS_RSA_WITH_RC4_128_SHA"),
        *("TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_256_GCM_SHA384"),
    }
)
"""Source: Go, crypto/tls, InsecureCipherSuites; Kubernetes' and etcd's flags take its names."""
_PROTOCOL: Final = "Protocol-"
_REFERENCE: Final = "Reference-Security-Policy"
_NO_CIPHER: Final = (_PROTOCOL, _REFERENCE, "Server-Defined-Cipher-Order")


def tls_policy(policy: Value) -> dict[Value, Value]:
    """`tls_policy(l.SslPolicy).outdated`: a map of what a security policy offers.

    `protocols`, oldest first; `oldest` of them; `outdated`, whether that is before TLS 1.2;
    `ciphers` by their OpenSSL names; `weak_ciphers`, those with RC4, DES, 3DES, MD5, export keys,
    without encryption or authentication; `forward_secrecy`, whether all ciphers have it (null
    where the ciphers are not recorded). The policy is the name of a predefined one, or the
    `PolicyAttributeDescriptions` of a classic load balancer's. What no table knows is an error.
    """
    if policy.__class__ is str:
        return dict(_named(policy))
    return _custom(policy)


def insecure_suites(meter: Meter, names: list[Value]) -> list[Value]:
    """`insecure_suites(names)`: those of a list of cipher suites that Go calls insecure: with RC4,
    with 3DES, without forward secrecy, or with CBC and SHA-256."""
    meter.charge(len(names))
    return [name for name in names if name in _INSECURE]


@cache
def _predefined() -> Mapping[str, Mapping[Value, Value]]:
    return {
        row["policy"]: _offer(row["protocols"].split(), row["ciphers"].split())
        for row in facts("tls_policies")
    }


def _named(name: str) -> Mapping[Value, Value]:
    found = _predefined().get(name)
    if found is None:
        raise EvaluationError(f"no table knows the security policy {name[:64]!r}")
    return found


def _custom(attributes: list[Any]) -> dict[Value, Value]:
    said = dict(_attribute(each) for each in attributes)
    on = [name for name, value in said.items() if value == "true"]
    protocols = [name.removeprefix(_PROTOCOL) for name in on if name.startswith(_PROTOCOL)]
    if protocols:
        return _offer(protocols, [name for name in on if not name.startswith(_NO_CIPHER)])
    if _REFERENCE in said:
        return dict(_named(said[_REFERENCE]))
    raise EvaluationError("these attributes of a security policy name no protocol")


def _attribute(entry: Any) -> tuple[str, str]:
    if entry.__class__ is not dict:
        raise EvaluationError(f"tls_policy() met {describe(entry)} among a policy's attributes")
    return str(entry.get("AttributeName")), str(entry.get("AttributeValue"))


def _offer(protocols: Iterable[str], ciphers: list[str]) -> dict[Value, Value]:
    found = set(protocols)
    if not found <= set(_ORDER):
        raise EvaluationError(f"tls_policy() knows no protocol {min(found - set(_ORDER))[:32]!r}")
    ordered: list[Value] = [each for each in _ORDER if each in found]
    return {
        "protocols": ordered,
        "oldest": ordered[0],
        "outdated": ordered[0] in _OUTDATED,
        "ciphers": list(ciphers),
        "weak_ciphers": [each for each in ciphers if _BROKEN.search(each)],
        "forward_secrecy": all(each.startswith(_FORWARD) for each in ciphers) if ciphers else None,
    }


TLS: Final = (
    Function("tls_policy", (kinds("string", "list"),), "map", tls_policy),
    Function("insecure_suites", (kinds("list"),), "list", insecure_suites, metered=True),
)
