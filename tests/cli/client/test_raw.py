"""`cloudsealed api`: any request, as it is written."""

from __future__ import annotations

import json

import pytest
from tests.cli.client.conftest import Cs
from tests.contract.conftest import POLICY, Tenant


def test_a_path_is_found_however_it_is_written(cs: Cs, tenant: Tenant) -> None:
    wanted = json.loads(cs("api", "GET", "/v1/me").out)
    for words in (["v1/me"], ["get", "v1/me"], ["/v1/me"], [f"{tenant.url}/v1/me"]):
        said = cs("api", *words)
        assert (said.code, json.loads(said.out)) == (0, wanted)


def test_fields_are_a_query_where_there_is_no_body(cs: Cs, tenant: Tenant) -> None:
    tenant.add_findings(10)
    said = cs("api", "GET", "v1/findings?limit=3", "-f", "severity=low", "-f", "severity=high")
    found = json.loads(said.out)["data"]
    assert {item["severity"] for item in found} == {"low", "high"}
    assert len(found) == 3
    assert len(json.loads(cs("api", "GET", "v1/findings", "-F", "limit=2").out)["data"]) == 2


def test_fields_make_a_body_of_the_kinds_that_the_api_has(cs: Cs) -> None:
    made = [f"{name}={value}" for name, value in POLICY.items() if isinstance(value, str)]
    words = [word for pair in made for word in ("-f", pair)]
    kinds = [*words, "-f", "kind=check", "-f", "enabled=false", "-f", "title=7"]
    types = ["-f", "resource_types[]=aws.ec2.security_group"]
    said = json.loads(cs("api", "v1/policies", *kinds, *types).out)
    assert (said["enabled"], said["title"]) == (False, "7")
    changed = cs("api", "PATCH", f"v1/policies/{said['id']}", "-d", '{"title": "new"}')
    assert json.loads(changed.out)["title"] == "new"
    gone = cs("api", "delete", f"v1/policies/{said['id']}")
    assert (gone.code, gone.out) == (0, "")


def test_headers_are_sent_and_shown(cs: Cs, tenant: Tenant) -> None:
    (ident,) = tenant.add_findings(1)
    said = cs("api", f"v1/findings/{ident}", "--include")
    (tag,) = [line[6:] for line in said.out.splitlines() if line.startswith("etag: ")]
    body = '{"triage": {"state": "in_progress"}}'
    for given, code in ((tag, 0), ('"other"', 1)):
        words = ["-d", body, "-H", f"If-Match: {given}"]
        assert cs("api", "PATCH", f"v1/findings/{ident}", *words).code == code
    shown = cs("api", "HEAD", "v1/me")
    assert shown.out.startswith("HTTP/1.1 200 OK\n")
    assert "x-request-id: req_" in shown.out


def test_a_key_of_ones_own_makes_one_thing_of_two_requests(cs: Cs) -> None:
    words = ["v1/schedules", "-d", '{"name": "nightly", "cron": "0 3 * * *"}']
    body = ["-d", '{"name": "ci", "scopes": ["findings:read"]}', "-H", "Idempotency-Key: once"]
    first, again = (json.loads(cs("api", "v1/tokens", *body).out) for _ in range(2))
    assert (first["id"], again["token"]) == (again["id"], None)
    assert cs("api", *words).code == 1  # what is missing is told


@pytest.mark.parametrize(
    "words", [["FETCH", "v1/me"], ["GET", "v1/me", "x"], [], ["v1/me", "-H", "x"], ["v1/me", "-x"]]
)
def test_what_is_no_request_is_usage(cs: Cs, words: list[str]) -> None:
    said = cs("api", *words)
    assert (said.code, said.out) == (2, "")


def test_an_error_is_told_with_its_request(cs: Cs) -> None:
    said = cs("api", "v1/findings?severity=urgent")
    assert said.code == 1
    assert said.err.startswith("error invalid_severity_filter: severity must be one of: info")
    assert "(422, req_" in said.err
    assert "error not_found: " in cs("api", "v1/nothing").err
