from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.waiting import until

from cloudsealed.auth import authenticator, credential
from cloudsealed.auth.model import Scope
from cloudsealed.kit.clock import rfc3339
from cloudsealed.vocabulary import Role


def test_every_request_under_v1_needs_a_bearer_token(tenant: Any) -> None:
    document = httpx.get(f"{tenant.url}/openapi.json", trust_env=False).json()
    with tenant.client(None) as nobody:
        for path, methods in document["paths"].items():
            for method in methods:
                answer = nobody.request(method, path.replace("{id}", "x"))
                assert answer.status_code == 401, (method, path)
                assert answer.json()["error"]["code"] == "missing_credentials"
                assert answer.headers["www-authenticate"].startswith("Bearer")
        for method, path in (("GET", "/v1/nope"), ("PUT", "/v1/me"), ("OPTIONS", "/v1/me")):
            assert nobody.request(method, path).status_code == 401


def test_a_token_in_the_query_is_refused_and_two_credentials_are_400(tenant: Any) -> None:
    text = tenant.token()
    with tenant.client(None) as nobody:
        assert nobody.get("/v1/me", params={"access_token": text}).status_code == 401
    both = tenant.http.get("/v1/me", params={"access_token": text})
    twice = httpx.get(
        f"{tenant.url}/v1/me", headers=[("Authorization", f"Bearer {text}")] * 2, trust_env=False
    )
    assert both.status_code == twice.status_code == 400
    assert both.json()["error"]["code"] == twice.json()["error"]["code"] == "two_credentials"


