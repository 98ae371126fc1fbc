"""The fake answers as a real API server did, whose answers were recorded (1.20, filled with public
manifests)."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from tests.clusters import shared_data

from cloudsealed.testing.kubernetes.api import Api
from cloudsealed.testing.kubernetes.discovery import discovered
from cloudsealed.testing.kubernetes.rbac import MASTERS, User
from cloudsealed.testing.kubernetes.statuses import unauthorized
from cloudsealed.testing.kubernetes.store import BY_NAME, KINDS, Kind, Store

RECORDED = shared_data("kubernetes", "answers.ndjson.gz")
pytestmark = pytest.mark.skipif(
    RECORDED is None, reason="kubernetes/answers.ndjson.gz is not in the test data"
)
USERS = {"administrator": User("administrator", (MASTERS,)), "auditor": User("auditor")}
LATER = {
    "Namespace.metadata.labels.kubernetes.io/metadata.name",  # 1.21
    "Service.spec.internalTrafficPolicy",  # 1.22
    "DaemonSet.spec.updateStrategy.rollingUpdate.maxSurge",  # 1.22
}
"""What API servers after the recorded one give an object."""
MINIMAL: dict[str, dict[str, Any]] = {
    "Pod": {"containers": [{"name": "a", "image": "a"}]},
    "Service": {"ports": [{"port": 80}], "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"]},
    "NetworkPolicy": {"podSelector": {}},
    "Deployment": {},
    "DaemonSet": {},
    "StatefulSet": {"serviceName": "a"},
}
"""The least that an object of a kind says."""
SAID = re.compile(r"\.resources\.(limits|requests)\.|\.volumes\[\]")
"""What the recorded manifests happen to say alike."""


@pytest.fixture(scope="module")
def recorded() -> list[dict[str, Any]]:
    assert RECORDED is not None
    with gzip.open(RECORDED, "rt") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def api(recorded: list[dict[str, Any]]) -> Api:
    """The fake with every object of a kind that it has."""
    store = Store()
    for kind, item in objects(recorded):
        store.add({"apiVersion": kind.api_version, "kind": kind.name, **item})
    return Api(store)


def lists(recorded: list[dict[str, Any]]) -> Iterator[tuple[Kind, dict[str, Any]]]:
    """Yield the whole lists that the administrator saw, of kinds that the fake has."""
    for each in recorded:
        body, request = each["body"], each["request"]
        if request["as"] != "administrator" or "?" in request["path"] or "items" not in body:
            continue
        named = body["apiVersion"], body["kind"].removesuffix("List")
        if named in BY_NAME:
            yield BY_NAME[named], each


def objects(recorded: list[dict[str, Any]]) -> Iterator[tuple[Kind, dict[str, Any]]]:
    for kind, each in lists(recorded):
        yield from ((kind, item) for item in each["body"]["items"])


def answer(api: Api, request: dict[str, str]) -> tuple[int, Any]:
    status, body, headers = api.get(USERS[request["as"]], request["path"], "application/json")
    return status, body.decode() if "Content-Type" in headers else json.loads(body)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the path and value of everything in a document."""
    if isinstance(value, dict) and value:
        for name, held in value.items():
            yield from leaves(held, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for held in value:
            yield from leaves(held, f"{path}[]")
    else:
        yield path, json.dumps(value)


def plain(item: dict[str, Any]) -> dict[str, Any]:
    """Return an object without its version, which is each server's own."""
    metadata = {k: v for k, v in item["metadata"].items() if k != "resourceVersion"}
    return {**item, "metadata": metadata}


def test_lists_are_those_of_a_real_server_once_its_objects_are_there(
    recorded: list[dict[str, Any]], api: Api
) -> None:
    compared = 0
    for kind, each in lists(recorded):
        body = each["body"]
        status, said = answer(api, each["request"])
        assert status == 200
        assert {k: v for k, v in said.items() if k not in ("items", "metadata")} == {
            k: v for k, v in body.items() if k not in ("items", "metadata")
        }
        assert len(said["items"]) == len(body["items"]), each["request"]["path"]
        for ours, real in zip(said["items"], body["items"], strict=True):
            compared += 1
            if plain(ours) == plain(real):
                continue
            more = {*leaves(plain(ours), kind.name)} - {*leaves(plain(real), kind.name)}
            assert {path for path, _ in more} <= LATER
            assert {*leaves(plain(real), kind.name)} <= {*leaves(plain(ours), kind.name)}
    assert compared > 800


def test_what_every_real_object_of_a_kind_has_the_fake_gives_to_the_least_one(
    recorded: list[dict[str, Any]],
) -> None:
    of_kind: dict[Kind, list[dict[str, Any]]] = {}
    for kind, item in objects(recorded):
        of_kind.setdefault(kind, []).append(item)
    for kind, items in of_kind.items():
        if kind.name not in MINIMAL or len(items) < 5:
            continue
        every = set.intersection(*({*leaves(item)} for item in items))
        spec = dict(MINIMAL[kind.name])
        if kind.group == "apps":
            spec |= {"selector": {}, "template": {"spec": MINIMAL["Pod"]}}
        made = Store().add(
            {
                "apiVersion": kind.api_version,
                "kind": kind.name,
                "metadata": {"name": "a", "generation": 1},
                "spec": spec,
            }
        )
        own = ("metadata", "status", "spec.template.metadata")
        lacking = {path for path, _ in every if not path.startswith(own) and not SAID.search(path)}
        assert lacking <= {path for path, _ in leaves(made)}, kind.name


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/secrets",
        "/api/v1/namespaces/default/secrets/x",
        "/apis/apps/v1/deployments",
        "/api/v1/namespaces/default/pods/none",
        "/apis/none.io/v1/things",
        "/api/v1/pods?fieldSelector=bad",
        "/api/v1/pods?limit=2&continue=garbage",
    ],
)
def test_a_refusal_is_a_real_one_to_the_letter(
    path: str, recorded: list[dict[str, Any]], api: Api
) -> None:
    found = [r for r in recorded if r["request"]["path"] == path and r["status"] >= 400]
    assert found
    for each in found:
        assert answer(api, each["request"]) == (each["status"], each["body"])


