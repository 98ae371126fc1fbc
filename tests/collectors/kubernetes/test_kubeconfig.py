"""What kubeconfigs say of a cluster, merged as kubectl merges them."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.clusters import Authority, written

from cloudsealed.collectors.errors import (
    CloudAccessError,
    CredentialsRefusedError,
    NoCredentialsError,
    ProfileNotFoundError,
)
from cloudsealed.collectors.kubernetes import kubeconfig
from cloudsealed.collectors.kubernetes.kubeconfig import Cluster, cluster_of

SECRET = "canary-5f3a9c"


def entries(kind: str, **named: Any) -> list[dict[str, Any]]:
    return [{"name": name, kind: said} for name, said in named.items()]


def document(current: str | None = "one", **more: Any) -> dict[str, Any]:
    """Return a kubeconfig of two contexts."""
    found = {
        "contexts": entries(
            "context", one={"cluster": "c1", "user": "u1"}, two={"cluster": "c2", "user": "u2"}
        ),
        "clusters": entries(
            "cluster", c1={"server": "https://one:6443/"}, c2={"server": "https://two"}
        ),
        "users": entries("user", u1={"token": "t1"}, u2={"token": "t2"}),
        **more,
    }
    return found if current is None else {"current-context": current, **found}


def read(*paths: Path, context: str | None = None) -> Cluster:
    return cluster_of(context, {"KUBECONFIG": os.pathsep.join(map(str, paths))})


@pytest.mark.parametrize(
    ("context", "server", "token"), [(None, "https://one:6443", "t1"), ("two", "https://two", "t2")]
)
def test_a_context_leads_to_its_cluster_as_its_user(
    context: str | None, server: str, token: str, tmp_path: Path
) -> None:
    cluster = read(written(tmp_path / "config", document()), context=context)
    assert (cluster.server, cluster.credentials().token) == (server, token)


def test_the_file_in_the_home_is_read_where_none_is_named(tmp_path: Path) -> None:
    (tmp_path / ".kube").mkdir()
    written(tmp_path / ".kube" / "config", document())
    assert cluster_of(None, {"HOME": str(tmp_path)}).name == "one"
    named = written(tmp_path / "other", document("two"))
    assert cluster_of(None, {"HOME": str(tmp_path), "KUBECONFIG": str(named)}).name == "two"


def test_of_several_files_the_first_that_says_something_is_right(tmp_path: Path) -> None:
    first = {
        "clusters": entries("cluster", c1={"server": "https://first"}),
        "users": entries("user", u2={"token": "first"}),
    }
    files = [
        tmp_path / "missing",
        written(tmp_path / "a", first),
        written(tmp_path / "empty", ""),
        written(tmp_path / "b", document("two")),
        written(tmp_path / "c", document("one")),
    ]
    assert read(*files).name == "two"
    assert read(*files).credentials().token == "first"
    one = read(*files, context="one")
    assert (one.server, one.credentials().token) == ("https://first", "t1")


def test_paths_begin_in_the_folder_of_the_file_that_says_them(
    tmp_path: Path, authority: Authority
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "token").write_text(f"of {name}\n")
        (tmp_path / name / "ca.crt").write_bytes(authority.pem)
    users = {"users": entries("user", u1={"tokenFile": "token"})}
    server = {"server": "https://a", "certificate-authority": "ca.crt"}
    clusters = {"clusters": entries("cluster", c1=server)}
    context = {"current-context": "one", "contexts": document()["contexts"]}
    first = written(tmp_path / "a" / "config", {**context, **clusters})
    cluster = read(first, written(tmp_path / "b" / "config", users))
    assert cluster.credentials().token == "of b"
    assert cluster.authorities == authority.pem.strip()


def test_what_a_cluster_says_of_the_way_is_read(tmp_path: Path, authority: Authority) -> None:
    said = {
        "server": "https://one",
        "certificate-authority-data": "\n".join(
            base64.b64encode(authority.pem).decode()[at : at + 64] for at in range(0, 2000, 64)
        ),
        "certificate-authority": "nowhere",
        "insecure-skip-tls-verify": True,
        "tls-server-name": "kubernetes",
        "proxy-url": "http://proxy:3128",
    }
    given = document(clusters=entries("cluster", c1=said))
    cluster = read(written(tmp_path / "config", given))
    assert cluster.authorities == authority.pem
    assert (cluster.verifies, cluster.server_name) == (False, "kubernetes")
    assert cluster.proxy == "http://proxy:3128"


def test_names_may_be_numbers_and_in_any_script(tmp_path: Path) -> None:
    given = {
        "current-context": 7,
        "contexts": [{"name": 7, "context": {"cluster": "集群", "user": "用户"}}],
        "clusters": [{"name": "集群", "cluster": {"server": "https://x"}}],
        "users": [{"name": "用户", "user": {"token": 12345}}],
    }
    cluster = read(written(tmp_path / "config", given))
    assert (cluster.user.name, cluster.credentials().token) == ("用户", "12345")


@pytest.mark.parametrize(
    ("given", "context", "said"),
    [
        (document(None), None, "names no current context"),
        (document("three"), None, "has no context 'three'"),
        (document(), "tow", "has no context 'tow'; did you mean 'two'"),
        ({}, None, "names no current context"),
        ({"contexts": "one"}, "one", "has no context 'one'"),
    ],
)
def test_a_context_that_there_is_not_is_said(
    given: Any, context: str | None, said: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "config", given)
    with pytest.raises(ProfileNotFoundError) as refused:
        read(path, context=context)
    assert said.split(";")[0] in refused.value.message
    if ";" in said:
        assert "two" in refused.value.message
    assert "kubectl config get-contexts" in refused.value.message


@pytest.mark.parametrize(
    "clusters",
    [
        [],
        entries("cluster", c1={}),
        entries("cluster", c1={"server": "one:6443"}),
        entries("cluster", c1={"server": ["https://one"]}),
        entries("cluster", c1={"server": f"https://u:{SECRET}@one"}),
        entries("cluster", c1={"server": "https://"}),
        entries("cluster", c1={"server": "https://[one"}),
        entries("cluster", c1={"server": "ftp://one"}),
        entries("cluster", other={"server": "https://one"}),
        [None, 7, {"name": "c1"}],
    ],
)
def test_a_context_without_a_server_is_said(clusters: Any, tmp_path: Path) -> None:
    path = written(tmp_path / "config", document(clusters=clusters))
    with pytest.raises(
        CredentialsRefusedError, match="'one' of the kubeconfig leads to"
    ) as refused:
        read(path)
    assert SECRET not in refused.value.message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"a: 1\nb:\n  - c\n d: {SECRET}\n", 4),
        (f"users:\n- user:\n    token: *{SECRET}\n", 3),
        (f"users:\n- user:\n    token: !{SECRET} x\n", 3),
        (f'users:\n- user: {{"token": "{SECRET}\n', 3),
        ("a: b: c\n", 1),
    ],
)
def test_broken_yaml_names_the_file_and_the_line_and_nothing_of_it(
    text: str, line: int, tmp_path: Path
) -> None:
    path = written(tmp_path / "broken", text)
    with pytest.raises(CredentialsRefusedError) as refused:
        read(path)
    message = refused.value.message
    assert str(path) in message
    assert f"line {line}" in message
    assert SECRET not in message
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize("text", ["- a\n", "7", '"text"', "[" * 1_500])
def test_what_is_no_mapping_is_no_kubeconfig(text: str, tmp_path: Path) -> None:
    path = written(tmp_path / "config", text)
    with pytest.raises(CredentialsRefusedError, match="cannot be read"):
        read(path)


def test_what_is_no_file_of_text_is_said(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path, tmp_path / "bytes"):
        with pytest.raises(CredentialsRefusedError, match="cannot be read"):
            read(path)
    large = written(tmp_path / "large", "a: " + "b" * (4 * 2**20))
    with pytest.raises(CredentialsRefusedError, match="larger than a kubeconfig"):
        read(large)


def test_no_kubeconfig_at_all_says_where_one_may_be(tmp_path: Path) -> None:
    with pytest.raises(NoCredentialsError, match=r"~/\.kube/config"):
        cluster_of(None, {"HOME": str(tmp_path)})
    with pytest.raises(NoCredentialsError, match="which KUBECONFIG names"):
        read(tmp_path / "missing")


def test_a_pod_finds_its_cluster_in_itself(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubeconfig, "POD", tmp_path)
    (tmp_path / "ca.crt").write_bytes(authority.pem)
    (tmp_path / "token").write_text("first\n")
    inside = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOME": str(tmp_path)}
    cluster = cluster_of(None, {**inside, "KUBERNETES_SERVICE_PORT": "6443"})
    assert cluster.server == "https://10.0.0.1:6443"
    assert cluster.authorities == authority.pem.strip()
    assert cluster.credentials().token == "first"
    (tmp_path / "token").write_text("second\n")  # as the kubelet renews it
    assert cluster.credentials().token == "second"
    six = cluster_of(None, {**inside, "KUBERNETES_SERVICE_HOST": "fd00::1"})
    assert six.server == "https://[fd00::1]:443"
    with pytest.raises(NoCredentialsError):
        cluster_of("production", inside)  # which is nowhere
    (tmp_path / "ca.crt").unlink()
    with pytest.raises(NoCredentialsError, match=r"ca\.crt"):
        cluster_of(None, inside)


def test_a_kubeconfig_goes_before_what_a_pod_has(tmp_path: Path) -> None:
    path = written(tmp_path / "config", document())
    given = {"KUBECONFIG": str(path), "KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    assert cluster_of(None, given).name == "one"


@pytest.mark.parametrize(
    ("user", "mode", "warned"),
    [
        ({"token": SECRET}, 0o600, False),
        ({"token": SECRET}, 0o644, True),
        ({"client-key-data": SECRET}, 0o640, True),
        ({"exec": {"command": "x"}}, 0o644, False),
    ],
)
def test_a_file_of_secrets_that_others_can_read_is_warned_of(
    user: Any, mode: int, warned: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = written(tmp_path / "config", document(users=entries("user", u1=user)))
    path.chmod(mode)
    read(path)
    assert (f"chmod 600 {path}" in caplog.text) is warned
    assert SECRET not in caplog.text


@pytest.mark.parametrize("name", ["certificate-authority", "client-certificate", "client-key"])
def test_what_is_no_base64_is_said_without_its_text(name: str, tmp_path: Path) -> None:
    said = {f"{name}-data": f"{SECRET}!", "server": "https://one"}
    given = document(clusters=entries("cluster", c1=said), users=entries("user", u1=said))
    path = written(tmp_path / "config", given)
    with pytest.raises(CredentialsRefusedError) as refused:
        read(path).credentials()
    assert "no base64" in refused.value.message
    assert SECRET not in refused.value.message


def test_nothing_of_a_user_is_shown(tmp_path: Path) -> None:
    said = {"server": "https://one", "proxy-url": f"http://u:{SECRET}@proxy"}
    users = entries("user", u1={"token": SECRET})
    given = document(clusters=entries("cluster", c1=said), users=users)
    cluster = read(written(tmp_path / "config", given))
    assert SECRET not in repr(cluster) + repr(cluster.credentials())


def test_json_is_a_kubeconfig_too(tmp_path: Path) -> None:
    assert read(written(tmp_path / "config", json.dumps(document()))).name == "one"


def test_every_refusal_is_one_of_access(tmp_path: Path) -> None:
    for text in ("{", yaml.safe_dump(document("none"))):
        with pytest.raises(CloudAccessError):
            read(written(tmp_path / "config", text))
