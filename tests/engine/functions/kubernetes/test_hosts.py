"""What a workload takes of its node: capabilities and files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.conftest import NOW

from cloudsealed.engine import EvaluationError, compile_expression

Evaluate = Callable[..., Any]
Map = dict[str, Any]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, ([], [])),
        ({"securityContext": {"capabilities": None}}, ([], [])),
        (
            {"securityContext": {"capabilities": {"add": ["CAP_SYS_ADMIN"], "drop": ["all"]}}},
            (["SYS_ADMIN"], ["ALL"]),
        ),
        (
            {"securityContext": {"capabilities": {"add": ["net_raw", "KILL"]}}},
            (["NET_RAW", "KILL"], []),
        ),
    ],
)
def test_a_capability_is_named_as_runtimes_read_it(
    value_of: Evaluate, said: Map, expected: tuple[list[str], list[str]]
) -> None:
    found = value_of("capabilities(c)", c=said)
    assert (found["added"], found["dropped"]) == expected


def test_what_is_no_list_of_capabilities_is_an_error(value_of: Evaluate) -> None:
    with pytest.raises(EvaluationError, match="add must be a list of texts"):
        value_of("capabilities(c)", c={"securityContext": {"capabilities": {"add": "ALL"}}})


def mounted(path: str, *mounts: Map) -> Map:
    volumes = [{"name": "v", "hostPath": {"path": path}}, {"name": "e", "emptyDir": {}}]
    return {
        "spec": {"volumes": volumes, "containers": [{"name": "app", "volumeMounts": [*mounts]}]}
    }


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (mounted("/etc"), []),
        (mounted("/etc", {"name": "e", "mountPath": "/a"}), []),
        (mounted("/etc/", {"name": "v", "mountPath": "/a"}), [("/etc", True)]),
        (mounted("/etc", {"name": "v", "mountPath": "/a", "readOnly": False}), [("/etc", True)]),
        (mounted("/etc", {"name": "v", "mountPath": "/a", "readOnly": True}), [("/etc", False)]),
        (
            mounted("/var/run", {"name": "v", "mountPath": "/s", "subPath": "docker.sock"}),
            [("/run/docker.sock", True)],
        ),
        (
            mounted("/var/log", {"name": "v", "mountPath": "/s", "subPathExpr": "$(POD)"}),
            [("/var/log", True)],
        ),
        (mounted("C:\\logs\\", {"name": "v", "mountPath": "C:\\l"}), [("C:/logs", True)]),
        (
            mounted("c:/logs", {"name": "v", "mountPath": "C:\\l", "subPath": "a\\b"}),
            [("c:/logs/a/b", True)],
        ),
        (
            mounted("\\\\.\\pipe\\docker_engine", {"name": "v", "mountPath": "p"}),
            [("\\\\.\\pipe\\docker_engine", True)],
        ),
    ],
)
def test_a_mount_is_a_path_of_the_node(
    value_of: Evaluate, made: Map, expected: list[tuple[str, bool]]
) -> None:
    for form in (made, {"spec": {"template": made}}):
        found = value_of("host_mounts(x)", x=form)
        assert [(each["path"], each["writable"]) for each in found] == expected
        assert all((each["container"], each["volume"]) == ("app", "v") for each in found)


def test_a_volume_without_a_path_is_an_error(value_of: Evaluate) -> None:
    made = mounted("/etc", {"name": "v", "mountPath": "/a"})
    del made["spec"]["volumes"][0]["hostPath"]["path"]
    with pytest.raises(EvaluationError, match="begins with a slash"):
        value_of("host_mounts(x)", x=made)


def test_containers_of_every_kind_mount(value_of: Evaluate) -> None:
    made = mounted("/etc")
    mount = {"name": "v", "mountPath": "/a"}
    made["spec"]["initContainers"] = [{"name": "first", "volumeMounts": [mount]}]
    made["spec"]["ephemeralContainers"] = [{"name": "debug", "volumeMounts": [mount]}]
    assert value_of("host_mounts(x).map(m, m.container)", x=made) == ["first", "debug"]


@pytest.mark.parametrize(
    ("path", "folder", "expected"),
    [
        ("/etc", "/etc", True),
        ("/etc/", "/etc", True),
        ("/etc/ssl", "/etc", True),
        ("/etcetera", "/etc", False),
        ("/etc", "/etc/ssl", False),
        ("/opt/../etc", "/etc", True),
        ("//etc//./ssl", "/etc/", True),
        ("/var/run/docker.sock", "/run", True),
        ("/run/docker.sock", "/var/run/docker.sock", True),
        ("/var/running", "/run", False),
        ("/anything", "/", True),
        ("/", "/", True),
        ("/", "/etc", False),
        ("C:\\Windows\\System32", "c:/windows", True),
        ("C:\\Windows", "C:\\", True),
        ("c:\\", "C:/", True),
        ("C:\\etc", "/etc", False),
        ("D:\\etc", "C:\\etc", False),
        ("/c:/etc", "C:\\etc", False),
        ("\\\\.\\pipe\\Docker_Engine", "\\\\.\\pipe\\docker_engine", True),
        ("\\\\.\\pipe\\docker_engine", "/", False),
        ("/a\\b", "/a", False),
    ],
)
def test_a_path_is_a_folder_or_in_it(
    value_of: Evaluate, path: str, folder: str, expected: bool
) -> None:
    assert value_of("on_path(p, f)", p=path, f=folder) is expected


@pytest.mark.parametrize("path", ["", "etc", "C:etc", "\\etc", "./etc", "..\\pipe"])
def test_a_path_that_begins_nowhere_is_an_error(value_of: Evaluate, path: str) -> None:
    with pytest.raises(EvaluationError, match="begins with a slash"):
        value_of("on_path(p, '/')", p=path)


ON_PATH = compile_expression("on_path(p, f)", variables=("p", "f"))
PATHS = st.lists(st.sampled_from(["a", "b", "..", ".", ""]), max_size=5).map(
    lambda x: "/" + "/".join(x)
)


def is_on(path: str, folder: str) -> bool:
    return ON_PATH.evaluate({"p": path, "f": folder}, NOW) is True


@given(one=PATHS, two=PATHS, three=PATHS)
def test_being_in_a_folder_is_an_order(one: str, two: str, three: str) -> None:
    assert is_on(one, one)
    assert is_on(one, "/")
    assert is_on(f"{one}/c", one)
    assert not is_on(one, f"{one}/c")
    if is_on(one, two) and is_on(two, three):
        assert is_on(one, three)