def test_a_token_that_nobody_has_is_refused_as_it_really_is(recorded: list[dict[str, Any]]) -> None:
    [each] = [each for each in recorded if each["request"]["as"] == "nobody"]
    status, body, _ = unauthorized()
    assert (status, json.loads(body)) == (each["status"], each["body"])


def test_a_chunk_ends_where_a_real_one_does(recorded: list[dict[str, Any]], api: Api) -> None:
    [each] = [each for each in recorded if each["request"]["path"] == "/api/v1/pods?limit=3"]
    said = answer(api, each["request"])[1]["metadata"]
    real = each["body"]["metadata"]
    assert said["remainingItemCount"] == real["remainingItemCount"]
    assert {**token(said["continue"]), "rv": 0} == {**token(real["continue"]), "rv": 0}


def token(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found


def test_what_is_discovered_is_what_a_real_server_says_of_the_same_resources(
    recorded: list[dict[str, Any]],
) -> None:
    compared = 0
    for each in recorded:
        body = each["body"]
        if not isinstance(body, dict) or body.get("kind") != "APIResourceList":
            continue
        said = discovered(each["request"]["path"]) or {"resources": []}
        real = {resource["name"]: resource for resource in body["resources"]}
        for ours in said["resources"]:
            if ours["name"] not in real:
                continue  # of a later version
            compared += 1
            same = ("kind", "name", "namespaced", "shortNames")
            theirs = real[ours["name"]]
            assert [ours.get(name) for name in same] == [theirs.get(name) for name in same]
            assert {*ours["verbs"]} <= {*theirs["verbs"]}
    assert compared > len(KINDS) - 5
