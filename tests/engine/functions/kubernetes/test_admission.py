"""What a cluster admits: the labels of namespaces, and the webhooks that are asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cloudsealed.engine import EvaluationError

Evaluate = Callable[..., Any]
LABEL = "pod-security.kubernetes.io/"


def test_labels_say_the_levels_and_what_they_leave_out_is_null(value_of: Evaluate) -> None:
    labels = {
        LABEL + "enforce": "baseline",
        LABEL + "enforce-version": "v1.31",
        LABEL + "warn": "strict",
    }
    found = value_of("pod_security(n)", n={"metadata": {"labels": labels}})
    assert (found["enforce"], found["enforce_version"]) == ("baseline", "v1.31")
    assert (found["audit"], found["audit_version"]) == (None, None)
    assert found["invalid"] == ["strict"]
    nothing = value_of("pod_security(n)", n={"metadata": {"name": "shop"}})
    assert (nothing["enforce"], nothing["invalid"]) == (None, [])


def rule(**other: Any) -> dict[str, Any]:
    whole = {"operations": ["CREATE"], "apiGroups": [""], "resources": ["pods"]}
    return {**whole, "apiVersions": ["v1"], **other}


@pytest.mark.parametrize(
    ("rules", "asked"),
    [
        ([rule()], True),
        ([rule(operations=["*"])], True),
        ([rule(operations=["UPDATE"])], False),
        ([rule(apiGroups=["*"], resources=["*"])], True),
        ([rule(apiGroups=["*"], resources=["*/*"])], True),
        ([rule(apiGroups=["apps"])], False),
        ([rule(resources=["pods/exec"])], False),
        ([rule(scope="Namespaced")], True),
        ([rule(apiGroups=["*"], resources=["*"], scope="Cluster")], False),
        ([rule(apiGroups=["apps"]), rule()], True),
        ([], False),
    ],
)
def test_a_webhook_is_asked_where_a_rule_takes_it(
    rules: Any, asked: bool, value_of: Evaluate
) -> None:
    assert value_of('intercepts(w, "CREATE", "", "pods")', w={"rules": rules}) is asked


def test_conditions_of_its_own_decide_nothing_here(value_of: Evaluate) -> None:
    narrowed = {"rules": [rule()], "matchConditions": [{"name": "n", "expression": "false"}]}
    with pytest.raises(EvaluationError, match="conditions of its own"):
        value_of('intercepts(w, "CREATE", "", "pods")', w=narrowed)
    assert value_of('intercepts(w, "DELETE", "", "pods")', w=narrowed) is False


@pytest.mark.parametrize(
    ("config", "place"),
    [
        ({"service": {"name": "s", "namespace": "n"}}, "cluster"),
        ({"url": "https://s.n.svc:443/admit"}, "cluster"),
        ({"url": "https://s.n.svc.cluster.local/admit"}, "cluster"),
        ({"url": "https://127.0.0.1:23443/mutate"}, "host"),
        ({"url": "https://[::1]/mutate"}, "host"),
        ({"url": "https://localhost/mutate"}, "host"),
        ({"url": "https://hooks.example.com:8443/admit"}, "outside"),
        ({"url": "https://10.0.0.7/admit"}, "outside"),
    ],
)
def test_a_webhook_is_where_its_service_or_its_url_is(
    config: Any, place: str, value_of: Evaluate
) -> None:
    assert value_of("hook_place(w)", w={"clientConfig": config}) == place


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("kube-system", True),
        ("kube-public", True),
        ("kube-node-lease", True),
        ("default", False),
        ("kube-flannel", False),
        ("openshift", True),
        ("openshift-monitoring", True),
        ("openshifts", False),
        ("gke-managed-cim", True),
        ("gmp-system", True),
        ("shop", False),
    ],
)
def test_a_cluster_keeps_some_namespaces_for_itself(
    name: str, own: bool, value_of: Evaluate
) -> None:
    assert value_of("is_system(n)", n={"metadata": {"name": name}}) is own


@pytest.mark.parametrize("url", ["admit", "https://[::1/mutate"])
def test_a_url_without_a_host_is_an_error(url: str, value_of: Evaluate) -> None:
    with pytest.raises(EvaluationError, match="has no host"):
        value_of("hook_place(w)", w={"clientConfig": {"url": url}})
