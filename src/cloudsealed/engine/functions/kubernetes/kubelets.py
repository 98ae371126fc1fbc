"""Our functions on kubelets: `has_kubelet`, `kubelet`.

A kubelet is configured by a file (KubeletConfiguration, of which kubeadm keeps one in a config map)
or, where a pod runs it, by the flags of its command line, which have defaults of their own. Source:
"Kubelet Configuration (v1beta1)" and the reference of kubelet's command line. Refuses to merge a
file that it does not see: a flag that `--config` names is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.functions.kubernetes.flags import flag, flag_list, flag_on, runs
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.signature import Function, kinds
from cloudsealed.engine.values import Value, describe

_Map = dict[Any, Value]
_PROGRAM: Final = "kubelet"
_YEAR: Final = "8760h0m0s"
_ZERO: Final = frozenset({"0", "0s", "0m0s", "0h0m0s"})


def has_kubelet(meter: Meter, resource: _Map) -> bool:
    """`has_kubelet(resource)`: whether this configures a kubelet: kubeadm's config map does, and a
    workload whose pods start one. A config map without a configuration is an error."""
    return "data" in resource or runs(meter, resource, _PROGRAM)


def kubelet(meter: Meter, resource: _Map) -> _Map:
    """`kubelet(resource)`: the KubeletConfiguration of a kubelet: what it says, without defaults.

    Of a pod that runs one it is what its flags say, with the defaults of flags where they are
    others than the file's: anonymous requests, no tokens, AlwaysAllow and the port 10255. A flag of
    0 for idle sessions, which keeps them for ever, is a year; in a file 0 is the default. A file
    that the flags name, or none that is a map, is an error.
    """
    if "data" not in resource:
        return _of_flags(meter, resource)
    found = (resource.get("data") or {}).get(_PROGRAM)
    if found.__class__ is not dict:
        raise EvaluationError(f"a kubelet's configuration is a map, and this is {describe(found)}")
    return found


def _of_flags(meter: Meter, resource: _Map) -> _Map:
    if flag(meter, resource, _PROGRAM, "config") is not None:
        raise EvaluationError("the file of --config says it, not the flags")
    made: _Map = {
        name: value
        for name, (flag_name, read) in _SAID.items()
        if (value := read(meter, resource, flag_name)) is not None
    }
    anonymous = flag_on(meter, resource, _PROGRAM, "anonymous-auth", True)
    tokens = flag_on(meter, resource, _PROGRAM, "authentication-token-webhook", False)
    return {
        "authentication": {
            "anonymous": {"enabled": anonymous},
            "webhook": {"enabled": tokens},
            "x509": {"clientCAFile": _text(meter, resource, "client-ca-file") or ""},
        },
        "authorization": {"mode": _text(meter, resource, "authorization-mode") or "AlwaysAllow"},
        "readOnlyPort": 10255,
        **made,
    }


def _text(meter: Meter, resource: _Map, name: str) -> Value:
    return flag(meter, resource, _PROGRAM, name)


def _number(meter: Meter, resource: _Map, name: str) -> Value:
    found = flag(meter, resource, _PROGRAM, name)
    if found is None:
        return None
    try:
        return int(found)
    except ValueError:
        raise EvaluationError(f"the flag {name!r} is no whole number") from None


def _switch(meter: Meter, resource: _Map, name: str) -> Value:
    if flag(meter, resource, _PROGRAM, name) is None:
        return None
    return flag_on(meter, resource, _PROGRAM, name, False)


def _names(meter: Meter, resource: _Map, name: str) -> Value:
    return flag_list(meter, resource, _PROGRAM, name) or None


def _pairs(meter: Meter, resource: _Map, name: str) -> Value:
    found = [str(each).partition("=") for each in flag_list(meter, resource, _PROGRAM, name)]
    return {key: value for key, _, value in found} or None


def _gates(meter: Meter, resource: _Map, name: str) -> Value:
    found = _pairs(meter, resource, name) or {}
    return {key: value.lower() == "true" for key, value in found.items()} or None


def _idle(meter: Meter, resource: _Map, name: str) -> Value:
    found = flag(meter, resource, _PROGRAM, name)
    return _YEAR if found in _ZERO else found


_SAID: Final[dict[str, tuple[str, Callable[[Meter, _Map, str], Value]]]] = {
    "eventRecordQPS": ("event-qps", _number),
    "featureGates": ("feature-gates", _gates),
    "kubeReserved": ("kube-reserved", _pairs),
    "makeIPTablesUtilChains": ("make-iptables-util-chains", _switch),
    "podPidsLimit": ("pod-max-pids", _number),
    "readOnlyPort": ("read-only-port", _number),
    "reservedSystemCPUs": ("reserved-cpus", _text),
    "rotateCertificates": ("rotate-certificates", _switch),
    "seccompDefault": ("seccomp-default", _switch),
    "staticPodURL": ("manifest-url", _text),
    "streamingConnectionIdleTimeout": ("streaming-connection-idle-timeout", _idle),
    "systemReserved": ("system-reserved", _pairs),
    "tlsCertFile": ("tls-cert-file", _text),
    "tlsCipherSuites": ("tls-cipher-suites", _names),
    "tlsMinVersion": ("tls-min-version", _text),
    "tlsPrivateKeyFile": ("tls-private-key-file", _text),
}
"""The fields that a flag says as well."""

_FIELDS: Final = ("data", "metadata", "spec")

KUBELETS: Final = (
    Function("has_kubelet", (kinds("map"),), "bool", has_kubelet, metered=True, fields=_FIELDS),
    Function("kubelet", (kinds("map"),), "map", kubelet, metered=True, fields=_FIELDS),
)
