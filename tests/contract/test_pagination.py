from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest

from cloudsealed.storage import schema


def _walk(http: Any, **query: Any) -> list[str]:
    found, cursor = [], None
    while True:
        page = http.get("/v1/findings", params={**query, **({"cursor": cursor} if cursor else {})})
        assert list(page.json()) == ["data", "next_cursor", "has_more"]
        found += [item["id"] for item in page.json()["data"]]
        cursor = page.json()["next_cursor"]
        assert page.json()["has_more"] is (cursor is not None)
        assert ("link" in page.headers) is (cursor is not None)
        if cursor is None:
            return found


def test_a_walk_shows_every_row_once_newest_first(tenant: Any) -> None:
    idents = tenant.add_findings(123)
    assert _walk(tenant.http, limit=50) == idents
    assert _walk(tenant.http, limit=1) == idents
    assert _walk(tenant.http) == idents


def test_a_walk_keeps_its_promise_while_rows_are_added(tenant: Any) -> None:
    idents = tenant.add_findings(30)
    page = tenant.http.get("/v1/findings", params={"limit": 10}).json()
    tenant.add_findings(5)
    seen = [item["id"] for item in page["data"]]
    while page["next_cursor"]:
        query = {"limit": 7, "cursor": page["next_cursor"]}
        page = tenant.http.get("/v1/findings", params=query).json()
        seen += [item["id"] for item in page["data"]]
    assert seen == idents


def test_filters_and_sorts_walk_too(tenant: Any) -> None:
    tenant.add_findings(40)
    chosen = _walk(tenant.http, severity="critical,low", limit=3)
    assert len(chosen) == 16
    assert chosen == sorted(chosen, reverse=True)
    ordered = _walk(tenant.http, sort="-severity", limit=7)
    assert len(set(ordered)) == 40
    first = tenant.http.get(f"/v1/findings/{ordered[0]}").json()
    assert first["severity"] == "critical"


def test_whatever_answers_a_list_is_paged_and_says_exactly_whether_there_is_more(
    tenant: Any, completed: Any, add_resource: Any
) -> None:
    audit, resource = completed(tenant), add_resource(tenant)
    finding = tenant.add_findings(3)[0]
    asked = {"name": "a", "redirect_uris": ["https://a.example/cb"], "scopes": ["findings:read"]}
    app = tenant.http.post("/v1/oauth/apps", json=asked).json()["id"]
    own = tenant.http.get("/v1/policies", params={"source": "custom"}).json()["data"][0]
    for title in ("Second", "Third"):
        changed = tenant.http.patch(f"/v1/policies/{own['id']}", json={"title": title})
        assert changed.status_code == 200
    episodes = [make_episode(tenant.id, finding, number) for number in range(2, 5)]
    with tenant.services.database.write() as connection:
        connection.many(schema.episodes.insert(), episodes)
    named = {
        "/v1/audits": audit,
        "/v1/resources": resource,
        "/v1/findings": finding,
        "/v1/policies": own["id"],
        "/v1/oauth/apps": app,
    }
    document = tenant.http.get("/openapi.json").json()
    walked = {}
    for path, methods in document["paths"].items():
        content = methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        named_shape = content.get("application/json", {}).get("schema", {}).get("$ref", "")
        shape = document["components"]["schemas"].get(named_shape.rpartition("/")[2], {})
        if "next_cursor" not in shape.get("properties", {}):
            continue
        assert {"limit", "cursor"} <= {p["name"] for p in methods["get"]["parameters"]}, path
        ident = named.get(path.partition("/{id}")[0], "")
        walked[path] = _paged(tenant.http, path.replace("{id}", ident))
    assert {"/v1/frameworks", "/v1/errors", "/v1/audits/{id}/calls"} <= walked.keys()
    assert walked["/v1/findings/{id}/history"] == 4
    assert walked["/v1/policies/{id}/versions"] == 3


