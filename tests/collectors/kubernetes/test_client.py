"""The caller against an API server that fails in every way that one, and what stands before it,
does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.clusters import granted, pod
from tests.collectors.kubernetes.conftest import ACCOUNT, PODS, TOKEN, MakeCaller

from cloudsealed.collectors import http
from cloudsealed.collectors.errors import SessionExpiredError
from cloudsealed.collectors.kubernetes import client
from cloudsealed.collectors.kubernetes.client import ClusterCaller
from cloudsealed.collectors.kubernetes.provider import PROVIDER
from cloudsealed.collectors.kubernetes.rows import ROWS
from cloudsealed.collectors.kubernetes.session import PARTITION
from cloudsealed.collectors.model import GLOBAL, Answer, CallRequest, Listing, Place, Row, Snapshot
from cloudsealed.collectors.walk import walk
from cloudsealed.kit.canonical import canonical
from cloudsealed.testing.kubernetes.rbac import User
from cloudsealed.testing.kubernetes.server import ApiServer, Fault
from cloudsealed.testing.kubernetes.store import BY_NAME, Store
from cloudsealed.vocabulary import CallOutcome, Provider

RequestOf = Callable[..., CallRequest]
PLACE = Place(ACCOUNT, GLOBAL, PARTITION, Provider.KUBERNETES)
ROW = {row.type: row for row in ROWS}
POD = BY_NAME["v1", "Pod"]
CANARY = "canary-91ab"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
STATUS = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}


def walked(row: Row, caller: Any) -> tuple[list[Snapshot], Listing]:
    """Return what a walk over one list finds, and how it ended."""
    found = list(walk(row, PLACE, caller))
    assert isinstance(found[-1], Listing)
    return [each for each in found if isinstance(each, Snapshot)], found[-1]


class Between:
    """A caller that does something after each of its calls."""

    def __init__(self, caller: ClusterCaller, *then: Callable[[], object]) -> None:
        self._caller = caller
        self._then = iter(then)

    def call(self, request: CallRequest) -> Answer:
        answer = self._caller.call(request)
        next(self._then, lambda: None)()
        return answer


def names(snapshots: list[Snapshot]) -> list[str | None]:
    return [each.name for each in snapshots]


def fill(store: Store, number: int) -> list[str]:
    """Add pods, and return the names of all."""
    for n in range(number):
        store.add(pod(f"p{n:03}"))
    return [item["metadata"]["name"] for _, item in store.all(POD)]


def pages(server: ApiServer, plural: str = "pods") -> list[str]:
    return [path for _, path in server.asked if f"/{plural}?" in path]


def test_a_list_is_read_in_chunks(make_caller: MakeCaller, server: ApiServer) -> None:
    every = fill(server.store, 501)
    snapshots, listing = walked(ROW["k8s.pod"], make_caller())
    assert names(snapshots) == every
    assert (listing.complete, listing.outcome) == (True, CallOutcome.OK)
    assert len(listing.units) == len(pages(server)) == 2
    assert {each.native_id for each in snapshots} >= {"namespaces/default/pods/p500"}
    assert all("limit=500" in path for path in pages(server))
    assert {each.owner for each in snapshots} == {ACCOUNT}


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a page have five objects."""
    monkeypatch.setattr(client, "CHUNKS", (5, 2, 1))


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("after", [1, 2])
def test_a_place_in_a_list_that_is_too_old_is_gone_on_from(
    after: int, make_caller: MakeCaller, server: ApiServer
) -> None:
    every = fill(server.store, 12)

    def change() -> None:
        server.store.remove(POD, "default", "p010")
        server.store.remove(POD, "default", "p001")
        server.store.add(pod("p001-new"))
        server.store.add(pod("p010-new"))
        server.store.compact()

    then: list[Callable[[], object]] = [lambda: None] * (after - 1) + [change]
    snapshots, listing = walked(ROW["k8s.pod"], Between(make_caller(), *then))
    found = names(snapshots)
    assert len(found) == len(set(found)), "nothing is there twice"
    assert set(every) - {*found} == {"p010"}, "nothing is lost that was there all the time"
    assert {*found} - set(every) == {"p010-new"}
    assert listing.complete
    assert len(pages(server)) == 4


