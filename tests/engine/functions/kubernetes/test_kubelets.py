"""How a kubelet is configured, by its file or by flags."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cloudsealed.engine import EvaluationError

Evaluate = Callable[..., Any]
Map = dict[str, Any]


def run(*words: str) -> Map:
    return {"metadata": {"name": "p"}, "spec": {"containers": [{"command": ["kubelet", *words]}]}}


def test_a_file_is_what_it_says_without_defaults(value_of: Evaluate) -> None:
    said = {"readOnlyPort": 0, "authentication": {"anonymous": {"enabled": False}}}
    made = {"metadata": {"name": "kubelet-config"}, "data": {"kubelet": said}}
    assert value_of("has_kubelet(x)", x=made) is True
    assert value_of("kubelet(x)", x=made) == said


@pytest.mark.parametrize("data", [None, {}, {"kubelet": None}, {"kubelet": "text"}])
def test_a_config_map_without_a_configuration_is_an_error(value_of: Evaluate, data: Any) -> None:
    with pytest.raises(EvaluationError, match="is a map"):
        value_of("kubelet(x)", x={"data": data})


def test_flags_that_are_not_given_have_defaults_of_their_own(value_of: Evaluate) -> None:
    assert value_of("has_kubelet(x)", x=run()) is True
    assert value_of("kubelet(x)", x=run()) == {
        "authentication": {
            "anonymous": {"enabled": True},
            "webhook": {"enabled": False},
            "x509": {"clientCAFile": ""},
        },
        "authorization": {"mode": "AlwaysAllow"},
        "readOnlyPort": 10255,
    }


@pytest.mark.parametrize(
    ("word", "name", "expected"),
    [
        ("--read-only-port=0", "readOnlyPort", 0),
        ("--rotate-certificates", "rotateCertificates", True),
        ("--rotate-certificates=false", "rotateCertificates", False),
        ("--event-qps=3", "eventRecordQPS", 3),
        ("--pod-max-pids=-1", "podPidsLimit", -1),
        ("--tls-cipher-suites=A,B", "tlsCipherSuites", ["A", "B"]),
        ("--feature-gates=A=true,B=false", "featureGates", {"A": True, "B": False}),
        ("--kube-reserved=cpu=1,memory=1Gi", "kubeReserved", {"cpu": "1", "memory": "1Gi"}),
        ("--streaming-connection-idle-timeout=0", "streamingConnectionIdleTimeout", "8760h0m0s"),
        ("--streaming-connection-idle-timeout=5m", "streamingConnectionIdleTimeout", "5m"),
        ("--manifest-url=http://a", "staticPodURL", "http://a"),
    ],
)
def test_a_flag_is_the_field_that_it_says(
    value_of: Evaluate, word: str, name: str, expected: Any
) -> None:
    assert value_of("kubelet(x)", x=run(word))[name] == expected


def test_what_nobody_can_read_is_an_error(value_of: Evaluate) -> None:
    for word, said in (
        ("--config=/var/lib/kubelet/config.yaml", "the file of --config"),
        ("--event-qps=many", "no whole number"),
        ("--read-only-port=$(PORT)", "filled by a variable"),
        ("--anonymous-auth=maybe", "neither true nor false"),
    ):
        with pytest.raises(EvaluationError, match=said):
            value_of("kubelet(x)", x=run(word))
    with pytest.raises(EvaluationError, match="has no pods"):
        value_of("has_kubelet(x)", x={"spec": {}})
    assert value_of("has_kubelet(x)", x={"spec": {"containers": [{"name": "web"}]}}) is False
