"""What roles permit and whom bindings give them to, held against a plain reading of the rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.engine.conftest import NOW

from cloudsealed.engine import EvaluationError, compile_expression
from cloudsealed.testing.kubernetes.rbac import User, allows
from cloudsealed.testing.kubernetes.store import Store

Evaluate = Callable[..., Any]
Map = dict[str, Any]
RBAC = "rbac.authorization.k8s.io/v1"
ADA = [{"kind": "User", "name": "ada"}]


def rule(verbs: str, groups: str, resources: str, **more: Any) -> Map:
    lists = {"verbs": verbs, "apiGroups": groups, "resources": resources}
    return {**{name: text.split(" ") for name, text in lists.items()}, **more}


@pytest.mark.parametrize(
    ("rules", "asked", "expected"),
    [
        ([rule("get", "", "pods")], ("get", "", "pods"), True),
        ([rule("get", "", "pods")], ("list", "", "pods"), False),
        ([rule("get", "", "pods")], ("get", "apps", "pods"), False),
        ([rule("get", "", "pods")], ("get", "", "pods/exec"), False),
        ([rule("get", "", "pods/exec")], ("get", "", "pods"), False),
        ([rule("get", "", "*")], ("get", "", "pods/exec"), True),
        ([rule("get", "", "*/exec")], ("get", "", "pods/exec"), True),
        ([rule("get", "", "*/scale")], ("get", "", "pods/exec"), False),
        ([rule("get", "", "pods/*")], ("get", "", "pods/exec"), False),
        ([rule("*", "*", "*")], ("escalate", "rbac.authorization.k8s.io", "roles"), True),
        ([rule("*", "*", "*")], ("*", "*", "*"), True),
        ([rule("get list", "*", "*")], ("*", "*", "*"), False),
        ([rule("*", "", "*")], ("*", "*", "*"), False),
        ([rule("get", "", "pods"), rule("list", "", "secrets")], ("get", "", "secrets"), False),
        ([rule("get", "", "secrets", resourceNames=["a"])], ("get", "", "secrets"), False),
        ([rule("get", "", "secrets", resourceNames=[])], ("get", "", "secrets"), True),
        ([{"nonResourceURLs": ["*"], "verbs": ["*"]}], ("get", "", "secrets"), False),
        ([], ("get", "", "pods"), False),
        (None, ("get", "", "pods"), False),
    ],
)
def test_a_role_permits_what_one_of_its_rules_takes_whole(
    value_of: Evaluate, rules: Any, asked: tuple[str, str, str], expected: bool
) -> None:
    verb, group, resource = asked
    found = value_of("permits(r, v, g, x)", r={"rules": rules}, v=verb, g=group, x=resource)
    assert found is expected


@pytest.mark.parametrize(
    ("rules", "names", "expected"),
    [
        ([rule("bind", "", "roles", resourceNames=["a", "b"])], ["b", "c"], True),
        ([rule("bind", "", "roles", resourceNames=["a"])], ["b"], False),
        ([rule("bind", "", "roles", resourceNames=["a"])], [], False),
        ([rule("bind", "", "roles")], ["b"], True),
        ([rule("*", "*", "*", resourceNames=[])], ["b"], True),
        ([rule("get", "", "roles")], ["b"], False),
        ([rule("get", "", "roles"), rule("bind", "", "pods", resourceNames=["b"])], ["b"], False),
    ],
)
def test_a_role_permits_it_on_an_object_that_a_rule_names(
    value_of: Evaluate, rules: Any, names: list[str], expected: bool
) -> None:
    found = value_of('permits_on(r, "bind", "", "roles", n)', r={"rules": rules}, n=names)
    assert found is expected


def test_an_aggregated_role_that_is_not_filled_is_an_error(value_of: Evaluate) -> None:
    empty = {"aggregationRule": {"clusterRoleSelectors": [{}]}, "rules": []}
    with pytest.raises(EvaluationError, match="filled by the cluster"):
        value_of('permits(r, "get", "", "pods")', r=empty)
    filled = {**empty, "rules": [rule("get", "", "pods")]}
    assert value_of('permits(r, "get", "", "pods")', r=filled)


VERBS, GROUPS = st.sampled_from(["get", "create", "bind"]), st.sampled_from(["", "apps"])
RESOURCES = st.sampled_from(["pods", "pods/exec", "roles", "roles/exec"])


def some(items: st.SearchStrategy[str], *more: str) -> st.SearchStrategy[list[str]]:
    return st.lists(items | st.sampled_from(["*", *more]), max_size=3)


RULES = st.lists(
    st.fixed_dictionaries(
        {"verbs": some(VERBS), "apiGroups": some(GROUPS), "resources": some(RESOURCES, "*/exec")},
        optional={"resourceNames": st.lists(st.sampled_from(["one"]), max_size=1)},
    ),
    max_size=3,
)


ASKED = compile_expression(
    "binds(b, r.metadata) && permits(r, v, g, x)", variables=("b", "r", "v", "g", "x")
)


def manifest(kind: str, name: str, namespace: str, **more: Any) -> Map:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": RBAC, "kind": kind, "metadata": metadata, **more}


@given(
    rules=RULES,
    verb=VERBS,
    group=GROUPS,
    resource=RESOURCES,
    own=st.sampled_from(["", "shop"]),
    bound=st.sampled_from(["", "shop", "stage"]),
    named=st.sampled_from(["ClusterRole", "Role"]),
)
@example([rule("get", "", "*/exec")], "get", "", "pods/exec", "", "shop", "ClusterRole")
@example([rule("get", "", "pods")], "get", "", "pods", "shop", "shop", "Role")
def test_what_is_bound_and_permitted_the_api_server_allows_to_the_holder(
    rules: list[Map], verb: str, group: str, resource: str, own: str, bound: str, named: str
) -> None:
    role = manifest("Role" if own else "ClusterRole", "op", own, rules=rules)
    ref = {"roleRef": {"kind": named, "name": "op"}, "subjects": ADA}
    given_to = manifest("RoleBinding" if bound else "ClusterRoleBinding", "b", bound, **ref)
    store = Store([role, given_to])
    place = bound or "shop"
    allowed = allows(store, User("ada"), verb, group, resource, place, name="whatever")
    asked = {"b": given_to, "r": role, "v": verb, "g": group, "x": resource}
    assert ASKED.evaluate(asked, NOW) is allowed


def binding(kind: str, name: str, namespace: str | None = None, subjects: Any = ADA) -> Map:
    metadata = {"name": "b", **({"namespace": namespace} if namespace else {})}
    return {"metadata": metadata, "roleRef": {"kind": kind, "name": name}, "subjects": subjects}


@pytest.mark.parametrize(
    ("one", "metadata", "expected"),
    [
        (binding("ClusterRole", "op"), {"name": "op"}, True),
        (binding("ClusterRole", "op", "shop"), {"name": "op"}, True),
        (binding("ClusterRole", "other"), {"name": "op"}, False),
        (binding("ClusterRole", "op", "shop"), {"name": "op", "namespace": "shop"}, False),
        (binding("Role", "op", "shop"), {"name": "op", "namespace": "shop"}, True),
        (binding("Role", "op", "stage"), {"name": "op", "namespace": "shop"}, False),
        (binding("Role", "op", "shop"), {"name": "op"}, False),
        (binding("ClusterRole", "op", subjects=[]), {"name": "op"}, False),
        (binding("ClusterRole", "op", subjects=None), {"name": "op"}, False),
    ],
)
def test_a_binding_gives_the_role_that_it_names_where_it_is(
    value_of: Evaluate, one: Map, metadata: Map, expected: bool
) -> None:
    assert value_of("binds(b, m)", b=one, m=metadata) is expected


LABEL = {"kubernetes.io/bootstrapping": "rbac-defaults"}


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("cluster-admin", LABEL, True),
        ("system:node", LABEL, True),
        ("view", {**LABEL, "a": "b"}, True),
        ("view", {}, False),
        ("view", None, False),
        ("system:node", {"kubernetes.io/bootstrapping": "no"}, False),
        ("mine", LABEL, False),
        ("systemd", LABEL, False),
    ],
)
def test_a_default_has_the_label_and_the_name_of_one(
    value_of: Evaluate, name: str, labels: Map | None, expected: bool
) -> None:
    made = {"metadata": {"name": name, "labels": labels}}
    assert value_of("is_bootstrapped(x)", x=made) is expected


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (("User", "system:anonymous"), ["anonymous"]),
        (("Group", "system:unauthenticated"), ["anonymous"]),
        (("Group", "system:authenticated"), ["authenticated"]),
        (("Group", "system:serviceaccounts"), ["service accounts"]),
        (("Group", "system:serviceaccounts:shop"), ["service accounts of shop"]),
        (("User", "system:authenticated"), []),
        (("Group", "system:anonymous"), []),
        (("Group", "system:masters"), []),
        (("ServiceAccount", "system:serviceaccounts"), []),
    ],
)
def test_everyone_is_said_by_the_groups_that_the_api_server_fills(
    value_of: Evaluate, subject: tuple[str, str], expected: list[str]
) -> None:
    kind, name = subject
    made = {"subjects": [*ADA, {"kind": kind, "name": name}]}
    assert value_of("everyone(x)", x=made) == expected
    assert value_of("everyone(x)", x={"subjects": made["subjects"] * 2}) == expected
    assert value_of("everyone(x)", x={"subjects": None}) == []