@pytest.mark.usefixtures("small_chunks")
def test_a_list_that_cannot_go_on_is_not_whole(make_caller: MakeCaller, server: ApiServer) -> None:
    fill(server.store, 6)
    gone = json.dumps({**STATUS, "reason": "Expired", "code": 410}).encode()
    server.faults = [Fault("pods", 410, gone, after=1)]
    snapshots, listing = walked(ROW["k8s.pod"], make_caller())
    assert len(snapshots) == 5
    assert not listing.complete
    assert listing.gap is not None
    assert (listing.gap.outcome, listing.gap.error_code) == (CallOutcome.FAILED, "Expired")


@pytest.mark.usefixtures("small_chunks")
def test_what_is_deleted_while_a_list_is_read_is_no_fault(
    make_caller: MakeCaller, server: ApiServer
) -> None:
    every = fill(server.store, 12)

    def change() -> None:
        for name in ("p001", "p006", "p011"):
            server.store.remove(POD, "default", name)
        server.store.add(pod("p012-new"))

    snapshots, listing = walked(ROW["k8s.pod"], Between(make_caller(), change))
    assert names(snapshots) == every  # the list is of one moment
    assert listing.complete


@pytest.mark.usefixtures("small_chunks")
def test_a_list_of_which_all_is_deleted_ends(make_caller: MakeCaller, server: ApiServer) -> None:
    every = fill(server.store, 7)

    def change() -> None:
        for name in every:
            server.store.remove(POD, "default", name)
        server.store.compact()

    snapshots, listing = walked(ROW["k8s.pod"], Between(make_caller(), change))
    assert len(snapshots) == 5
    assert listing.complete


def test_a_request_to_slow_down_is_honoured(
    make_caller: MakeCaller, server: ApiServer, request_of: RequestOf
) -> None:
    slow = {"Retry-After": "7"}
    server.faults = [Fault("pods", 429, b"Too many requests", slow, times=2)]
    pauses: list[float] = []
    answer = make_caller(pauses=pauses).call(request_of("pods"))
    assert (answer.outcome, answer.attempts) == (CallOutcome.OK, 3)
    assert pauses == [7.0, 7.0]


def test_a_request_to_wait_longer_than_a_call_may_take_is_a_throttled_call(
    make_caller: MakeCaller, server: ApiServer, request_of: RequestOf
) -> None:
    body = json.dumps({**STATUS, "reason": "TooManyRequests", "code": 429}).encode()
    server.faults = [Fault("pods", 429, body, {"Retry-After": "3600"})]
    answer = make_caller().call(request_of("pods"))
    assert (answer.outcome, answer.error_code) == (CallOutcome.THROTTLED, "TooManyRequests")
    assert answer.attempts == 1
    assert answer.may_pass


@pytest.mark.parametrize(
    ("status", "attempts"), [(500, 3), (502, 3), (503, 3), (504, 3), (501, 1), (400, 1), (302, 1)]
)
def test_only_what_may_pass_is_tried_again(
    status: int, attempts: int, make_caller: MakeCaller, server: ApiServer, request_of: RequestOf
) -> None:
    server.faults = [Fault("pods", status, b"<html>no</html>", times=2)]
    pauses: list[float] = []
    answer = make_caller(pauses=pauses).call(request_of("pods"))
    assert answer.attempts == attempts
    assert answer.outcome is (CallOutcome.OK if attempts == 3 else CallOutcome.FAILED)
    assert pauses == [0.4, 0.8][: attempts - 1]


def test_an_error_that_stays_ends_the_call(
    make_caller: MakeCaller, server: ApiServer, request_of: RequestOf
) -> None:
    body = json.dumps({**STATUS, "reason": "InternalError", "message": CANARY, "code": 500})
    server.faults = [Fault("pods", 500, body.encode(), {"Audit-Id": "a-1"})]
    answer = make_caller().call(request_of("pods"))
    assert (answer.outcome, answer.error_code) == (CallOutcome.FAILED, "InternalError")
    assert (answer.attempts, answer.http_status, answer.request_id) == (5, 500, "a-1")
    assert CANARY not in str(answer)


