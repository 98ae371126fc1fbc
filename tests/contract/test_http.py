"""What HTTP clients and the proxies before them expect: codings, tags, addresses."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.conftest import POLICY

SECRET = {"name": "ci", "scopes": ["findings:read"]}


def test_a_list_is_coded_where_asked_and_says_on_what_it_depends(tenant: Any) -> None:
    tenant.add_findings(20)
    plain = tenant.http.get("/v1/findings", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    for name in ("gzip", "br", "zstd"):
        answer = tenant.http.get("/v1/findings", headers={"Accept-Encoding": name})
        assert answer.headers["content-encoding"] == name
        assert "Accept-Encoding" in answer.headers["vary"]
        assert answer.json() == plain.json()
        assert int(answer.headers["content-length"]) * 4 < len(plain.content)


def test_a_list_has_a_weak_tag_that_any_coding_of_it_answers_to(tenant: Any) -> None:
    ids = tenant.add_findings(20)
    tags = {
        tenant.http.get("/v1/findings", headers={"Accept-Encoding": name}).headers["etag"]
        for name in ("identity", "gzip", "br", "zstd")
    }
    [tag] = tags
    assert tag.startswith('W/"')
    for given in (tag, tag.removeprefix("W/"), f'"x", {tag}', "*"):
        answer = tenant.http.get("/v1/findings", headers={"If-None-Match": given})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == tag
        assert "Accept-Encoding" in answer.headers["vary"]
    tenant.http.patch(f"/v1/findings/{ids[0]}", json={"triage": {"state": "acknowledged"}})
    assert tenant.http.get("/v1/findings", headers={"If-None-Match": tag}).status_code == 200
    other = tenant.http.get("/v1/findings?limit=3", headers={"If-None-Match": tag})
    assert other.status_code == 200


@pytest.mark.parametrize("form", ["{}", "W/{}", "{}-gzip", "W/{}-br", "{};gzip", "{}-zstd"])
def test_a_tag_that_a_coding_weakened_or_marked_still_names_the_object(
    tenant: Any, form: str
) -> None:
    [ident] = tenant.add_findings(1)
    path, change = f"/v1/findings/{ident}", {"triage": {"state": "acknowledged"}}
    tag = tenant.http.get(path, headers={"Accept-Encoding": "identity"}).headers["etag"]
    given = form.format(tag[:-1]) + '"' if "-" in form or ";" in form else form.format(tag)
    assert tenant.http.get(path, headers={"If-None-Match": given}).status_code == 304
    assert tenant.http.patch(path, json=change, headers={"If-Match": given}).status_code == 200
    assert tenant.http.patch(path, json=change, headers={"If-Match": given}).status_code == 412


def test_an_answer_that_shows_a_secret_is_neither_coded_nor_stored(tenant: Any) -> None:
    body = {**SECRET, "name": "x" * 100}
    headers = {"Accept-Encoding": "gzip, br, zstd"}
    answer = tenant.http.post("/v1/tokens", json=body, headers=headers)
    assert answer.status_code == 201
    assert "content-encoding" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


def test_who_takes_no_coding_that_there_is_gets_406_before_anything_is_done(tenant: Any) -> None:
    before = tenant.http.get("/v1/tokens").json()["data"]
    for refused in ("identity;q=0", "*;q=0"):
        answer = tenant.http.get("/v1/findings", headers={"Accept-Encoding": refused})
        assert answer.status_code == 406
        assert answer.json()["error"]["code"] == "not_acceptable"
    headers = {"Accept-Encoding": "gzip, identity;q=0"}
    assert tenant.http.post("/v1/tokens", json=SECRET, headers=headers).status_code == 406
    assert tenant.http.get("/v1/tokens").json()["data"] == before
    me = tenant.http.get("/v1/me", headers=headers)
    assert (me.status_code, me.headers["content-encoding"]) == (200, "gzip")


def test_errors_and_documents_are_coded_too_when_they_are_long(tenant: Any) -> None:
    headers = {"Accept-Encoding": "gzip"}
    document = tenant.http.get("/openapi.json", headers=headers)
    assert document.headers["content-encoding"] == "gzip"
    assert document.json()["openapi"].startswith("3.1")
    script = tenant.http.get("/docs/swagger-ui-bundle.js", headers=headers)
    assert script.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in tenant.http.get("/healthz", headers=headers).headers


def test_link_and_location_are_absolute_and_lead_where_the_client_is(tenant: Any) -> None:
    tenant.add_findings(3)
    seen, url = [], f"{tenant.url}/v1/findings?limit=1&status=open"
    while url:
        page = tenant.http.get(url)
        seen += [item["id"] for item in page.json()["data"]]
        url = page.links.get("next", {}).get("url", "")
        assert not url or url.startswith(f"{tenant.url}/v1/findings?")
    assert len(seen) == len(set(seen)) == 3
    body, key = {**POLICY, "key": "another"}, {"Idempotency-Key": tenant.id}
    made = [tenant.http.post("/v1/policies", json=body, headers=key) for _ in range(2)]
    there = f"{tenant.url}/v1/policies/{made[0].json()['id']}"
    assert [answer.headers["location"] for answer in made] == [there] * 2
