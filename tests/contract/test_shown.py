"""`fields` leaves parts out and `expand` shows whole objects, on lists and on single objects."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.conftest import POLICY

from cloudsealed.api.shown import PARTIAL
from cloudsealed.auth.model import Scope


def listed(tenant: Any, path: str = "/v1/findings", **params: str) -> list[dict[str, Any]]:
    answer = tenant.http.get(path, params=params)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def test_fields_are_what_an_answer_holds_and_nothing_else(tenant: Any) -> None:
    ident = tenant.add_findings(3)[0]
    whole = tenant.http.get(f"/v1/findings/{ident}")
    wanted = "id,title,resource.name,policy,policy.key,evidence.path,triage.state"
    for each in listed(tenant, fields=wanted):
        assert list(each) == ["id", "title", "resource", "evidence", "triage", "policy"]
        assert each["resource"] == {"name": "web"}
        assert set(each["policy"]) == {"id", "key", "version"}
        assert each["evidence"] == [{"path": "IpPermissions[0].IpRanges[0].CidrIp"}]
        assert each["triage"] is None
    one = tenant.http.get(f"/v1/findings/{ident}", params={"fields": "id,severity"})
    assert one.json() == {"id": ident, "severity": whole.json()["severity"]}
    assert one.headers["content-type"] == PARTIAL
    assert one.headers["etag"] != whole.headers["etag"]
    for accept, status in ((PARTIAL, 200), ("application/json", 200), ("text/csv", 406)):
        asked = {"Accept": accept}
        one = tenant.http.get(
            f"/v1/findings/{ident}", params={"fields": "id,severity"}, headers=asked
        )
        assert one.status_code == status
    one = tenant.http.get(f"/v1/findings/{ident}", params={"fields": "id,severity"})
    current = {"If-None-Match": one.headers["etag"]}
    again = tenant.http.get(
        f"/v1/findings/{ident}", params={"fields": "id,severity"}, headers=current
    )
    assert again.status_code == 304


def test_a_walk_goes_on_with_other_fields(tenant: Any) -> None:
    ids = tenant.add_findings(3)
    first = tenant.http.get("/v1/findings", params={"limit": 1, "fields": "id"})
    assert first.json()["data"] == [{"id": ids[0]}]
    cursor = first.json()["next_cursor"]
    assert "fields=id" in first.headers["link"]
    rest = tenant.http.get("/v1/findings", params={"cursor": cursor, "fields": "id,title"}).json()
    assert [each["id"] for each in rest["data"]] == ids[1:]
    assert [set(each) for each in rest["data"]] == [{"id", "title"}] * 2


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"fields": "id,titel"}, "invalid_fields_filter"),
        ({"fields": ""}, "invalid_fields_filter"),
        ({"fields": "resource.tags"}, "invalid_fields_filter"),
        ({"fields": "id.x"}, "invalid_fields_filter"),
        ({"expand": "audit"}, "invalid_expand_filter"),
        ({"expand": "resource.policy"}, "invalid_expand_filter"),
    ],
)
def test_names_that_are_not_known_are_refused(tenant: Any, params: Any, code: str) -> None:
    ident = tenant.add_findings(1)[0]
    for path in ("/v1/findings", f"/v1/findings/{ident}"):
        refused = tenant.http.get(path, params=params)
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, code)
    refused = tenant.http.get("/v1/findings", params={"fields": "titel"}).json()["error"]
    assert "title" in refused["message"]


def test_expand_shows_the_whole_resource_and_policy(tenant: Any, add_resource: Any) -> None:
    resource = add_resource(tenant)
    known = tenant.add_findings(1, resource_id=resource)[0]
    tenant.add_findings(1)
    found = {each["id"]: each for each in listed(tenant, expand="resource,policy")}
    assert found[known]["resource"] == listed(tenant, "/v1/resources")[0]
    assert [each["policy"]["object"] for each in found.values()] == ["policy"] * 2
    policy = tenant.http.get(f"/v1/policies/{found[known]['policy']['id']}").json()
    assert found[known]["policy"] == policy
    (other,) = (each for ident, each in found.items() if ident != known)
    assert "tags" not in other["resource"], "no audit of the tenant saw that one"
    below = listed(tenant, f"/v1/resources/{resource}/findings", expand="resource")
    assert below[0]["resource"]["tags"] == {"env": "prod"}
    both = listed(tenant, expand="resource", fields="resource.tags,policy.key", resource=resource)
    assert both == [{"resource": {"tags": {"env": "prod"}}, "policy": {"key": policy["key"]}}]
    one = tenant.http.get(f"/v1/findings/{known}", params={"expand": "resource"}).json()
    assert one["resource"] == tenant.http.get(f"/v1/resources/{resource}").json()
    tenant.http.delete(f"/v1/policies/{policy['id']}")
    gone = tenant.http.get(f"/v1/findings/{known}", params={"expand": "policy"}).json()
    assert set(gone["policy"]) == {"id", "key", "version"}


def test_what_is_expanded_needs_the_scope_that_reads_it(tenant: Any) -> None:
    tenant.add_findings(1)
    with tenant.client(tenant.token(Scope.FINDINGS_READ)) as weak:
        assert weak.get("/v1/findings", params={"fields": "resource.name"}).status_code == 200
        for name, scope in (("resource", "resources:read"), ("policy", "policies:read")):
            refused = weak.get("/v1/findings", params={"expand": name})
            assert refused.json()["error"]["code"] == "insufficient_scope"
            assert scope in refused.json()["error"]["message"]


def test_every_list_and_single_object_takes_fields(tenant: Any, completed: Any) -> None:
    completed(tenant)
    document = tenant.http.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        names = [each["name"] for each in methods.get("get", {}).get("parameters", ())]
        if "cursor" in names and "{" not in path:
            assert "fields" in names, path
            field = {
                "/v1/frameworks": "key",
                "/v1/errors": "code",
                "/v1/resource_types": "type",
            }.get(path, "id")
            for each in listed(tenant, path, fields=field):
                assert list(each) == [field]


REMEDY = {
    "summary": "Close it.",
    "cli": "aws ec2 delete-security-group --group-id <GROUP_ID> --tag <OWNER>",
    "terraform": 'security_group_id = "<GROUP_ID>"',
}


def test_one_finding_has_its_own_commands_and_a_list_where_it_is_asked_for_them(
    tenant: Any,
) -> None:
    tenant.http.post("/v1/policies", json={**POLICY, "remediation": REMEDY})
    ident = tenant.add_findings(1)[0]
    answer = tenant.http.get(f"/v1/findings/{ident}")
    one = answer.json()
    group = one["resource"]["native_id"].rpartition("/")[2]
    line = f"aws ec2 delete-security-group --group-id {group} --tag <OWNER> --region eu-west-1"
    assert one["remediation"]["cli"] == line
    assert one["remediation"]["terraform"] == f'security_group_id = "{group}"'
    (plain,) = listed(tenant)
    assert plain["remediation"] == one["remediation"] | {
        name: REMEDY[name] for name in ("cli", "terraform")
    }
    (whole,) = listed(tenant, expand="remediation,resource")
    assert whole["remediation"] == one["remediation"]
    assert listed(tenant, expand="remediation", fields="remediation.cli") == [
        {"remediation": {"cli": line}}
    ]
    exported = tenant.http.get("/v1/findings/export", params={"format": "jsonl"})
    assert exported.json() == one
    triage = {"triage": {"state": "acknowledged"}}
    changed = tenant.http.patch(
        f"/v1/findings/{ident}", json=triage, headers={"If-Match": answer.headers["etag"]}
    )
    assert changed.json()["remediation"] == one["remediation"]


def test_what_has_no_remediation_is_shown_without(tenant: Any) -> None:
    ident = tenant.add_findings(1)[0]
    assert listed(tenant, expand="remediation")[0]["remediation"] is None
    assert tenant.http.get(f"/v1/findings/{ident}").json()["remediation"] is None
