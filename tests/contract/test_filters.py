"""Filters: repeated, negated, of closed sets, and pairs that are one condition."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from tests.contract.conftest import POLICY
from tests.waiting import SECONDS

from cloudsealed.findings.store import pin_to_audit
from cloudsealed.resources import store as resources
from cloudsealed.testing.factories import make_resource

UNKNOWN_POLICY = "pol_01JD0000000000000000000000"


def ids(http: Any, path: str, query: Any) -> list[str]:
    answer = http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["data"]]


def refused(http: Any, path: str, query: Any) -> tuple[str, str]:
    answer = http.get(path, params=query)
    assert answer.status_code == 422, answer.text
    return answer.json()["error"]["code"], answer.json()["error"]["message"]


def test_values_are_repeated_or_parted_by_commas_and_negated(tenant: Any) -> None:
    found = tenant.add_findings(10)  # info, low, medium, high, critical, from the oldest
    by_severity = list(reversed(found))
    chosen = [by_severity[n] for n in (9, 6, 4, 1)]
    path = "/v1/findings"
    repeated = [("severity", "low"), ("severity", "critical")]
    assert ids(tenant.http, path, repeated) == chosen
    assert ids(tenant.http, path, {"severity": "critical,low"}) == chosen
    assert ids(tenant.http, path, [("severity_not", "info,medium"), ("severity_not", "high")]) == (
        chosen
    )
    assert ids(tenant.http, path, [*repeated, ("severity_not", "low")]) == [chosen[0], chosen[2]]
    assert ids(tenant.http, path, {"triage_not": "acknowledged"}) == found
    assert ids(tenant.http, path, {"region_not": "eu-west-1"}) == []
    total = tenant.http.get("/v1/findings/summary", params={"severity_not": "info,medium,high"})
    assert total.json()["total"] == 4


def test_a_walk_with_repeated_and_negated_filters_goes_on_by_link_and_by_cursor(
    tenant: Any,
) -> None:
    found = tenant.add_findings(20)
    query = [("severity", "low"), ("severity", "high"), ("region_not", "us-east-1"), ("limit", "3")]
    first = tenant.http.get("/v1/findings", params=query)
    link = urlsplit(first.headers["link"].partition(">")[0].strip("<"))
    assert sorted(parse_qsl(link.query))[1:] == sorted(query)
    seen = [item["id"] for item in first.json()["data"]]
    while "link" in first.headers:
        link = urlsplit(first.headers["link"].partition(">")[0].strip("<"))
        first = tenant.http.get(f"{link.path}?{link.query}")
        seen += [item["id"] for item in first.json()["data"]]
    assert seen == [i for n, i in enumerate(reversed(found)) if n % 5 in (1, 3)][::-1]


@pytest.mark.parametrize(
    "other",
    [
        {"severity": "low"},
        {"severity": "low", "region_not": "us-east-2"},
        {"severity_not": "low", "region_not": "us-east-1"},
        {"severity": "low,high", "region_not": "us-east-1"},
        {"severity": "low", "region_not": "us-east-1", "tag_key": "a"},
    ],
)
def test_a_cursor_holds_for_the_same_filters_alone_negations_included(
    tenant: Any, other: dict[str, str]
) -> None:
    tenant.add_findings(20)
    query = {"severity": "low", "region_not": "us-east-1", "limit": 1}
    cursor = tenant.http.get("/v1/findings", params=query).json()["next_cursor"]
    assert ids(tenant.http, "/v1/findings", {**query, "cursor": cursor})
    assert refused(tenant.http, "/v1/findings", {**other, "cursor": cursor})[0] == "invalid_cursor"


def test_what_takes_one_value_is_refused_twice(tenant: Any) -> None:
    for name, value in (
        ("limit", "5"),
        ("cursor", "x"),
        ("sort", "-id"),
        ("first_seen_after", "2026-01-31T00:00:00Z"),
        ("audit", "aud_01JD0000000000000000000000"),
    ):
        code, message = refused(tenant.http, "/v1/findings", [(name, value), (name, value)])
        assert code == "repeated_parameter", name
        assert name in message


@pytest.mark.parametrize(
    ("path", "name", "value", "near"),
    [
        ("/v1/findings", "resource_type", "aws.s3.buckets", "aws.s3.bucket"),
        ("/v1/findings", "resource_type_not", "aws.s3.buckets", "aws.s3.bucket"),
        ("/v1/findings", "service", "s33", "s3"),
        ("/v1/findings", "framework", "cis-aws-5", "cis-aws-5.0"),
        ("/v1/findings", "control", "5.3x", "5.3"),
        ("/v1/findings", "control_not", "5.3x", "5.3"),
        ("/v1/findings", "policy", "aws-ec2-sg-ssh-opened", "aws-ec2-sg-ssh-open"),
        ("/v1/findings", "policy_not", UNKNOWN_POLICY, None),
        ("/v1/findings/summary", "framework", "cis-aws-5", "cis-aws-5.0"),
        ("/v1/findings/summary", "resource_type", "aws.s3.buckets", "aws.s3.bucket"),
        ("/v1/resources", "type", "aws.s3.buckets", "aws.s3.bucket"),
        ("/v1/resources", "service", "s33", "s3"),
        ("/v1/policies", "resource_type", "aws.s3.buckets", "aws.s3.bucket"),
        ("/v1/policies", "framework", "cis-aws-5", "cis-aws-5.0"),
    ],
)
def test_a_name_that_there_is_not_is_refused_with_the_nearest(
    tenant: Any, path: str, name: str, value: str, near: str | None
) -> None:
    tenant.services.policies.synchronize(tenant=tenant.id)
    tenant.add_findings(1)
    code, message = refused(tenant.http, path, [(name, value)])
    assert code == f"invalid_{name}_filter"
    assert message.startswith(f"{name} must be ")
    assert value in message
    if near is not None:
        assert message.endswith(f"did you mean {near!r}?")
        assert isinstance(ids_or_total(tenant.http, path, {name: near}), int)


def ids_or_total(http: Any, path: str, query: Any) -> int:
    answer = http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return body["total"] if "total" in body else len(body["data"])


def test_what_a_row_holds_is_known_also_of_a_deleted_policy(tenant: Any) -> None:
    own = {"key": "own", "controls": [{"framework": "house, rules", "control": "R 1"}]}
    made = tenant.http.post("/v1/policies", json={**POLICY, **own}).json()
    found = tenant.add_findings(2)
    assert tenant.http.delete(f"/v1/policies/{made['id']}").status_code == 204
    asked: list[dict[str, str]] = [
        {"policy": "own"},
        {"policy": made["id"]},
        {"framework": "house, rules"},
        {"control": "R 1"},
        {"framework": "house, rules", "control": "R 1"},
    ]
    for query in asked:
        assert ids(tenant.http, "/v1/findings", query) == found, query
        for name, value in query.items():
            assert ids(tenant.http, "/v1/findings", {f"{name}_not": value}) == []
    gone = make_resource(type="aws.old.thing")
    with tenant.services.database.write() as connection:
        resources.insert(connection, tenant=tenant.id, new=[gone])
    assert ids(tenant.http, "/v1/resources", {"type": "aws.old.thing"}) == [gone.id]
    assert ids(tenant.http, "/v1/resources", {"service": "old"}) == [gone.id]


def test_a_framework_and_a_control_are_one_condition(tenant: Any) -> None:
    controls = [{"framework": "a", "control": "1"}, {"framework": "b", "control": "2"}]
    tenant.http.post("/v1/policies", json={**POLICY, "controls": controls})
    found = tenant.add_findings(1)
    assert ids(tenant.http, "/v1/findings", {"framework": "a", "control": "1"}) == found
    assert ids(tenant.http, "/v1/findings", {"framework": "a", "control": "2"}) == []
    assert ids(tenant.http, "/v1/findings", {"framework": "a", "control_not": "2"}) == found
    assert ids(tenant.http, "/v1/findings", {"framework": "a", "control_not": "1"}) == []


def test_a_tags_key_and_value_are_one_condition_and_tags_are_joined(tenant: Any) -> None:
    tags: list[dict[str, str]] = [
        {"owner": "ann", "env": "prod"},
        {"owner": "prod"},
        {"env": "a,b=c%"},
        {},
    ]
    made = [make_resource(tags=each) for each in tags]
    with tenant.services.database.write() as connection:
        resources.insert(connection, tenant=tenant.id, new=made)
    findings = [tenant.add_findings(1, resource_id=each.id)[0] for each in made]
    cases: list[tuple[Any, list[int]]] = [
        ({"tag_key": "owner", "tag_value": "prod"}, [1]),
        ({"tag_key": "owner"}, [1, 0]),
        ({"tag_key_not": "owner"}, [3, 2]),
        ({"tag": "owner=prod"}, [1]),
        ([("tag", "owner=ann"), ("tag", "owner=prod")], [1, 0]),
        ([("tag", "owner=ann"), ("tag", "env=prod")], [0]),
        ({"tag": "owner=ann,env=prod"}, [0]),
        ([("tag", "owner=prod"), ("tag", "env=prod")], []),
        ({"tag": "env=a%2Cb%3Dc%25"}, [2]),
        ({"tag_not": "owner=ann,env=a%2Cb%3Dc%25"}, [3, 1]),
    ]
    for query, numbers in cases:
        assert ids(tenant.http, "/v1/resources", query) == [made[n].id for n in numbers], query
        assert ids(tenant.http, "/v1/findings", query) == [findings[n] for n in numbers], query
    for wrong in ("owner", "env=a,b=c%", "=x"):
        assert refused(tenant.http, "/v1/resources", {"tag": wrong})[0] == "invalid_tag_filter"
    many = [("tag_key", str(n)) for n in range(11)] + [("tag_value", str(n)) for n in range(10)]
    assert refused(tenant.http, "/v1/resources", many)[0] == "invalid_tag_value_filter"


def test_the_document_says_that_filters_are_repeated(tenant: Any) -> None:
    document = tenant.http.get("/openapi.json").json()
    of_findings = document["paths"]["/v1/findings"]["get"]["parameters"]
    named = {item["name"]: item for item in of_findings if item["in"] == "query"}
    for name in ("severity", "severity_not", "region", "policy", "tag", "name"):
        assert (named[name]["style"], named[name]["explode"]) == ("form", True)
        assert named[name]["schema"]["type"] == "array"
    for name in ("limit", "cursor", "sort", "first_seen_after", "audit"):
        assert named[name]["schema"].get("type") != "array"
    assert named["severity"]["schema"]["items"] == {"$ref": "#/components/schemas/Severity"}
    for paths in document["paths"].values():
        for item in paths.get("get", {}).get("parameters", ()):
            items = item["schema"].get("items", {})
            if "$ref" in items:
                assert items["$ref"].rpartition("/")[2] in document["components"]["schemas"]


def test_what_became_of_findings_is_of_the_newest_audit_that_a_walk_began_with(
    tenant: Any, completed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("store", "delta_store"):
        monkeypatch.setattr(f"cloudsealed.findings.{module}.SCAN_SECONDS", SECONDS)
    old, new = tenant.add_findings(4), tenant.add_findings(3)

    def pinned(idents: list[str]) -> str:
        audit: str = completed(tenant)
        with tenant.services.database.write() as connection:
            pin_to_audit(connection, tenant=tenant.id, audit=audit, idents=idents, month="2026-01")
        return audit

    path, delta = "/v1/findings", {"delta": "new,reopened"}
    assert ids(tenant.http, path, delta) == []
    first = pinned(old)
    assert ids(tenant.http, path, delta) == old
    pinned([*new, *old[:2]])
    assert ids(tenant.http, path, delta) == new
    assert ids(tenant.http, path, {**delta, "audit": first}) == old
    assert ids(tenant.http, path, {**delta, "audit": "aud_01JD0000000000000000000000"}) == []
    page = tenant.http.get(path, params={**delta, "limit": 1}).json()
    pinned([*old, *new])
    assert ids(tenant.http, path, delta) == old[2:]
    rest = ids(tenant.http, path, {**delta, "cursor": page["next_cursor"]})
    assert [page["data"][0]["id"], *rest] == new
    summary = tenant.http.get(f"{path}/summary", params=delta).json()
    assert (summary["total"], summary["complete"]) == (2, True)
    trend = tenant.http.get(f"{path}/summary", params={"over": "audits", "group_by": "severity"})
    assert [row["total"] for row in trend.json()["audits"]] == [4, 5, 7]
    trend = tenant.http.get(f"{path}/summary", params={"over": "audits", "audit": first})
    assert [row["audit_id"] for row in trend.json()["audits"]] == [first]
    trend = tenant.http.get(f"{path}/summary", params={"over": "audits", "delta": "new,fixed"})
    assert [row["total"] for row in trend.json()["audits"]] == [4, 3, 2]
    for query in ({"sort": "-severity"}, {"delta_not": "new"}, {"delta": "newer"}):
        assert tenant.http.get(path, params={**delta, **query}).status_code == 422


def test_the_worst_values_of_a_summary_are_asked_for_by_number(
    tenant: Any, add_resource: Any
) -> None:
    ident = add_resource(tenant)
    tenant.add_findings(5, resource_id=ident)
    tenant.add_findings(1, seen="2026-02-01T00:00:00.000Z")
    path, asked = "/v1/findings/summary", {"group_by": "resource,severity"}
    found = tenant.http.get(path, params={**asked, "top": "1"}).json()
    assert {group["resource"] for group in found["groups"]} == {ident}
    assert (found["values"], found["total"], len(found["groups"])) == (2, 6, 5)
    assert [each["id"] for each in found["resources"]] == [ident]
    every = tenant.http.get(path, params=asked).json()
    assert (len(every["groups"]), every["resources"]) == (6, None)
    by_severity = tenant.http.get(path, params={"group_by": "severity", "top": "200"}).json()
    assert (by_severity["groups"][0]["severity"], by_severity["resources"]) == ("critical", None)
    for top in ("0", "201", "-1", "1.0", "²", "9" * 30):
        assert refused(tenant.http, path, {"top": top})[0] == "invalid_top_filter", top
    assert refused(tenant.http, path, {"top": "5", "over": "audits"})[0] == "invalid_top_filter"


def test_an_audit_to_compare_with_goes_with_delta_alone(tenant: Any, completed: Any) -> None:
    ident, never = completed(tenant), "aud_01JD0000000000000000000000"
    for path in ("/v1/findings", "/v1/findings/summary", "/v1/findings/export"):
        code, message = refused(tenant.http, path, {"against": ident})
        assert (code, message) == (
            "invalid_against_filter",
            "against must be left out without delta",
        )
    over = {"over": "audits", "delta": "new", "against": ident}
    assert refused(tenant.http, "/v1/findings/summary", over)[0] == "invalid_against_filter"
    assert ids(tenant.http, "/v1/findings", {"delta": "new", "against": never}) == []
    same = {"delta": "new", "audit": ident, "against": ident, "group_by": "severity"}
    found = tenant.http.get("/v1/findings/summary", params=same).json()
    assert (found["total"], found["compared"]["before_id"]) == (0, ident)


def test_an_age_narrows_lists_exports_and_decisions_about_many(tenant: Any) -> None:
    old = tenant.add_findings(2)
    assert ids(tenant.http, "/v1/findings", {"age": "over_90d"}) == old
    assert ids(tenant.http, "/v1/findings", {"age": "under_1d,1d_to_7d"}) == []
    assert ids(tenant.http, "/v1/findings", {"age_not": "under_1d"}) == old
    assert ids(tenant.http, "/v1/findings", {"savings_not": "under_10,10_to_100"}) == old
    exported = tenant.http.get("/v1/findings/export", params={"age": "over_90d"})
    assert exported.text.count("\n") == 2
    body = {"filter": {"age": "over_90d"}, "count": 2, "triage": {"state": "acknowledged"}}
    assert tenant.http.post("/v1/findings/bulk", json=body).json()["updated"] == 2
    assert refused(tenant.http, "/v1/findings", {"age": "old"})[0] == "invalid_age_filter"