@pytest.mark.parametrize(
    "body",
    [
        "<!DOCTYPE html><html><body>Sign in</body></html>",
        "",
        "{",
        "[]",
        '"text"',
        "{}",
        '{"items": []}',
        '{"kind": "Status", "status": "Success"}',
        '{"kind": "PodList", "metadata": {}}',
        '{"kind": "PodList", "items": {}}',
        '{"kind": "PodList", "items": "none"}',
        '{"kind": "Pod", "items": []}',
        "[" * 100_000,
        '{"kind": "PodList", "items": [' + "9" * 5_000 + "]}",
    ],
)
def test_what_is_no_list_is_never_an_empty_one(
    body: str, make_caller: MakeCaller, server: ApiServer, request_of: RequestOf
) -> None:
    server.faults = [Fault("pods", 200, body.encode())]
    answer = make_caller().call(request_of("pods"))
    assert answer.outcome is CallOutcome.FAILED
    assert answer.document is None
    assert (answer.error_code, answer.attempts) == ("MalformedResponse", 5)


@pytest.mark.parametrize("items", ["null", "[]"])
def test_a_list_of_nothing_is_empty(
    items: str, make_caller: MakeCaller, server: ApiServer, request_of: RequestOf
) -> None:
    body = f'{{"kind": "PodList", "apiVersion": "v1", "metadata": {{}}, "items": {items}}}'
    server.faults = [Fault("pods", 200, body.encode())]
    assert make_caller().call(request_of("pods")).outcome is CallOutcome.EMPTY


def test_a_server_that_hangs_is_left_at_the_deadline(
    make_caller: MakeCaller, server: ApiServer, request_of: RequestOf
) -> None:
    server.faults = [Fault("pods", hang=60)]
    answer = make_caller(brief=0.4).call(request_of("pods"))
    assert (answer.outcome, answer.error_code) == (CallOutcome.FAILED, "DeadlineExceeded")


@pytest.mark.parametrize("cut", [0, 1, 100])
def test_an_answer_that_breaks_off_is_asked_for_again(
    cut: int, make_caller: MakeCaller, server: ApiServer, request_of: RequestOf
) -> None:
    server.faults = [Fault("pods", cut=cut, times=2)]
    answer = make_caller().call(request_of("pods"))
    assert (answer.outcome, answer.attempts) == (CallOutcome.OK, 3)
    server.faults = [Fault("pods", cut=cut)]
    answer = make_caller().call(request_of("pods"))
    assert (answer.outcome, answer.error_code) == (CallOutcome.FAILED, "ConnectionFailed")


def test_an_answer_of_100_megabytes_is_not_read(
    make_caller: MakeCaller, server: ApiServer, request_of: RequestOf
) -> None:
    size = {"Content-Length": str(100 * 2**20)}
    server.faults = [Fault("pods", 200, b"{", size)]
    answer = make_caller().call(request_of("pods"))
    assert (answer.outcome, answer.error_code) == (CallOutcome.FAILED, "too_large")
    assert [re.findall(r"limit=(\d+)", path) for path in pages(server)] == [["500"], ["50"], ["5"]]


