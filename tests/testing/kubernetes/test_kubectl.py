"""The real kubectl takes the fake for an API server."""

from __future__ import annotations

import json
import subprocess

import pytest
from tests.clusters import Authority
from tests.testing.kubernetes.conftest import Kubectl

from cloudsealed.testing.kubernetes.server import ApiServer
from cloudsealed.testing.kubernetes.store import KINDS

Served = tuple[ApiServer, Authority]


def names(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.returncode == 0, done.stderr
    return [each["metadata"]["name"] for each in json.loads(done.stdout)["items"]]


@pytest.mark.parametrize(
    ("kinds", "some"),
    [
        (("pods",), "p0"),
        (("ns",), "kube-system"),
        (("clusterroles.rbac.authorization.k8s.io,clusterrolebindings",), "ann"),
        (("po,svc,deploy,rs,ds,sts,job,cj,ing,netpol,hpa,pdb,pv,pvc,sc,quota,limits,sa",), "p6"),
    ],
)
def test_it_gets_what_there_is(kinds: tuple[str, ...], some: str, kubectl: Kubectl) -> None:
    assert some in names(kubectl("get", *kinds, "-A", "-o", "json"))


@pytest.mark.parametrize("size", [1, 2, 3, 500])
def test_chunks_of_any_size_are_the_same_list(size: int, served: Served, kubectl: Kubectl) -> None:
    before = len(served[0].asked)
    found = names(kubectl("get", "pods", "-A", "-o", "json", f"--chunk-size={size}"))
    assert found == ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "x", "p0"]
    lists = [path for _, path in served[0].asked[before:] if path.startswith("/api/v1/pods")]
    assert len(lists) == -(-9 // size)


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        (("-l", "app=web"), ["p1", "p3", "p5"]),
        (("-l", "app==web,n!=3"), ["p1", "p5"]),
        (("-l", "app in (web, db), n notin (1)"), ["p3", "p5"]),
        (("-l", "!app"), ["x"]),
        (("-l", "app,n in (0)"), ["p0"]),
        (("--field-selector", "metadata.name=p3"), ["p3"]),
        (("--field-selector", "metadata.name!=x", "-l", "!app"), []),
        (("--field-selector", "spec.restartPolicy=Never"), []),
    ],
)
def test_selectors_choose(selector: tuple[str, ...], found: list[str], kubectl: Kubectl) -> None:
    assert names(kubectl("get", "pods", *selector, "-o", "json")) == found


@pytest.mark.parametrize(
    ("selector", "said"),
    [
        (("-l", "app=web=x"), "parse"),
        (("--field-selector", "spec.nonsense=1"), "field label not supported: spec.nonsense"),
    ],
)
def test_what_is_no_selector_is_said(
    selector: tuple[str, ...], said: str, kubectl: Kubectl
) -> None:
    done = kubectl("get", "pods", *selector)
    assert done.returncode == 1
    assert said in done.stderr


def test_it_discovers_every_kind(kubectl: Kubectl) -> None:
    done = kubectl("api-resources", "--no-headers", "-o", "name")
    found = {line for line in done.stdout.split() if "review" not in line}
    assert found == {f"{k.plural}.{k.group}" if k.group else k.plural for k in KINDS}
    assert "v1.31" in kubectl("version").stdout


def test_one_object_is_got_by_its_name(kubectl: Kubectl) -> None:
    found = json.loads(kubectl("get", "pod", "p3", "-o", "json").stdout)
    assert (found["kind"], found["metadata"]["name"]) == ("Pod", "p3")
    assert found["spec"]["containers"][0]["imagePullPolicy"] == "IfNotPresent"
    missing = kubectl("get", "pod", "none")
    assert missing.stderr == 'Error from server (NotFound): pods "none" not found\n'


def test_a_list_that_is_denied_says_who_may_not(kubectl: Kubectl) -> None:
    assert "p0" in names(kubectl("get", "pods", "-o", "json", token="token-of-ann"))
    done = kubectl("get", "deployments", token="token-of-ann")
    assert done.returncode == 1
    assert done.stderr == (
        'Error from server (Forbidden): deployments.apps is forbidden: User "ann" cannot list'
        ' resource "deployments" in API group "apps" in the namespace "default"\n'
    )


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (("list", "pods", "-A"), "yes"),
        (("list", "secrets"), "no"),
        (("delete", "pods"), "no"),
        (("list", "deployments.apps"), "no"),
    ],
)
def test_it_says_what_one_can_do(question: tuple[str, ...], answer: str, kubectl: Kubectl) -> None:
    done = kubectl("auth", "can-i", *question, token="token-of-ann")
    assert done.stdout.split()[0] == answer


def test_it_lists_what_one_can_do_and_who_one_is(kubectl: Kubectl) -> None:
    told = kubectl("auth", "can-i", "--list", token="token-of-ann").stdout
    assert {line.split()[0] for line in told.splitlines()[1:]} == {"namespaces", "pods"}
    assert "[get list]" in told
    assert "ann" in kubectl("auth", "whoami", token="token-of-ann").stdout


def test_an_unknown_token_is_nobodys(kubectl: Kubectl) -> None:
    done = kubectl("get", "pods", token="token-of-nobody")
    assert done.returncode == 1
    assert "You must be logged in to the server" in done.stderr


def test_a_place_that_is_too_old_is_gone_on_from(served: Served, kubectl: Kubectl) -> None:
    server, _ = served
    place = kubectl("get", "--raw", "/api/v1/namespaces/default/pods?limit=3").stdout
    after = json.loads(place)["metadata"]["continue"]
    server.store.compact()
    path = f"/api/v1/namespaces/default/pods?limit=50&continue={after}"
    refused = kubectl("get", "--raw", path, "-v=8")
    assert "too old to display a consistent list" in refused.stderr
