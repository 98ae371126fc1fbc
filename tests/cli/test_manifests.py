"""`cloudsealed audit kubernetes --import`: manifests are judged before a cluster has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Run
from tests.cli.test_doctor import DATA

POD = """apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec:
  containers:
    - name: main
      image: registry.example.com/web:1.0
      securityContext: {privileged: true}
      env: [{name: PASSWORD, value: correct-Horse-7battery}]
"""
CONFIG = """apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
data: {key: correct-Horse-8battery}
"""
LISTED = {
    "apiVersion": "v1",
    "kind": "List",
    "items": [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
        {"apiVersion": "example.com/v1", "kind": "Job", "metadata": {"name": "of-others"}},
    ],
}
CLUSTER = ("--cluster", "staging")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of manifests: a file of two documents, one of JSON, and one that is no manifest."""
    found = tmp_path / "deploy"
    (found / "more").mkdir(parents=True)
    (found / "web.yaml").write_text(f"---\n{POD}---\n{CONFIG}---\n")
    (found / "more" / "all.json").write_text(json.dumps(LISTED))
    (found / "README.md").write_text("not one of them")
    return found


def document(run: Run, *arguments: str) -> dict[str, Any]:
    done = run("audit", "kubernetes", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_folder_is_a_cluster_of_that_name(run: Run, folder: Path, tmp_path: Path) -> None:
    found = document(run, "--import", str(folder), *CLUSTER)
    audit = found["audit"]
    assert [each["account"] for each in audit["accounts"]] == ["staging"]
    assert audit["scope"]["resource_types"] == ["k8s.config_map", "k8s.namespace", "k8s.pod"]
    assert audit["resources"] == 3
    assert audit["coverage"] == 1.0
    failed = {(f["policy"]["key"], f["resource"]["native_id"]) for f in found["findings"]}
    assert ("k8s-workload-privileged", "namespaces/shop/pods/web") in failed
    secrets = (b"Horse-7battery", b"Horse-8battery")
    kept = [each.read_bytes() for each in (tmp_path / DATA).rglob("*") if each.is_file()]
    assert kept
    assert not any(secret in each for secret in secrets for each in kept)


def test_what_the_files_do_not_hold_is_out_of_scope_and_no_gap(run: Run, folder: Path) -> None:
    found = document(run, "--import", str(folder / "web.yaml"), *CLUSTER)
    keys = {each["policy"]["key"] for each in found["findings"]}
    assert "k8s-workload-privileged" in keys
    assert found["audit"]["verdicts"]["unread"] == 0
    assert found["audit"]["calls"] == {"ok": 2} | {
        name: 0 for name in found["audit"]["calls"] if name != "ok"
    }


def test_the_same_files_have_the_same_verdicts_and_a_new_audit(run: Run, folder: Path) -> None:
    one, two = (document(run, "--import", str(folder), *CLUSTER)["audit"] for _ in range(2))
    assert one["id"] != two["id"]
    assert one["verdict_digest"] == two["verdict_digest"]


def test_what_was_mended_is_resolved(run: Run, folder: Path) -> None:
    before = document(run, "--import", str(folder), *CLUSTER)["findings"]
    (folder / "web.yaml").write_text(POD.replace("true", "false"))
    after = document(run, "--import", str(folder), *CLUSTER)["findings"]
    keys = [{each["policy"]["key"] for each in found} for found in (before, after)]
    assert "k8s-workload-privileged" in keys[0] - keys[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--import", "deploy"), "--import and --cluster go together"),
        (CLUSTER, "--import and --cluster go together"),
        (("--import", "deploy", "--cluster", " "), "--import and --cluster go together"),
        (("--import", "deploy", *CLUSTER, "--context", "x"), "files need no credentials"),
        (("--import", "nowhere", *CLUSTER), "nowhere"),
    ],
)
def test_what_does_not_go_together_is_a_usage_error(
    run: Run, folder: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = run("audit", "kubernetes", *arguments)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("x.yaml", "a: [1\nb: 2", "x.yaml:2:"),
        ("x.yaml", "a: !!python/object/apply:os.system [true]", "x.yaml:1:4"),
        ("x.json", '{"kind": }', "x.json:1:"),
        ("x.yaml", "just: text", "document 1 has no kind"),
        ("x.yaml", "kind: Pod\nmetadata: {}", "document 1, a Pod, has no metadata.name"),
        ("x.txt", "kind: Pod", "no file that ends in .yaml, .yml, .json"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_place_in_it(
    run: Run, tmp_path: Path, name: str, text: str, said: str
) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / name).write_text(text)
    done = run("audit", "kubernetes", "--import", "bad", *CLUSTER)
    assert done.returncode == 1
    assert said in " ".join(done.stderr.split())


ODD = """apiVersion: apps/v1
kind: Deployment
metadata: {name: odd}
spec: {template: {spec: {containers: {name: a}}}}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: web}
"""


def test_one_odd_object_is_named_and_the_others_decide(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    (folder / "odd.yaml").write_text(ODD)
    gate = ("audit", "kubernetes", "--import", str(folder), *CLUSTER, "--fail-on", "high")
    done = run(*gate)
    assert done.returncode == 3
    said = " ".join(done.stderr.split())
    assert "Deployment odd, is left out: spec.template.spec.containers is a map" in said
    assert "no policy is about them: Job (1), ServiceMonitor (1)" in said
    (folder / "web.yaml").write_text(POD.replace("true", "false").partition("      env")[0])
    assert run(*gate).returncode == 0


def test_files_without_anything_to_judge_are_an_error(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.yaml").write_text(ODD.partition("---\n")[2])
    done = run("audit", "kubernetes", "--import", "bad", *CLUSTER, "--fail-on", "high")
    assert done.returncode == 1
    said = " ".join(done.stderr.split())
    assert "hold nothing that is judged: no kind of it is: ServiceMonitor (1)" in said
