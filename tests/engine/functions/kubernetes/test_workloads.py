"""What a workload's pods hold, wherever the workload keeps them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.engine.conftest import NOW

from cloudsealed.engine import EvaluationError, Unknown, compile_expression, compile_rule

Evaluate = Callable[..., Any]
Map = dict[str, Any]
NAMED = {"name": "web", "namespace": "shop"}


def plain(*mains: Map, **spec: Any) -> Map:
    return {"metadata": {**NAMED}, "spec": {"containers": list(mains), **spec}}


def each_form(made: Map) -> list[Map]:
    """The same pod by itself, as a template, and as a template of jobs."""
    template = {"spec": {"template": made}}
    return [
        made,
        {"metadata": NAMED, **template},
        {"metadata": NAMED, "spec": {"jobTemplate": template}},
    ]


def test_a_pod_is_found_in_every_form_of_workload(value_of: Evaluate) -> None:
    made = plain({"name": "app"}, hostPID=True)
    assert [value_of("pod(x)", x=form) for form in each_form(made)] == [made] * 3


@pytest.mark.parametrize(
    "strange", [{}, {"spec": {}}, {"spec": {"template": {"spec": {}}}}, {"spec": {"ports": []}}]
)
def test_what_has_no_pods_is_an_error(value_of: Evaluate, strange: Map) -> None:
    for text in ("pod(x)", "containers(x)", 'runs(x, "kubelet")'):
        with pytest.raises(EvaluationError, match="has no pods"):
            value_of(text, x=strange)


def test_every_container_has_its_role(value_of: Evaluate) -> None:
    made = plain(
        {"name": "app"},
        initContainers=[{"name": "first"}, {"name": "beside", "restartPolicy": "Always"}],
        ephemeralContainers=[{"name": "debug"}],
    )
    for form in each_form(made):
        found = [(each["name"], each["role"]) for each in value_of("containers(x)", x=form)]
        assert found == [
            ("first", "init"),
            ("beside", "sidecar"),
            ("app", "main"),
            ("debug", "ephemeral"),
        ]


@pytest.mark.parametrize(
    ("shared", "own", "expected"),
    [
        ({"runAsUser": 7}, None, {"runAsUser": 7}),
        ({"runAsUser": 7}, {"runAsUser": 0}, {"runAsUser": 0}),
        ({"runAsUser": 7}, {"runAsUser": None}, {"runAsUser": 7}),
        ({"runAsNonRoot": True}, {"runAsUser": 5}, {"runAsNonRoot": True, "runAsUser": 5}),
        ({"fsGroup": 7, "sysctls": [{"name": "a", "value": "1"}]}, {}, {}),
        ({"seLinuxOptions": {"type": "a", "user": "b"}}, {"seLinuxOptions": {"type": "c"}},
         {"seLinuxOptions": {"type": "c"}}),
        ({"windowsOptions": {"hostProcess": True}}, {"windowsOptions": {"runAsUserName": "u"}},
         {"windowsOptions": {"hostProcess": True, "runAsUserName": "u"}}),
        ({"windowsOptions": {"hostProcess": True}}, {"windowsOptions": {"hostProcess": False}},
         {"windowsOptions": {"hostProcess": False}}),
    ],
)  # fmt: skip
def test_a_container_has_what_its_pod_says_unless_it_says_so_itself(
    value_of: Evaluate, shared: Map, own: Map | None, expected: Map
) -> None:
    made = plain({"name": "app", "securityContext": own}, securityContext=shared)
    assert [value_of("containers(x)[0].securityContext", x=form) for form in each_form(made)] == [
        expected
    ] * 3


@pytest.mark.parametrize(
    ("noted", "kind"),
    [
        ("unconfined", "Unconfined"),
        ("runtime/default", "RuntimeDefault"),
        ("localhost/mine", "Localhost"),
    ],
)
def test_a_profile_that_an_annotation_says_is_one(
    value_of: Evaluate, noted: str, kind: str
) -> None:
    made = plain({"name": "app"}, {"name": "other"})
    made["metadata"]["annotations"] = {"container.apparmor.security.beta.kubernetes.io/app": noted}
    found = [each["securityContext"] for each in value_of("containers(x)", x=made)]
    assert found == [{"appArmorProfile": {"type": kind}}, {}]


ON_WINDOWS: Map = {"key": "kubernetes.io/os", "operator": "In", "values": ["windows"]}


def bound(*terms: list[Map]) -> Map:
    chosen = [{"matchExpressions": each} for each in terms]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": chosen}}
    return {"affinity": {"nodeAffinity": required}}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, False),
        ({"os": {"name": "linux"}}, False),
        ({"os": {"name": "windows"}}, True),
        ({"nodeSelector": {"kubernetes.io/os": "windows"}}, True),
        ({"nodeSelector": {"kubernetes.io/os": "linux"}}, False),
        ({"os": None, "nodeSelector": {"disk": "windows"}}, False),
        ({"nodeSelector": {"beta.kubernetes.io/os": "windows"}}, True),
        (bound([ON_WINDOWS]), True),
        (bound([ON_WINDOWS, {"key": "disk", "operator": "Exists"}]), True),
        (bound([ON_WINDOWS], [{**ON_WINDOWS, "key": "beta.kubernetes.io/os"}]), True),
        (bound([ON_WINDOWS], [{"key": "disk", "operator": "Exists"}]), False),
        (bound([{**ON_WINDOWS, "values": ["linux", "windows"]}]), False),
        (bound([{**ON_WINDOWS, "operator": "NotIn"}]), False),
        (bound(), False),
        ({"affinity": {"nodeAffinity": None}}, False),
        ({"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 1, "preference": {"matchExpressions": [ON_WINDOWS]}}]}}}, False),
        ({"os": {"name": "linux"}, **bound([ON_WINDOWS])}, False),
    ],
)  # fmt: skip
def test_pods_are_for_the_system_that_they_say(
    value_of: Evaluate, spec: Map, expected: bool
) -> None:
    for form in each_form(plain({"name": "app"}, **spec)):
        assert value_of("is_windows(x)", x=form) is expected


OWNER = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "controller": True}


@pytest.mark.parametrize(
    ("owners", "expected"),
    [
        (None, False),
        ([], False),
        ([OWNER], True),
        ([{**OWNER, "apiVersion": "batch/v1", "kind": "Job"}], True),
        ([{**OWNER, "apiVersion": "batch/v1beta1", "kind": "CronJob"}], True),
        ([{**OWNER, "controller": False}], False),
        ([{**OWNER, "apiVersion": "v1", "kind": "Node"}], False),
        ([{**OWNER, "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"}], False),
        ([{**OWNER, "apiVersion": "apps.example.org/v1"}], False),
        ([{**OWNER, "controller": None}, OWNER], True),
    ],
)
def test_a_workload_is_controlled_by_one_that_is_judged_itself(
    value_of: Evaluate, owners: Any, expected: bool
) -> None:
    made = {"metadata": {**NAMED, "ownerReferences": owners}}
    assert value_of("is_controlled(x)", x=made) is expected


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ({"command": ["kube-apiserver", "--a=1"]}, True),
        ({"command": ["/usr/local/bin/kube-apiserver"], "args": ["--a"]}, True),
        ({"args": ["kube-apiserver"]}, True),
        ({"command": ["kube-scheduler"]}, False),
        ({}, False),
    ],
)
def test_a_program_is_what_a_command_line_begins_with(
    value_of: Evaluate, container: Map, expected: bool
) -> None:
    assert value_of('runs(x, "kube-apiserver")', x=plain(container)) is expected


def test_a_program_that_a_shell_starts_is_an_error(value_of: Evaluate) -> None:
    made = plain({"command": ["sh", "-c", "exec kube-apiserver --a=1"]})
    for text in ('runs(x, "kube-apiserver")', 'flag(x, "kube-apiserver", "a")'):
        with pytest.raises(EvaluationError, match="started by another program"):
            value_of(text, x=made)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--mode=RBAC"], "RBAC"),
        (["--mode", "RBAC"], "RBAC"),
        (["-mode=RBAC"], "RBAC"),
        (["--mode="], None),
        (["--mode"], "true"),
        (["--mode", "--other"], "true"),
        (["--mode=a", "--mode=b"], "b"),
        (["--mode=a=b"], "a=b"),
        (["--modes=a"], None),
        ([], None),
    ],
)
def test_a_flag_has_the_text_that_a_program_reads(
    value_of: Evaluate, words: list[str], expected: str | None
) -> None:
    for made in (
        plain({"command": ["/bin/kube-apiserver", *words]}),
        plain({"command": ["kube-apiserver"], "args": words}),
    ):
        for form in each_form(made):
            assert value_of('flag(x, "kube-apiserver", "mode")', x=form) == expected


def test_a_flag_that_nobody_can_read_is_an_error(value_of: Evaluate) -> None:
    filled = plain({"command": ["kube-apiserver", "--mode=$(MODE)"]})
    with pytest.raises(EvaluationError, match="filled by a variable"):
        value_of('flag(x, "kube-apiserver", "mode")', x=filled)
    with pytest.raises(EvaluationError, match="no container starts"):
        value_of('flag(x, "etcd", "mode")', x=filled)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0.0),
        ("500m", 0.5),
        ("1.5Gi", 1.5 * 2**30),
        (".5", 0.5),
        ("2.", 2.0),
        ("1k", 1000.0),
        ("1Ki", 1024.0),
        ("5E", 5e18),
        ("5E3", 5000.0),
        ("12e-1", 1.2),
        ("100n", 1e-7),
        ("-1Mi", -float(2**20)),
        (3, 3.0),
        (0.25, 0.25),
    ],
)
def test_a_quantity_is_a_number(value_of: Evaluate, text: Any, expected: float) -> None:
    assert value_of("quantity(x)", x=text) == expected


@pytest.mark.parametrize(
    "text", ["", "1K", "1 Gi", "Gi", "1Gib", "1e", "0x1", "1_0", "١", "1" * 65]
)
def test_what_is_no_quantity_is_an_error(value_of: Evaluate, text: str) -> None:
    with pytest.raises(EvaluationError, match="is no quantity"):
        value_of("quantity(x)", x=text)


UNITS: Map = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18,
         "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60,
         "m": Fraction(1, 10**3), "u": Fraction(1, 10**6), "n": Fraction(1, 10**9)}  # fmt: skip
QUANTITY = compile_expression("quantity(x)", variables=("x",), expect="any")


@given(
    whole=st.integers(0, 10**12),
    part=st.none() | st.integers(0, 999),
    unit=st.sampled_from([*UNITS]),
)
@example(whole=1, part=None, unit="E")
def test_a_quantity_is_its_number_by_its_unit(whole: int, part: int | None, unit: str) -> None:
    number = str(whole) if part is None else f"{whole}.{part:03}"
    exact = Fraction(number) * UNITS[unit]
    assert QUANTITY.evaluate({"x": f"{number}{unit}"}, NOW) == pytest.approx(
        float(exact), rel=1e-15
    )


@given(number=st.integers(0, 10**9), power=st.integers(-9, 9), letter=st.sampled_from("eE"))
def test_an_exponent_is_a_power_of_ten(number: int, power: int, letter: str) -> None:
    found = QUANTITY.evaluate({"x": f"{number}{letter}{power}"}, NOW)
    assert found == pytest.approx(float(number * Fraction(10) ** power), rel=1e-15)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("nginx", ("docker.io", "library/nginx", "latest", None)),
        ("nginx:1.27", ("docker.io", "library/nginx", "1.27", None)),
        ("bitnami/redis:7", ("docker.io", "bitnami/redis", "7", None)),
        ("index.docker.io/nginx", ("docker.io", "library/nginx", "latest", None)),
        ("ghcr.io/a/b/c:1", ("ghcr.io", "a/b/c", "1", None)),
        ("registry:5000/app", ("registry:5000", "app", "latest", None)),
        ("localhost/app:1", ("localhost", "app", "1", None)),
        ("quay.io/a/b@sha256:00ff", ("quay.io", "a/b", None, "sha256:00ff")),
        ("quay.io/a/b:2@sha256:00ff", ("quay.io", "a/b", "2", "sha256:00ff")),
    ],
)
def test_an_image_has_what_its_reference_leaves_out(
    value_of: Evaluate, reference: str, expected: tuple[str | None, ...]
) -> None:
    found = value_of("image(x)", x=reference)
    assert tuple(found[name] for name in ("registry", "repository", "tag", "digest")) == expected


@pytest.mark.parametrize("text", ["", ":1", "ghcr.io/", "a b", "nginx:", "nginx@latest", "nginx@"])
def test_what_is_no_reference_is_an_error(value_of: Evaluate, text: str) -> None:
    with pytest.raises(EvaluationError, match="is no reference"):
        value_of("image(x)", x=text)


def term(key: str, operator: str, *values: str) -> Map:
    made: Map = {"key": key, "operator": operator}
    return {**made, "values": list(values)} if values else made


@pytest.mark.parametrize(
    ("selector", "labels", "expected"),
    [
        (None, {"app": "web"}, False),
        ({}, {"app": "web"}, True),
        ({}, None, True),
        ({"matchLabels": {"app": "web"}}, {"app": "web", "tier": "a"}, True),
        ({"matchLabels": {"app": "web"}}, {"app": "api"}, False),
        ({"matchLabels": {"app": "web"}}, None, False),
        ({"matchExpressions": [term("app", "In", "web", "api")]}, {"app": "api"}, True),
        ({"matchExpressions": [term("app", "In", "web")]}, {}, False),
        ({"matchExpressions": [term("app", "NotIn", "web")]}, {}, True),
        ({"matchExpressions": [term("app", "NotIn", "web")]}, {"app": "web"}, False),
        ({"matchExpressions": [term("app", "Exists")]}, {"app": ""}, True),
        ({"matchExpressions": [term("app", "DoesNotExist")]}, {"app": ""}, False),
        ({"matchLabels": {"a": "b"}, "matchExpressions": [term("c", "Exists")]}, {"a": "b"}, False),
    ],
)
def test_a_selector_takes_what_has_its_labels(
    value_of: Evaluate, selector: Map | None, labels: Map | None, expected: bool
) -> None:
    assert value_of("selects(s, l)", s=selector, l=labels) is expected


STATEFUL = {
    "metadata": {"name": "redis"},
    "spec": {
        "serviceName": "redis",
        "replicas": 3,
        "template": {
            "metadata": {"labels": {"app": "redis"}},
            "spec": {"restartPolicy": "Always", "containers": []},
        },
    },
}
JOB = {
    "metadata": {"name": "train"},
    "spec": {"template": {"metadata": {}, "spec": {"restartPolicy": "Never", "containers": []}}},
}
NUMBERED = "statefulset.kubernetes.io/pod-name"


@pytest.mark.parametrize(
    ("workload", "labels", "expected"),
    [
        (STATEFUL, {"app": "redis"}, True),
        (STATEFUL, {"app": "redis", NUMBERED: "redis-2"}, True),
        (STATEFUL, {NUMBERED: "redis-3"}, False),
        (STATEFUL, {NUMBERED: "redis"}, False),
        (STATEFUL, {"app": "web", NUMBERED: "redis-0"}, False),
        (STATEFUL, {"apps.kubernetes.io/pod-index": "0"}, True),
        (STATEFUL, {"job-name": "redis"}, False),
        ({**STATEFUL, "spec": {**STATEFUL["spec"], "ordinals": {"start": 5}}},
         {NUMBERED: "redis-7"}, True),
        (JOB, {"job-name": "train"}, True),
        (JOB, {"batch.kubernetes.io/job-name": "test"}, False),
        (JOB, {NUMBERED: "train-0"}, False),
    ],
)  # fmt: skip
def test_a_selector_takes_pods_by_what_their_controller_adds(
    value_of: Evaluate, workload: Any, labels: Map, expected: bool
) -> None:
    selector = {"matchLabels": labels}
    assert value_of("is_selected(w, s)", s=selector, w=workload) is expected


def test_an_operator_that_nobody_knows_is_an_error(value_of: Evaluate) -> None:
    with pytest.raises(EvaluationError, match="no selector has the operator"):
        value_of("selects(s, l)", s={"matchExpressions": [term("a", "Gt", "1")]}, l={})


OWN = {"labelSelector": {"matchLabels": {"app": "web"}}}
OTHER = {"labelSelector": {"matchLabels": {"app": "api"}}}


def required(*terms: Map) -> Map:
    return {"affinity": {"podAntiAffinity": {REQUIRED: [*terms]}}}


REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, False),
        ({"topologySpreadConstraints": []}, False),
        ({"topologySpreadConstraints": [OWN]}, True),
        ({"topologySpreadConstraints": [OTHER]}, False),
        ({"topologySpreadConstraints": [{"maxSkew": 1}]}, False),
        ({"affinity": {"podAntiAffinity": {}}}, False),
        ({"affinity": {"nodeAffinity": {}}}, False),
        (required(OWN), True),
        (required(OTHER), False),
        (required(OTHER, OWN), True),
        (required({**OWN, "namespaces": ["shop"]}), True),
        (required({**OWN, "namespaces": []}), True),
        (required({**OWN, "namespaces": ["stage"]}), False),
        (required({**OWN, "namespaces": ["stage"], "namespaceSelector": {}}), True),
        ({"affinity": {"podAntiAffinity": {PREFERRED: [{"podAffinityTerm": OWN}]}}}, True),
        ({"affinity": {"podAntiAffinity": {PREFERRED: [{"podAffinityTerm": OTHER}]}}}, False),
        ({"affinity": {"podAffinity": {REQUIRED: [OWN]}}}, False),
    ],
)
def test_pods_are_spread_by_what_selects_them(
    value_of: Evaluate, spec: Map, expected: bool
) -> None:
    labelled = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [], **spec}}
    web = {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"template": labelled}}
    assert value_of("is_spread(r)", r=web) is expected


SELECTS = compile_expression("selects(s, l)", variables=("s", "l"))
KEYS, TEXTS = st.sampled_from("abc"), st.sampled_from("xyz")
LABELS = st.dictionaries(KEYS, TEXTS)
TERMS = st.one_of(
    st.builds(lambda k, o, v: term(k, o, *v), KEYS, st.sampled_from(["In", "NotIn"]),
              st.lists(TEXTS, min_size=1)),
    st.builds(term, KEYS, st.sampled_from(["Exists", "DoesNotExist"])),
)  # fmt: skip
SELECTORS = st.fixed_dictionaries(
    {}, optional={"matchLabels": LABELS, "matchExpressions": st.lists(TERMS)}
)
OPPOSITE = {"In": "NotIn", "NotIn": "In", "Exists": "DoesNotExist", "DoesNotExist": "Exists"}


def takes(selector: Map | None, labels: Map) -> bool:
    return SELECTS.evaluate({"s": selector, "l": labels}, NOW) is True


@given(one=SELECTORS, other=SELECTORS, labels=LABELS)
def test_what_two_selectors_ask_together_both_take(one: Map, other: Map, labels: Map) -> None:
    asked = [
        term(key, "In", value)
        for each in (one, other)
        for key, value in each.get("matchLabels", {}).items()
    ]
    asked += [*one.get("matchExpressions", ()), *other.get("matchExpressions", ())]
    both = takes(one, labels) and takes(other, labels)
    assert takes({"matchExpressions": asked}, labels) is both


@given(one=TERMS, labels=LABELS)
def test_of_a_term_and_its_opposite_one_is_true(one: Map, labels: Map) -> None:
    opposite = {**one, "operator": OPPOSITE[one["operator"]]}
    found = [takes({"matchExpressions": [each]}, labels) for each in (one, opposite)]
    assert sorted(found) == [False, True]


def test_a_rule_reads_no_more_than_the_pods_and_points_at_the_container() -> None:
    rule = compile_rule(
        fail_when="containers(resource).exists(c, get(c, 'securityContext.privileged', false))"
    )
    assert rule.reads == {("resource", "metadata"), ("resource", "spec")}
    made = {**plain({"name": "app", "securityContext": {"privileged": True}}), "status": {}}
    assert rule.judge(made, {}, NOW).outcome == "fail"
    assert (
        rule.judge_partly({**made, "status": Unknown(frozenset({"denied"}))}, {}, NOW).outcome
        == "fail"
    )
    assert (
        rule.judge_partly({**made, "spec": Unknown(frozenset({"denied"}))}, {}, NOW).outcome
        == "unknown"
    )
    assert rule.slow_path_hits == 0
