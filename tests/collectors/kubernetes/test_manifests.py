"""Files of manifests are a cluster: they say what an API server says of the same objects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.clusters import pod, store_of
from tests.collectors.kubernetes.conftest import KEY, TOKEN, MakeCaller
from tests.collectors.kubernetes.test_client import ROW, walked
from tests.e2e.clusters import MARK, estate

from cloudsealed.collectors.kubernetes.manifests import (
    KINDS,
    ManifestCaller,
    ManifestError,
    Manifests,
    ManifestSession,
    read_manifests,
)
from cloudsealed.collectors.kubernetes.rows import ROWS
from cloudsealed.collectors.model import Place, Snapshot, unit_of
from cloudsealed.kit.clock import utc_now
from cloudsealed.testing.kubernetes.server import ADMIN, ApiServer
from cloudsealed.testing.kubernetes.store import KINDS as SERVED
from cloudsealed.vocabulary import CallOutcome, Provider

OWN = ("uid", "resourceVersion", "creationTimestamp")
"""What a server gives an object of its own."""


def caller_of(*paths: Path) -> ManifestCaller:
    return ManifestCaller(Manifests(read_manifests(paths)), KEY, utc_now)


def plain(snapshots: list[Snapshot]) -> dict[str, Any]:
    found = {}
    for each in snapshots:
        metadata = {k: v for k, v in each.document["metadata"].items() if k not in OWN}
        found[each.native_id] = {**each.document, "metadata": metadata}
        for name in ("kind", "apiVersion"):  # a list leaves them out
            found[each.native_id].pop(name, None)
    return found


def write(folder: Path, objects: list[Any]) -> Path:
    (folder / "more").mkdir()
    half = len(objects) // 2
    (folder / "a.yaml").write_text(yaml.safe_dump_all(objects[:half], allow_unicode=True))
    (folder / "more" / "b.json").write_text(
        json.dumps({"kind": "List", "apiVersion": "v1", "items": objects[half:]})
    )
    (folder / "notes.txt").write_text("no manifest")
    return folder


def test_files_say_what_an_api_server_says_of_the_same_objects(
    make_caller: MakeCaller, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    objects = estate()
    of_files = caller_of(write(tmp_path, objects))
    with ApiServer(store_of(*objects), {TOKEN: ADMIN}, tls=certificate) as server:
        live = make_caller(server=server.url)
        for row in ROWS:
            ours, theirs = plain(walked(row, of_files)[0]), plain(walked(row, live)[0])
            for native_id, document in ours.items():
                assert document == theirs[native_id]
            assert len(theirs) - len(ours) == (4 if row.type == "k8s.namespace" else 0)
            assert MARK not in str(ours)


def test_every_kind_that_is_collected_can_be_brought_in_a_file() -> None:
    lists = {(row.service, (row.operation or "").partition("/")[0]) for row in ROWS}
    assert set(KINDS.values()) == lists
    assert {(k.group or "core", k.plural) for k in SERVED if k.name != "Secret"} == lists


def test_of_a_kind_that_no_file_has_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(pod("a")))
    caller = caller_of(tmp_path)
    snapshots, listing = walked(ROW["k8s.pod"], caller)
    assert [each.name for each in snapshots] == ["a"]
    assert listing.complete
    _, listing = walked(ROW["k8s.node"], caller)
    assert (listing.outcome, listing.complete) == (CallOutcome.UNSUPPORTED, False)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.yaml", "a: 1\nb: [\n", "a.yaml:3:1"),
        ("a.yaml", "kind: Pod\n---\nkind: Pod\n", "document 1, a Pod, has no metadata.name"),
        ("a.yaml", "metadata:\n  name: {{ .Values.name }}\n", "a.yaml:2:10"),
        ("a.yaml", "{{- if .a }}\nkind: Pod\n", "render it first (helm template)"),
        ("a.yaml", "a:\n\tb: 1\n", "a.yaml:2:1"),
        ("a.yaml", "a: \0", "at character 4"),
        ("a.yaml", "---\n---\n", "holds no object"),
        ("a.yaml", "&l\nkind: List\nitems: [*l]\n", "a list in it holds itself"),
        ("a.json", "[" * 9999, "a.json:1:"),
        ("a.yaml", "a: 1\n", "document 1 has no kind"),
        ("a.yaml", "- a\n", "document 1 has no kind"),
        ("a.json", '{"kind": ]', "a.json:1:10"),
        ("a.json", "", "a.json:1:1"),
    ],
)
def test_what_is_no_manifest_names_its_file_and_place(
    name: str, text: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ManifestError) as refused:
        read_manifests([path])
    assert said in refused.value.message


def test_a_folder_without_manifests_and_a_file_that_is_not_there_are_said(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="has no file that ends in"):
        read_manifests([tmp_path])
    with pytest.raises(ManifestError, match="No such file"):
        read_manifests([tmp_path / "none.yaml"])


def test_a_kind_of_another_project_is_counted_and_left(tmp_path: Path) -> None:
    other = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "a"}}
    former = {"apiVersion": "extensions/v1beta1", "kind": "Ingress", "metadata": {"name": "b"}}
    (tmp_path / "a.yaml").write_text(yaml.safe_dump_all([other, former]))
    manifests = Manifests(read_manifests([tmp_path]))
    assert manifests.other == {"Service": 1}
    assert manifests.warnings == []
    here = Place("", "global", "", Provider.KUBERNETES)
    assert manifests.answer(unit_of(here, "core", "services", {})) is None
    found = manifests.answer(unit_of(here, "networking.k8s.io", "ingresses", {}))
    assert [each["metadata"]["name"] for each in (found or {})["items"]] == ["b"]


def test_a_session_with_files_has_the_name_of_whoever_brings_them(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(pod("a")))
    session = ManifestSession(Manifests(read_manifests([tmp_path])), "staging")
    caller = session.caller(KEY, clock=utc_now)
    assert session.identify().account == "staging"
    assert session.regions("staging", caller).names == ()
    assert (session.region, session.clock_skew()) == ("global", None)
    caller.close()
    session.close()


POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: ok}\nspec: {containers: [{name: a, image: b}]}\n"


def brought(folder: Path, *texts: str | bytes, suffix: str = "yaml") -> Manifests:
    for number, text in enumerate(texts):
        content = text if isinstance(text, bytes) else text.encode()
        (folder / f"{number}.{suffix}").write_bytes(content)
    return Manifests(read_manifests([folder]))


def listed(manifests: Manifests, group: str = "core", plural: str = "pods") -> dict[str, Any]:
    here = Place("", "global", "", Provider.KUBERNETES)
    found = manifests.answer(unit_of(here, group, plural, {})) or {"items": []}
    return {each["metadata"]["name"]: each for each in found["items"]}


def of_pod(spec: str, container: str = "") -> str:
    return (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: odd}\n"
        f"spec: {{containers: [{{name: a, image: b{container}}}]{spec}}}\n"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\n", "0.yaml: document 1 has no kind"),
        ("hello\n", "0.yaml: document 1 has no kind"),
        ("kind: Kustomization\n", "document 1, a Kustomization, has no metadata.name"),
        ("kind: List\nitems: [{kind: Pod}]\n", "document 1, a Pod, has no metadata.name"),
        (of_pod(", volumes: {name: a}"), "is left out: spec.volumes is a map and should be a list"),
        (of_pod(", containers: [web]"), "spec.containers.0 is a text and should be a map"),
        (of_pod(", hostPID: maybe"), "spec.hostPID is a text and should be true or false"),
        (of_pod("", ", stdin: 1"), "spec.containers.0.stdin is a number and should be true or"),
        (of_pod("", ", command: [[a]]"), "containers.0.command.0 is a list and should be a text"),
        (of_pod(", nodeSelector: [a]"), "spec.nodeSelector is a list and should be a map"),
        (of_pod(", more: " + "[" * 200 + "]" * 200), "larger or deeper than any API server takes"),
        (of_pod(", more: !!set {a}"), "should be something that JSON can say"),
        ("&o\n" + of_pod(", more: *o"), "larger or deeper than any API server takes"),
    ],
)
def test_what_is_no_object_is_named_and_the_rest_is_judged(
    text: str, said: str, tmp_path: Path
) -> None:
    manifests = brought(tmp_path, text, POD)
    assert [*listed(manifests)] == ["ok"]
    assert any(said in each for each in manifests.warnings)


def test_aliases_that_multiply_are_left_out(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    bomb = "\n".join([*lines, of_pod(", more: *a8")])
    assert [*listed(brought(tmp_path, bomb, POD))] == ["ok"]


@pytest.mark.parametrize(
    ("text", "path", "value", "said"),
    [
        (of_pod("", ", env: [{name: A, value: 80}]"), ("env", 0, "value"), "80", "in quotes"),
        (of_pod("", ", env: [{name: A, value: on}]"), ("env", 0, "value"), "true", "in quotes"),
        (
            of_pod("", ", ports: [{containerPort: '80'}]"),
            ("ports", 0, "containerPort"),
            80,
            "whole",
        ),
        (of_pod("", ", stdin: 'true'"), ("stdin",), True, "should be true or false"),
        (
            of_pod("", ", env: [{name: A, value: 2020-01-01}]"),
            ("env", 0, "value"),
            "2020-01-01",
            "",
        ),
        (of_pod("", ", args: [1:30:00, '=', =]"), ("args",), ["1:30:00", "=", "="], ""),
        (of_pod("", ", args: [null]"), ("args",), [""], ""),
        (of_pod("", ", resources: {limits: {cpu: 2}}"), ("resources", "limits", "cpu"), "2", ""),
        (
            of_pod("", ", stdin: true, stdin: false"),
            ("stdin",),
            False,
            "0.yaml:4:54: stdin is said",
        ),
    ],
)
def test_what_can_mean_one_thing_alone_is_judged_as_that_and_named(
    text: str, path: tuple[Any, ...], value: Any, said: str, tmp_path: Path
) -> None:
    manifests = brought(tmp_path, text)
    found = listed(manifests)["odd"]["spec"]["containers"][0]
    for step in path:
        found = found[step]
    assert found == value
    assert len(manifests.warnings) == bool(said)
    assert said in "".join(manifests.warnings)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("apiVersion: v1\nkind: Deployment\nmetadata: {name: odd}\n", "apiVersion is v1"),
        ("kind: Deployment\nmetadata: {name: odd}\n", "apiVersion is not said"),
        ("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: odd}\n", "has no containers"),
    ],
)
def test_a_workload_that_no_server_would_take_is_judged_by_what_it_says(
    text: str, said: str, tmp_path: Path
) -> None:
    manifests = brought(tmp_path, text)
    found = listed(manifests, "apps", "deployments")["odd"]
    assert found["spec"]["template"]["spec"]["containers"] == []
    assert said in manifests.warnings[0]


def test_nulls_are_what_is_not_said(tmp_path: Path) -> None:
    plain, nulls = tmp_path / "plain", tmp_path / "nulls"
    for folder in (plain, nulls):
        folder.mkdir()
    said = of_pod(", volumes: null, securityContext: null", ", env: null, resources: null")
    assert listed(brought(nulls, said)) == listed(brought(plain, of_pod("")))


def test_an_anchor_is_two_objects(tmp_path: Path) -> None:
    probe = "{httpGet: {port: 80}}"
    text = of_pod("", f", livenessProbe: &p {probe}, lifecycle: {{preStop: *p}}")
    container = listed(brought(tmp_path, text))["odd"]["spec"]["containers"][0]
    assert container["livenessProbe"]["periodSeconds"] == 10
    assert container["lifecycle"]["preStop"] == {
        "httpGet": {"port": 80, "scheme": "HTTP", "path": "/"}
    }


@pytest.mark.parametrize(
    ("content", "suffix"),
    [
        (POD.replace("\n", "\r\n").encode(), "yaml"),
        (json.dumps(yaml.safe_load(POD), indent="\t").encode(), "yml"),
        (json.dumps(yaml.safe_load(POD)).encode("utf-8-sig"), "JSON"),
        (json.dumps(yaml.safe_load(POD)).encode("utf-16"), "json"),
        (POD.encode("utf-16"), "YAML"),
        (f"kind: PodList\nitems: null\n---\n{POD}".encode(), "yaml"),
    ],
)
def test_files_of_other_machines_are_read(content: bytes, suffix: str, tmp_path: Path) -> None:
    manifests = brought(tmp_path, content, suffix=suffix)
    assert [*listed(manifests)] == ["ok"]
    assert manifests.warnings == []


def test_two_of_one_name_are_told_and_two_generated_names_are_two(tmp_path: Path) -> None:
    job = "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: j-}\nspec: {template: {spec: "
    job += "{containers: [{name: a, image: b}]}}}\n"
    manifests = brought(tmp_path, POD, POD, POD.replace("image: b", "image: c"), job, job)
    assert [*listed(manifests, "batch", "jobs")] == ["j-", "j-2"]
    (warning,) = manifests.warnings
    assert "2.yaml: document 1, Pod ok, is judged in the place of another one:" in warning
    assert "1.yaml: document 1" in warning


def test_former_versions_are_read_as_the_newest(tmp_path: Path) -> None:
    ingress = """apiVersion: extensions/v1beta1
