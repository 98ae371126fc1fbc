"""What the fake takes in, and how it is told from what no API server would take."""

from __future__ import annotations

from typing import Any

import pytest
from tests.clusters import RefusedError, pod, store_of

from cloudsealed.testing.kubernetes.store import BY_NAME, Store, UnknownKindError

POD = BY_NAME["v1", "Pod"]


def changed(path: str, value: Any) -> dict[str, Any]:
    item: Any = pod("a")
    *parents, last = path.split(".")
    held = item
    for name in parents:
        held = held[int(name)] if name.isdecimal() else held[name]
    held[last] = value
    found: dict[str, Any] = item
    return found


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.containers", "none"),
        ("spec.containers.0.imagePullPolicies", "Always"),
        ("spec.containers.0.securityContext", {"privileged": "yes"}),
        ("spec.containers.0.ports", [{"port": 80}]),
        ("spec.hostNetwork", "true"),
        ("metadata.name", "Upper_Case"),
        ("metadata.name", ""),
        ("metadata.name", "a" * 254),
        ("metadata.labels", ["a"]),
    ],
)
def test_what_no_api_server_would_take_is_refused(path: str, value: Any) -> None:
    with pytest.raises(RefusedError):
        store_of(changed(path, value))


def test_what_an_api_server_takes_is_taken() -> None:
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "system:Anything"},
        "rules": [],
    }
    store = store_of(pod("a"), role, {"apiVersion": "v1", "kind": "List", "items": [pod("b")]})
    assert [place for place, _ in store.all(POD)] == [("default", "a"), ("default", "b")]


def test_a_kind_that_the_server_does_not_have_is_said() -> None:
    with pytest.raises(UnknownKindError, match=r"example\.com/v1 Widget"):
        Store([{"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a"}}])


def test_lists_are_in_the_order_of_etcds_keys() -> None:
    store = Store([pod("a", "b"), pod("a", "b-c"), pod("z", "a"), pod("a", "b.d")])
    places = ["/".join(place) for place, _ in store.all(POD)]
    assert places == sorted(places) == ["a/z", "b-c/a", "b.d/a", "b/a"]


def test_who_is_in_the_midst_of_a_list_sees_what_was_there_when_it_began() -> None:
    store = Store([pod("a"), pod("b")])
    began = store.version
    store.remove(POD, "default", "b")
    store.add(pod("c"))
    assert [place[1] for place, _ in store.all(POD, at=began)] == ["a", "b"]
    assert [place[1] for place, _ in store.all(POD)] == ["a", "c"]
    store.compact()
    assert [place[1] for place, _ in store.all(POD, at=store.version)] == ["a", "c"]


def test_a_pod_has_a_status_as_on_every_real_server() -> None:
    ended = {**pod("b"), "status": {"phase": "Succeeded"}}
    store = Store([pod("a"), ended])
    assert [item["status"]["phase"] for _, item in store.all(POD)] == ["Pending", "Succeeded"]