def test_personal_access_tokens_have_their_form_and_are_shown_once(tenant: Any) -> None:
    body = {"name": "ci", "scopes": ["findings:read"], "allowed_cidrs": ["127.0.0.0/8"]}
    made = tenant.http.post("/v1/tokens", json=body).json()
    assert re.fullmatch(r"cspat_[0-9A-Za-z]{38}", made["token"])
    kept = tenant.http.get(f"/v1/tokens/{made['id']}").json()
    assert "token" not in kept
    assert kept["scopes"] == ["findings:read"]
    days = datetime.fromisoformat(kept["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=89) < days <= timedelta(days=90)
    with tenant.client(made["token"]) as ci:
        assert ci.get("/v1/findings").status_code == 200
    stored = tenant.services.settings.sqlite_path
    for file in stored.parent.glob("cloudsealed.db*"):
        assert made["token"].encode() not in file.read_bytes()


def test_a_mistyped_unknown_expired_or_foreign_token_is_401_with_its_code(tenant: Any) -> None:
    expired = tenant.services.tokens.issue(
        tenant=tenant.id,
        user_id=tenant.user_id,
        name="old",
        scopes=frozenset({Scope.ADMIN}),
        expires_at=rfc3339(datetime.now(UTC) - timedelta(seconds=1)),
    ).text
    good = tenant.token()
    wrong = good[:-1] + ("A" if good[-1] != "A" else "B")
    for text, code in (
        (wrong, "invalid_token"),
        (credential.mint(), "invalid_token"),
        ("x", "invalid_token"),
        (expired, "token_expired"),
    ):
        with tenant.client(text) as http:
            answer = http.get("/v1/me")
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == code
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_403_names_the_scope_before_any_look_up(tenant: Any) -> None:
    with tenant.client(tenant.token(Scope.RESOURCES_READ)) as http:
        for path in ("/v1/findings", "/v1/findings/fnd_x"):
            answer = http.get(path)
            assert answer.status_code == 403
            assert answer.json()["error"]["code"] == "insufficient_scope"
            assert "findings:read" in answer.json()["error"]["message"]
            assert 'scope="findings:read"' in answer.headers["www-authenticate"]
        assert http.get("/v1/resources").status_code == 200


def test_write_implies_read_and_admin_is_everything(tenant: Any) -> None:
    with tenant.client(tenant.token(Scope.FINDINGS_WRITE)) as http:
        assert http.get("/v1/findings").status_code == 200
        assert http.get("/v1/policies").status_code == 403
    with tenant.client(tenant.token(Scope.ADMIN)) as http:
        assert http.get("/v1/policies").status_code == 200


def test_a_token_has_no_more_power_than_its_owners_role(tenant: Any) -> None:
    with tenant.client(tenant.token(role=Role.VIEWER)) as viewer:
        assert viewer.get("/v1/findings").status_code == 200
        assert viewer.get("/v1/findings/fnd_x/evidence").status_code == 403
        assert viewer.post("/v1/policies", json={}).status_code == 403
        assert viewer.post("/v1/audits", json={}).status_code == 403
        assert "admin" not in viewer.get("/v1/me").json()["scopes"]


def test_a_token_never_makes_one_with_more_than_its_own_power(tenant: Any) -> None:
    weak = tenant.token(Scope.TOKENS_WRITE, Scope.FINDINGS_READ)
    strong = tenant.http.post("/v1/tokens", json={"name": "s", "scopes": ["admin"]}).json()
    with tenant.client(weak) as http:
        fine = http.post("/v1/tokens", json={"name": "a", "scopes": ["findings:read"]})
        beyond = http.post("/v1/tokens", json={"name": "a", "scopes": ["findings:write"]})
        rotated = http.post(f"/v1/tokens/{strong['id']}/rotate")
    assert fine.status_code == 201
    assert beyond.json()["error"]["code"] == rotated.json()["error"]["code"] == "invalid_scope"


def test_a_viewer_sees_only_their_own_tokens(tenant: Any) -> None:
    with tenant.client(tenant.token(role=Role.VIEWER)) as viewer:
        me = viewer.get("/v1/me").json()
        assert {t["user_id"] for t in viewer.get("/v1/tokens").json()["data"]} == {me["user"]["id"]}
        others = tenant.http.get("/v1/tokens", params={"user": tenant.user_id}).json()["data"]
        assert viewer.get("/v1/tokens", params={"user": tenant.user_id}).json()["data"] == []
        assert viewer.get(f"/v1/tokens/{others[0]['id']}").status_code == 404


def test_a_token_may_be_bound_to_addresses(tenant: Any) -> None:
    body = {"name": "ci", "scopes": ["findings:read"], "allowed_cidrs": ["192.0.2.0/24"]}
    text = tenant.http.post("/v1/tokens", json=body).json()["token"]
    with tenant.client(text) as elsewhere:
        answer = elsewhere.get("/v1/findings")
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "ip_not_allowed"


def test_a_rotated_token_works_beside_its_successor_until_the_overlap_ends(tenant: Any) -> None:
    old = tenant.http.post("/v1/tokens", json={"name": "ci", "scopes": ["findings:read"]}).json()
    new = tenant.http.post(f"/v1/tokens/{old['id']}/rotate", json={"overlap_seconds": 60})
    assert new.status_code == 201
    assert new.headers["location"] == f"{tenant.url}/v1/tokens/{new.json()['id']}"
    assert new.json()["scopes"] == old["scopes"]
    for text in (old["token"], new.json()["token"]):
        with tenant.client(text) as http:
            assert http.get("/v1/findings").status_code == 200
    third = tenant.http.post(f"/v1/tokens/{new.json()['id']}/rotate").json()
    for text, status in ((new.json()["token"], 401), (third["token"], 200)):
        with tenant.client(text) as http:
            assert http.get("/v1/findings").status_code == status


def test_a_revoked_token_stops_within_a_second_on_every_process(
    tenant: Any, make_tenant: Any, tmp_path: Any
) -> None:
    made = tenant.http.post("/v1/tokens", json={"name": "ci", "scopes": ["findings:read"]}).json()
    with tenant.client(made["token"]) as http:
        assert http.get("/v1/findings").status_code == 200
        elsewhere = tenant.services.tokens  # a process that shares nothing but the database:
        other = type(elsewhere)(
            database=tenant.services.database,
            keys=tenant.services.keys,
            settings=tenant.services.settings,
            clock=tenant.services.clock,
        )
        caller = other.authenticator.authenticate(tenant.token(), "127.0.0.1")
        other.revoke(caller=caller, ident=made["id"])
        assert authenticator.CACHE_SECONDS <= 0.5
        until(lambda: http.get("/v1/findings").status_code == 401, "the token stops")


@pytest.mark.inside
def test_when_and_from_where_a_token_was_used_is_kept(tenant: Any) -> None:
    text = tenant.token()
    with tenant.client(text) as http:
        ident = http.get("/v1/me").json()["token_id"]
        tenant.services.tokens.authenticator.flush()
        kept = http.get(f"/v1/tokens/{ident}").json()
    assert kept["last_used_ip"] == "127.0.0.1"
    assert kept["last_used_at"] >= kept["created_at"]


def test_a_token_reported_as_leaked_is_revoked_and_the_answer_tells_nothing(tenant: Any) -> None:
    text = tenant.token()
    with tenant.client(None) as nobody:
        for leaked in (text, credential.mint(), "no token"):
            answer = nobody.post("/tokens/report-leak", json={"token": leaked})
            assert answer.status_code == 202
            assert answer.json() == {"status": "accepted"}
    with tenant.client(text) as http:
        assert http.get("/v1/me").status_code == 401


@pytest.mark.parametrize("noun", ["findings", "policies", "tokens"])
def test_a_foreign_tenants_id_answers_like_one_that_never_was(
    make_tenant: Any, roomy: Any, url: str, noun: str
) -> None:
    mine, theirs = make_tenant(roomy, url), make_tenant(roomy, url)
    theirs.add_findings(1)
    foreign = theirs.http.get(f"/v1/{noun}").json()["data"][0]["id"]
    never = foreign[:-1] + ("0" if foreign[-1] != "0" else "1")
    answers = [mine.http.get(f"/v1/{noun}/{ident}") for ident in (foreign, never)]
    assert [a.status_code for a in answers] == [404, 404]
    texts = [a.json()["error"] | {"request_id": ""} for a in answers]
    assert texts[0]["message"].replace(foreign, "X") == texts[1]["message"].replace(never, "X")
    assert texts[0]["code"] == texts[1]["code"]