def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones(
    make_caller: MakeCaller, server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(120):
        server.store.add(pod(f"large-{n:03}", annotations={"note": "x" * 1_000}))
    monkeypatch.setattr(http, "LARGEST_ANSWER", 100_000)
    snapshots, listing = walked(ROW["k8s.pod"], make_caller())
    assert len(snapshots) == len(set(names(snapshots))) == 121
    assert listing.complete
    limits = [re.findall(r"limit=(\d+)", path)[0] for path in pages(server)]
    assert limits == ["500", "50", "50", "50"]


@pytest.mark.parametrize(
    "item", ["null", "7", '"text"', "[]", "{}", '{"metadata": null}', '{"metadata": {"uid": "x"}}']
)
def test_an_item_that_is_none_leaves_its_list_unfinished_and_the_others_there(
    item: str, make_caller: MakeCaller, server: ApiServer
) -> None:
    good = json.dumps(server.store.get(POD, "default", "web"))
    body = f'{{"kind": "PodList", "metadata": {{}}, "items": [{good}, {item}]}}'
    server.faults = [Fault("pods", 200, body.encode())]
    snapshots, listing = walked(ROW["k8s.pod"], make_caller())
    assert not listing.complete
    assert {name for name in names(snapshots) if name} <= {"web"}
    if item.startswith("{"):
        assert names(snapshots) == ["web"]


@pytest.mark.parametrize("value", ["true", "[1]", '{"a": 1}', '"\\ud800"', "1e999", "7"])
def test_labels_and_names_of_another_type_end_no_audit(
    value: str, make_caller: MakeCaller, server: ApiServer
) -> None:
    body = (
        '{"kind": "PodList", "metadata": {}, "items": [{"metadata": {"name": "a", "namespace": "b",'
        f' "labels": {value}, "annotations": {value}, "creationTimestamp": {value}}},'
        f' "spec": {value}, "status": {value}}}]}}'
    )
    server.faults = [Fault("pods", 200, body.encode())]
    for each in walked(ROW["k8s.pod"], make_caller())[0]:
        assert each.native_id == "namespaces/b/pods/a"
        canonical(each.document)


def test_a_token_that_the_cluster_forgets_ends_the_session(
    make_caller: MakeCaller, server: ApiServer, request_of: RequestOf
) -> None:
    caller = make_caller()
    assert caller.call(request_of("pods")).outcome.answered
    server.users.clear()
    with pytest.raises(SessionExpiredError, match="Sign in again"):
        caller.call(request_of("pods"))


def test_a_401_of_one_list_alone_is_a_call_that_is_denied(
    make_caller: MakeCaller, server: ApiServer, request_of: RequestOf
) -> None:
    server.faults = [Fault("pods", 401, json.dumps({**STATUS, "reason": "Unauthorized"}).encode())]
    answer = make_caller().call(request_of("pods"))
    assert (answer.outcome, answer.error_code) == (CallOutcome.DENIED, "Unauthorized")
    assert not answer.curable  # no permission would help


@pytest.mark.parametrize(
    ("plural", "permission"),
    [
        ("deployments", "list deployments.apps"),
        ("nodes", "list nodes"),
        ("clusterroles", "list clusterroles.rbac.authorization.k8s.io"),
        ("configmaps", "list configmaps"),
    ],
)
def test_a_list_that_is_forbidden_names_its_permission(
    plural: str, permission: str, make_caller: MakeCaller, server: ApiServer, request_of: RequestOf
) -> None:
    caller = make_caller({"token": "token-of-ann"})
    assert caller.call(request_of("pods")).outcome is CallOutcome.OK
    answer = caller.call(request := request_of(plural))
    assert (answer.outcome, answer.error_code) == (CallOutcome.DENIED, "Forbidden")
    assert (answer.http_status, answer.attempts, answer.curable) == (403, 1, True)
    unit = request.unit
    assert PROVIDER.permission_of(unit.service, unit.operation) == permission
    statement = PROVIDER.statement([permission])
    assert [rule["verbs"] for rule in statement["rules"]] == [["list"]]
    for each in granted("ann", [*PODS, *statement["rules"]]):
        server.store.add(each)
    assert caller.call(request).outcome.answered


def test_a_group_that_the_cluster_does_not_have_is_unsupported(
    make_caller: MakeCaller, server: ApiServer
) -> None:
    server.api.lacks = frozenset({"autoscaling", "policy"})
    for kind in ("k8s.horizontal_pod_autoscaler", "k8s.pod_disruption_budget"):
        snapshots, listing = walked(ROW[kind], make_caller())
        assert snapshots == []
        assert (listing.outcome, listing.complete) == (CallOutcome.UNSUPPORTED, False)
        assert listing.gap is None


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("body", [b"", b"<html>Not here</html>", b"{}", b"not found"])
def test_a_refusal_that_is_no_api_servers_says_nothing_of_the_cluster(
    status: int, body: bytes, make_caller: MakeCaller, server: ApiServer
) -> None:
    server.faults = [Fault("pods", status, body)]
    _, listing = walked(ROW["k8s.pod"], make_caller())
    assert not listing.complete
    assert listing.gap is not None
    assert (listing.outcome, listing.gap.curable) == (CallOutcome.FAILED, False)


@pytest.mark.parametrize("name", ["читатель", "閲覧者", "قارئ", "rôle:ünïcode", "a b", "👩‍💻", "-"])
def test_names_may_be_in_any_script(name: str, make_caller: MakeCaller, server: ApiServer) -> None:
    """RBAC's names are path segments, whatever stands in them."""
    for each in granted(name, PODS):
        server.store.add(each)
    snapshots, _ = walked(ROW["k8s.cluster_role"], make_caller())
    assert name in names(snapshots)
    assert f"rbac.authorization.k8s.io/clusterroles/{name}" in [s.native_id for s in snapshots]


def test_what_nobody_needs_and_what_holds_whole_manifests_is_not_stored(
    make_caller: MakeCaller, server: ApiServer
) -> None:
    manifest = json.dumps({"spec": {"containers": [{"env": [{"value": CANARY}]}]}})
    annotations = {
        LAST_APPLIED: manifest,
        "kopf.zalando.org/last-handled-configuration": manifest,
        "objectset.rio.cattle.io/applied": CANARY,
        "db-password": CANARY,
        "team": "payments",
        "policy": '{"allow": true}',
    }
    fields = [{"manager": CANARY, "fieldsV1": {}}]
    server.store.add(pod("a", annotations=annotations, managedFields=fields))
    server.store.remove(POD, "default", "web")
    [found], _ = walked(ROW["k8s.pod"], make_caller())
    assert CANARY not in str(found.document)
    assert "managedFields" not in found.document["metadata"]
    assert found.document["metadata"]["annotations"] == {
        "db-password": "[redacted: secret_name]",
        "team": "payments",
        "policy": '{"allow": true}',
    }


def secret_places() -> Iterator[dict[str, Any]]:
    """Yield what a container says that may be a secret, a canary in each."""
    header = {"httpHeaders": [{"name": "Authorization", "value": CANARY}], "port": 80}
    yield {"env": [{"name": "A", "value": CANARY}]}
    yield {"args": [f"--db-password={CANARY}"]}
    yield {"command": ["sh", "-c", f"mysql --password={CANARY}"]}
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        yield {probe: {"httpGet": header}}
    for hook in ("postStart", "preStop"):
        yield {"lifecycle": {hook: {"httpGet": header}}}


@pytest.mark.parametrize("said", list(secret_places()), ids=lambda said: next(iter(said)))
@pytest.mark.parametrize(
    ("kind", "group"),
    [
        ("k8s.pod", "containers"),
        ("k8s.deployment", "initContainers"),
        ("k8s.cron_job", "containers"),
    ],
)
def test_no_secret_of_a_container_is_in_what_is_stored(
    said: dict[str, Any], group: str, kind: str, make_caller: MakeCaller, server: ApiServer
) -> None:
    item = pod("a")
    item["spec"][group] = [{"name": "x", "image": "x", **said}]
    template = {"metadata": {"labels": {"a": "b"}}, "spec": item["spec"]}
    if kind == "k8s.deployment":
        spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
        item = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec}
    if kind == "k8s.cron_job":
        template["spec"]["restartPolicy"] = "Never"
        spec = {"schedule": "0 0 * * *", "jobTemplate": {"spec": {"template": template}}}
        item = {"apiVersion": "batch/v1", "kind": "CronJob", "spec": spec}
    server.store.add({**item, "metadata": {"name": "a"}})
    snapshots, _ = walked(ROW[kind], make_caller())
    assert CANARY not in str([each.document for each in snapshots])
    assert "redacted" in str(snapshots[0].document)


