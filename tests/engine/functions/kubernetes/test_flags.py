"""With which flags a program is started, and who else may have said them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.conftest import NOW

from cloudsealed.engine import EvaluationError, Unknown, compile_expression, compile_rule

Evaluate = Callable[..., Any]
Map = dict[str, Any]
API = "kube-apiserver"


def pod(*words: str, **more: Any) -> Map:
    return {"metadata": {"name": "p"}, "spec": {"containers": [{"command": [*words], **more}]}}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--a=x,y"], ["x", "y"]),
        (["--a", "x, y,"], ["x", "y"]),
        (["--a=x", "--b=z", "--a=y"], ["x", "y"]),
        (["--a="], []),
        (["--b=x"], []),
    ],
)
def test_a_list_is_what_every_time_that_it_is_given_says(
    value_of: Evaluate, words: list[str], expected: list[str]
) -> None:
    assert value_of('flag_list(x, "kube-apiserver", "a")', x=pod(API, *words)) == expected


@pytest.mark.parametrize(
    ("words", "default", "expected"),
    [
        ([], True, True),
        ([], False, False),
        (["--a"], False, True),
        (["--a=true"], False, True),
        (["--a=T"], False, True),
        (["--a=1"], False, True),
        (["--a=false"], True, False),
        (["--a=FALSE"], True, False),
        (["--a=0"], True, False),
        (["--a=true", "--a=f"], True, False),
    ],
)
def test_a_switch_is_on_where_its_word_says_so(
    value_of: Evaluate, words: list[str], default: bool, expected: bool
) -> None:
    found = value_of('flag_on(x, "kube-apiserver", "a", d)', x=pod(API, *words), d=default)
    assert found is expected


@pytest.mark.parametrize("word", ["", "yes", "off", "tRUE", "2"])
def test_a_switch_with_another_word_is_an_error(value_of: Evaluate, word: str) -> None:
    with pytest.raises(EvaluationError, match="neither true nor false"):
        value_of('flag_on(x, "kube-apiserver", "a", true)', x=pod(API, f"--a={word}"))


def test_a_flag_may_be_written_with_low_lines(value_of: Evaluate) -> None:
    made = pod(API, "--audit_log_path=/var/log/a")
    assert value_of('flag(x, "kube-apiserver", "audit-log-path")', x=made) == "/var/log/a"


@pytest.mark.parametrize("words", [["--a="], ["--a", ""], ["--a=x", "--a="], ["--b=x"]])
def test_a_flag_with_an_empty_text_is_not_given(value_of: Evaluate, words: list[str]) -> None:
    assert value_of('flag(x, "kube-apiserver", "a")', x=pod(API, *words)) is None


def test_a_file_without_a_name_says_nothing(value_of: Evaluate) -> None:
    made = pod(API, "--authentication-config=")
    assert value_of('flag_on(x, "kube-apiserver", "anonymous-auth", true)', x=made)


@pytest.mark.parametrize("wrapper", ["/go-runner", "/sbin/tini"])
def test_what_only_hands_on_its_arguments_is_seen_through(value_of: Evaluate, wrapper: str) -> None:
    made = pod(wrapper, "--log-file=/x", "--", "/usr/local/bin/kube-apiserver", "--a=1")
    assert value_of('runs(x, "kube-apiserver")', x=made)
    assert value_of('flag(x, "kube-apiserver", "a")', x=made) == "1"
    assert value_of('flag(x, "kube-apiserver", "log-file")', x=made) is None


@pytest.mark.parametrize(
    "words",
    [
        ["sh", "-c", "set -e\nexec /usr/bin/kubelet --config=/f"],
        ["sh", "-c", "HOME=/ kubelet"],
        ["bash", "-c", "sleep 1; kubelet; echo"],
        ["bash", "-ec", "if true; then hyperkube kubelet --a; fi"],
        ["bash", "-ec", "exec watch --log=/x -- hyperkube kubelet --a"],
        ["/entrypoint.sh", "kubelet", "--a=1"],
        ["nsenter", "-t", "1", "/usr/local/bin/kubelet"],
    ],
)
def test_a_program_that_another_one_starts_is_an_error(
    value_of: Evaluate, words: list[str]
) -> None:
    with pytest.raises(EvaluationError, match="started by another program"):
        value_of('runs(x, "kubelet")', x=pod(*words))


@pytest.mark.parametrize(
    "words",
    [
        ["driver", "--root=/var/lib/kubelet"],
        ["driver", "--root", "/var/lib/kubelet"],
        ["du", "/var/lib/kubelet"],
        ["sh", "-c", "ls /var/lib/kubelet; systemctl restart kubelet"],
        ["sh", "-c", "kubelet-check"],
        ["driver", "--name=kubelet"],
        ["driver", "--source=/usr/local/bin/kubelet"],
        ["cp", "/usr/local/bin/kubelet", "/opt"],
        ["nsenter", "-t", "1", "--", "/usr/bin/systemctl", "restart", "kubelet"],
        ["journalctl", "-fu", "kubelet"],
    ],
)
def test_a_name_that_stands_elsewhere_starts_nothing(value_of: Evaluate, words: list[str]) -> None:
    assert value_of('runs(x, "kubelet")', x=pod(*words)) is False


def asked(program: str, name: str) -> str:
    return f'flag(x, "{program}", "{name}")'


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ([API, "--authorization-config=/f"], "authorization-mode"),
        ([API, "--authentication-config=/f"], "anonymous-auth"),
        (["kube-scheduler", "--config=/f"], "profiling"),
        (["kube-scheduler", "--config=/f", "--profiling=false"], "profiling"),
        (["etcd", "--config-file=/f"], "cert-file"),
        (["etcd", "--config-file=/f", "--cert-file=/c"], "cert-file"),
    ],
)
def test_what_a_file_says_instead_is_an_error(
    value_of: Evaluate, words: list[str], name: str
) -> None:
    with pytest.raises(EvaluationError, match="the file of"):
        value_of(asked(words[0], name), x=pod(*words))


@pytest.mark.parametrize(
    ("words", "name", "expected"),
    [
        ([API, "--authentication-config=/f", "--anonymous-auth=false"], "anonymous-auth", "false"),
        ([API, "--authorization-config=/f"], "profiling", None),
        (["kube-scheduler", "--config=/f", "--bind-address=::1"], "bind-address", "::1"),
        (["kube-controller-manager", "--config=/f"], "profiling", None),
        (["etcd", "--config-file=/f"], "config-file", "/f"),
    ],
)
def test_a_file_says_nothing_of_other_flags(
    value_of: Evaluate, words: list[str], name: str, expected: str | None
) -> None:
    assert value_of(asked(words[0], name), x=pod(*words)) == expected


CERT = asked("etcd", "cert-file")


@pytest.mark.parametrize(
    "more",
    [
        {"env": [{"name": "ETCD_CERT_FILE", "value": "/c"}]},
        {"env": [{"name": "ETCD_CERT_FILE", "valueFrom": {"configMapKeyRef": {"name": "e"}}}]},
        {"envFrom": [{"configMapRef": {"name": "e"}}]},
    ],
)
def test_a_variable_may_say_a_flag_of_etcd_that_is_not_given(value_of: Evaluate, more: Map) -> None:
    with pytest.raises(EvaluationError, match="ETCD_CERT_FILE may say it"):
        value_of(CERT, x=pod("etcd", **more))
    assert value_of(CERT, x=pod("etcd", "--cert-file=/d", **more)) == "/d"


def test_other_variables_and_those_of_other_programs_say_nothing(value_of: Evaluate) -> None:
    other = {"env": [{"name": "ETCD_KEY_FILE", "value": "/k"}]}
    assert value_of(CERT, x=pod("etcd", **other)) is None
    own = {"env": [{"name": "ETCD_CERT_FILE", "value": "/c"}], "envFrom": [{}]}
    assert value_of(asked(API, "cert-file"), x=pod(API, **own)) is None


@pytest.mark.parametrize(
    "strange", [{"command": API}, {"command": [API, 1]}, {"command": [API], "args": {"a": "b"}}]
)
def test_a_command_line_that_is_no_list_of_texts_is_an_error(
    value_of: Evaluate, strange: Map
) -> None:
    with pytest.raises(EvaluationError, match="must"):
        value_of('runs(x, "kube-apiserver")', x={"spec": {"containers": [strange]}})


TEXTS = st.text("abc/:.-=", min_size=1, max_size=6).filter(lambda text: not text.startswith("-"))
FLAG = compile_expression(asked(API, "a"), variables=("x",), expect="any")


@given(
    values=st.lists(st.tuples(st.sampled_from(["a", "b"]), TEXTS, st.booleans()), max_size=5),
    split=st.integers(0, 10),
)
def test_the_last_text_counts_however_it_is_written(
    values: list[tuple[str, str, bool]], split: int
) -> None:
    words = [
        word
        for name, text, joined in values
        for word in ([f"--{name}={text}"] if joined else [f"--{name}", text])
    ]
    wanted = [text for name, text, _ in values if name == "a"]
    found = FLAG.evaluate({"x": pod(API, *words[:split], args=words[split:])}, NOW)
    assert found == (wanted[-1] if wanted else None)


def test_a_rule_points_at_the_word_that_gives_the_flag() -> None:
    rule = compile_rule(
        applies_when='runs(resource, "kube-apiserver")',
        fail_when='flag_on(resource, "kube-apiserver", "profiling", true)',
    )
    assert rule.reads == {("resource", "metadata"), ("resource", "spec")}
    made = {**pod(API, "--a=1", "--profiling=true"), "status": {}}
    judged = rule.judge(made, {}, NOW)
    assert judged.outcome == "fail"
    assert "spec.containers[0].command[2]" in [each.path for each in judged.evidence]
    denied = Unknown(frozenset({"denied"}))
    assert rule.judge_partly({**made, "spec": denied}, {}, NOW).outcome == "unknown"
    assert rule.slow_path_hits == 0