kind: Ingress
metadata: {name: web}
spec:
  backend: {serviceName: web, servicePort: http}
  rules: [{http: {paths: [{backend: {serviceName: web, servicePort: 80}}]}}, {host: a.example}]
"""
    scaler = """apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {maxReplicas: 3, targetCPUUtilizationPercentage: 60}
"""
    manifests = brought(tmp_path, ingress, scaler)
    spec = listed(manifests, "networking.k8s.io", "ingresses")["web"]["spec"]
    assert spec["defaultBackend"] == {"service": {"name": "web", "port": {"name": "http"}}}
    path = spec["rules"][0]["http"]["paths"][0]
    assert path["backend"] == {"service": {"name": "web", "port": {"number": 80}}}
    spec = listed(manifests, "autoscaling", "horizontalpodautoscalers")["web"]["spec"]
    target = {"type": "Utilization", "averageUtilization": 60}
    assert spec["metrics"] == [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    assert spec["minReplicas"] == 1


def test_an_aggregated_role_has_the_rules_of_those_that_it_selects(tmp_path: Path) -> None:
    head = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\n"
    selector = "{clusterRoleSelectors: [{matchLabels: {to: whole}}]}"
    whole = f"{head}metadata: {{name: whole}}\naggregationRule: {selector}\nrules: []\n"
    rules = "rules: [{apiGroups: [''], resources: [secrets], verbs: [get]}]\n"
    part = f"{head}metadata: {{name: part, labels: {{to: whole}}}}\n{rules}"
    other = f"{head}metadata: {{name: other, labels: {{to: else}}}}\n{rules}"
    alone = whole.replace("name: whole", "name: alone").replace("to: whole", "to: none")
    manifests = brought(tmp_path, whole, part, other, alone)
    found = listed(manifests, "rbac.authorization.k8s.io", "clusterroles")
    assert found["whole"]["rules"] == found["part"]["rules"]
    assert found["alone"]["rules"] == []


def test_a_configuration_of_kubelets_is_that_of_the_cluster(tmp_path: Path) -> None:
    text = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"
    text += "readOnlyPort: 10255\n"
    (tmp_path / "a.yaml").write_text(text)
    (found,), _ = walked(ROW["k8s.kubelet_config"], caller_of(tmp_path))
    assert found.document["data"]["kubelet"]["readOnlyPort"] == 10255


@pytest.mark.parametrize(
    ("strategy", "found"),
    [
        ("", {"maxUnavailable": "25%", "maxSurge": "25%"}),
        ("strategy: {type: RollingUpdate}, ", {"maxUnavailable": "25%", "maxSurge": "25%"}),
        ("strategy: {rollingUpdate: {maxSurge: 1}}, ", {"maxUnavailable": "25%", "maxSurge": 1}),
        ("strategy: {type: Recreate}, ", None),
    ],
)
def test_a_strategy_that_says_a_part_has_the_server_s_rest(
    strategy: str, found: Any, tmp_path: Path
) -> None:
    text = f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec: {{{strategy}"
    text += "template: {spec: {containers: [{name: a, image: b}]}}}\n"
    spec = listed(brought(tmp_path, text), "apps", "deployments")["web"]["spec"]
    assert spec["strategy"].get("rollingUpdate") == found
    assert spec["strategy"]["type"] == ("RollingUpdate" if found else "Recreate")