def _paged(http: Any, path: str) -> int:
    """Say how many a list has, walked one by one and in pages as long as it and one longer."""
    whole: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = http.get(path, params={"limit": 1, **cursor})
        assert page.status_code == 200, page.text
        assert list(page.json()) == ["data", "next_cursor", "has_more"]
        whole += page.json()["data"]
        if page.json()["next_cursor"] is None:
            break
        assert page.json()["has_more"] is True
        assert len(page.json()["data"]) == 1
        cursor = {"cursor": page.json()["next_cursor"]}
    for limit in {max(len(whole), 1), len(whole) + 1}:
        page = http.get(path, params={"limit": min(limit, 200)}).json()
        assert page["data"] == whole[:200], path
        assert page["has_more"] is (len(whole) > 200)
    return len(whole)


def make_episode(tenant: str, finding: str, number: int) -> dict[str, Any]:
    audits = {f"{end}_audit_id": "aud_01JD0000000000000000000000" for end in ("first", "last")}
    times = {f"{end}_at": f"2026-01-0{number}T00:00:00.000Z" for end in ("first", "last")}
    return {
        "tenant_id": tenant,
        "finding_id": finding,
        "sequence": number,
        "severity": 3,
        "outcome": "fail",
        **audits,
        **times,
    }


def test_the_default_is_50_and_the_most_is_200(tenant: Any) -> None:
    tenant.add_findings(210)
    assert len(tenant.http.get("/v1/findings").json()["data"]) == 50
    assert len(tenant.http.get("/v1/findings", params={"limit": 200}).json()["data"]) == 200


@pytest.mark.parametrize("limit", ["0", "201", "abc", "-1", "1.0", "", " 5", "+5", "0050", "٥"])
def test_any_other_limit_is_refused(tenant: Any, limit: str) -> None:
    answer = tenant.http.get("/v1/findings", params={"limit": limit})
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "invalid_limit"


def test_the_next_page_is_linked(tenant: Any) -> None:
    idents = tenant.add_findings(3)
    first = tenant.http.get("/v1/findings", params={"limit": 2, "dimension": "security"})
    path, _, relation = first.headers["link"].partition(";")
    assert relation.strip() == 'rel="next"'
    second = tenant.http.get(path.strip("<>"))
    assert [item["id"] for item in second.json()["data"]] == idents[2:]


def test_a_cursor_is_signed_json_that_begins_with_its_id(tenant: Any) -> None:
    idents = tenant.add_findings(2)
    cursor = tenant.http.get("/v1/findings", params={"limit": 1}).json()["next_cursor"]
    assert "=" not in cursor
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    assert raw.startswith(b'{"id":')
    assert orjson.loads(raw)["id"] == idents[0]


def test_a_cursor_altered_in_any_bit_is_refused(tenant: Any) -> None:
    tenant.add_findings(2)
    cursor = tenant.http.get("/v1/findings", params={"limit": 1}).json()["next_cursor"]
    for index in range(len(cursor)):
        for bit in (1, 2, 4):
            altered = cursor[:index] + chr(ord(cursor[index]) ^ bit) + cursor[index + 1 :]
            answer = tenant.http.get("/v1/findings", params={"limit": 1, "cursor": altered})
            assert answer.status_code == 422, (index, bit)
            assert answer.json()["error"]["code"] == "invalid_cursor"


def test_a_cursor_of_another_walk_or_tenant_is_refused(
    make_tenant: Any, roomy: Any, url: str
) -> None:
    mine, theirs = make_tenant(roomy, url), make_tenant(roomy, url)
    mine.add_findings(3)
    query = {"limit": 1, "severity": "info"}
    mine.add_findings(3)
    cursor = mine.http.get("/v1/findings", params=query).json()["next_cursor"]
    assert cursor
    fine = mine.http.get("/v1/findings", params={**query, "limit": 9, "cursor": cursor})
    assert fine.status_code == 200
    for http, path, other in (
        (mine.http, "/v1/findings", {"severity": "low"}),
        (mine.http, "/v1/findings", {}),
        (mine.http, "/v1/findings", {"severity": "info", "sort": "-severity"}),
        (mine.http, "/v1/resources", {}),
        (theirs.http, "/v1/findings", {"severity": "info"}),
    ):
        answer = http.get(path, params={**other, "cursor": cursor})
        assert answer.status_code == 422, (path, other)
        assert answer.json()["error"]["code"] == "invalid_cursor"