def test_last_words_of_a_container_are_not_stored(
    make_caller: MakeCaller, server: ApiServer
) -> None:
    ended = {"terminated": {"exitCode": 1, "message": CANARY}}
    facts = {"name": "main", "image": "x", "imageID": "x", "ready": False, "restartCount": 1}
    states = [{**facts, "state": ended, "lastState": ended}]
    status = {"containerStatuses": states, "initContainerStatuses": states}
    server.store.add({**pod("web"), "status": status})
    [found], _ = walked(ROW["k8s.pod"], make_caller())
    assert CANARY not in str(found.document)
    assert found.document["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 1


def config_map(name: str, namespace: str = "default", **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


@pytest.mark.parametrize("obeys", [True, False])
def test_of_config_maps_the_metadata_alone_is_read(
    obeys: bool, make_caller: MakeCaller, server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.store.add(config_map("a", password=CANARY))
    if not obeys:  # what stands before it hides what we accept
        answered = server.api.get
        monkeypatch.setattr(
            type(server.api), "get", lambda _api, user, target, _accept: answered(user, target, "")
        )
    snapshots, listing = walked(ROW["k8s.config_map"], make_caller())
    assert names(snapshots) == ["a"]
    assert listing.complete
    assert CANARY not in str(snapshots[0].document)
    assert "data" not in snapshots[0].document


def test_the_kubelets_configuration_is_read_and_no_other_config_map(
    make_caller: MakeCaller, server: ApiServer
) -> None:
    row = ROW["k8s.kubelet_config"]
    snapshots, listing = walked(row, make_caller())
    assert (snapshots, listing.complete, listing.outcome) == ([], True, CallOutcome.EMPTY)
    text = "authentication:\n  anonymous:\n    enabled: false\n"
    server.store.add(config_map("kubelet-config", "default", kubelet=f"password: {CANARY}"))
    headers = f"staticPodURLHeader:\n  Authorization: [Bearer {CANARY}]\n"
    server.store.add(
        config_map("kubelet-config", "kube-system", kubelet=text + headers, other=CANARY)
    )
    server.store.add(config_map("other", "kube-system", password=CANARY))
    [found], _ = walked(row, make_caller())
    assert CANARY not in str(found.document)
    assert found.native_id == "namespaces/kube-system/configmaps/kubelet-config"
    assert found.document["data"]["kubelet"] == {
        "authentication": {"anonymous": {"enabled": False}}
    }


@pytest.mark.parametrize("text", ["{", "- a", "7"])
def test_a_kubelets_configuration_that_is_none_is_an_error_of_it_alone(
    text: str, make_caller: MakeCaller, server: ApiServer
) -> None:
    server.store.add(config_map("kubelet-config", "kube-system", kubelet=text))
    [found], listing = walked(ROW["k8s.kubelet_config"], make_caller())
    assert found.error is not None
    assert listing.complete


def test_every_kind_is_listed_where_there_is_one(
    make_caller: MakeCaller, server: ApiServer
) -> None:
    caller = make_caller()
    for row in ROWS:
        _, listing = walked(row, caller)
        assert listing.complete, row.type
    assert {path.split("?")[0] for _, path in server.asked if "limit=" in path} == {
        "/api/v1/namespaces/kube-system/configmaps" if row.type == "k8s.kubelet_config" else path
        for row in ROWS
        for path in [
            f"/api/v1/{row.operation}"
            if row.service == "core"
            else f"/apis/{row.service}/{row.constants['version']}/{row.operation}"
        ]
    }


def test_calls_from_many_threads_all_get_their_answers(
    make_caller: MakeCaller, server: ApiServer, request_of: RequestOf
) -> None:
    caller = make_caller()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(caller.call, [request_of("pods")] * 40))
    assert {answer.outcome for answer in answers} == {CallOutcome.OK}
    assert len(pages(server)) == 40


def test_no_change_is_ever_asked_for(make_caller: MakeCaller, server: ApiServer) -> None:
    caller = make_caller()
    caller.session.identify()
    for row in ROWS:
        walked(row, caller)
    assert {path for method, path in server.asked if method != "GET"} == {
        "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    }


def test_a_token_is_in_no_answer(make_caller: MakeCaller, request_of: RequestOf) -> None:
    answer = make_caller().call(request_of("pods"))
    assert TOKEN not in str(answer)


def test_a_role_out_of_the_permissions_is_enough_and_less_is_not(
    make_caller: MakeCaller, server: ApiServer
) -> None:
    role = PROVIDER.permissions(ROWS)
    server.users["token-of-eve"] = User("eve")

    def denied(rules: list[dict[str, Any]], rows: Iterable[Row]) -> set[str]:
        for each in granted("eve", rules):
            server.store.add(each)
        caller = make_caller({"token": "token-of-eve"})
        return {row.type for row in rows if walked(row, caller)[1].outcome is CallOutcome.DENIED}

    assert role["kind"] == "ClusterRole"
    verbs = {verb for rule in role["rules"] for verb in rule["verbs"]}
    assert verbs == {"get", "list"}
    assert "secrets" not in {name for rule in role["rules"] for name in rule["resources"]}
    assert denied(role["rules"], ROWS) == set()
    make_caller({"token": "token-of-eve"}).session.identify()
    for rule in role["rules"]:
        if "list" not in rule["verbs"]:
            continue
        left = [each for each in role["rules"] if each is not rule]
        names = {f"/{name}" for name in rule.get("resourceNames", [""])}
        operations = {f"{r}{n}".removesuffix("/") for r in rule["resources"] for n in names}
        of_it = [row for row in ROWS if row.operation in operations]
        if "resourceNames" in rule:  # who may list all of them may list this one
            left = [each for each in left if rule["resources"][0] not in each["resources"]]
        other = next(row for row in ROWS if row not in of_it and row.service != of_it[0].service)
        assert denied(left, [*of_it, other]) == {row.type for row in of_it}
