"""Service accounts and the client credentials grant over HTTP, and whoever attacks them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey, RSAKey
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session
from tests.auth.oauth.machine import TYPE, machine, registered, service_account
from tests.auth.oauth.party import Site, serving
from tests.waiting import until

from cloudsealed.auth.oauth.errors import InvalidClientError
from cloudsealed.auth.oauth.parameters import Parameters
from cloudsealed.kit.ids import new_id
from cloudsealed.vocabulary import Role
from cloudsealed.wiring import build_services


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("machines")) as running:
        yield running


def refused(answer: httpx.Response, code: str, status: int = 400) -> str:
    body = answer.json()
    assert (answer.status_code, body["error"]) == (status, code), answer.text
    assert answer.headers["cache-control"] == "no-store"
    return str(body["error_description"])


def by_secret(site: Site, client: dict[str, Any], **fields: str | None) -> httpx.Response:
    form = {
        "grant_type": "client_credentials",
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
        **fields,
    }
    return site.post("/oauth/token", **form)


# Service accounts


def test_a_service_account_is_a_user_that_nobody_logs_in_as(site: Site) -> None:
    with site.http() as http:
        answer = http.post("/v1/service_accounts", json={"name": "exports", "role": "auditor"})
        made = answer.json()
        assert answer.headers["location"].endswith(f"/v1/users/{made['id']}")
        assert (made["kind"], made["status"], made["role"]) == ("service", "active", "auditor")
        assert http.get(f"/v1/users/{made['id']}").json() == made
        listed = http.get("/v1/users?kind=service").json()["data"]
        assert made in listed
        assert http.get("/v1/service_accounts").json()["data"] == listed
        people = http.get("/v1/users?kind=person").json()["data"]
        assert {user["kind"] for user in people} == {"person"}
        invited = http.post(f"/v1/users/{made['id']}/invite")
        assert invited.json()["error"]["details"][0]["field"] == "kind"
    login = site.browser(None).log_in(made["email"], "")
    assert login.status_code == 401


def test_a_role_is_given_within_the_credentials_power(site: Site) -> None:
    with site.http() as http:
        body = {"name": "t", "scopes": ["users:write"]}
        narrow = http.post("/v1/tokens", json=body).json()["token"]
    with site.http(narrow) as http:
        answer = http.post("/v1/service_accounts", json={"name": "x", "role": "viewer"})
    assert answer.json()["error"]["code"] == "invalid_scope"


def test_an_admin_makes_a_service_accounts_token_and_nobody_elses(site: Site) -> None:
    account, person = service_account(site), service_account(site.tenant("Other"))
    body = {"name": "ci", "scopes": ["findings:read"]}
    with site.http() as http:
        me = http.get("/v1/me").json()["user"]
        text = http.post("/v1/tokens", json={**body, "user_id": account}).json()["token"]
        site.person(Role.VIEWER)
        others = {u["id"] for u in http.get("/v1/users?kind=person").json()["data"]} - {me["id"]}
        faces = {
            (answer.status_code, answer.json()["error"]["message"])
            for ident in (*others, person, new_id("usr"), "x")
            for answer in [http.post("/v1/tokens", json={**body, "user_id": ident})]
        }
        assert faces == {(422, "user_id must name a service account")}
        beyond = http.post("/v1/tokens", json={**body, "scopes": ["admin"], "user_id": account})
        assert beyond.json()["error"]["code"] == "invalid_scope"
        own = http.post("/v1/tokens", json={**body, "user_id": me["id"]})
        assert own.json()["user_id"] == me["id"]
    with site.http(text) as http:
        assert http.get("/v1/me").json()["user"]["id"] == account
        assert http.get("/v1/findings").status_code == 200
        assert http.get("/v1/users").status_code == 403
    with site.http(role=Role.EDITOR) as http:
        answer = http.post("/v1/tokens", json={**body, "user_id": account})
    assert answer.json()["error"]["code"] == "insufficient_role"


def test_a_service_admin_does_not_keep_the_last_person_from_staying_admin(site: Site) -> None:
    other = site.tenant("Lonely")
    service_account(other, "admin")
    with other.http() as http:
        me = http.get("/v1/me").json()["user"]["id"]
        assert http.patch(f"/v1/users/{me}", json={"role": "viewer"}).status_code == 422
        assert http.delete(f"/v1/users/{me}").status_code == 422


# Clients


def test_a_client_is_registered_changed_rotated_and_deleted(site: Site) -> None:
    account = service_account(site)
    made = registered(site, account, name="exports")
    assert made["auth_method"] == "client_secret"
    assert made["jwks"] is None
    path = f"/v1/oauth/clients/{made['id']}"
    with site.http() as http:
        shown = http.get(path)
        assert "client_secret" not in shown.json()
        listed = http.get("/v1/oauth/clients", params={"user": account}).json()["data"]
        assert listed == [shown.json()]
        rotated = http.post(f"{path}/rotate", json={"overlap_seconds": 60}).json()
        assert by_secret(site, made).status_code == 200
        assert by_secret(site, rotated).status_code == 200
        assert http.post(f"{path}/rotate").status_code == 201
        refused(by_secret(site, made), "invalid_client", 401)
        assert http.patch(path, json={"name": "b"}).json()["name"] == "b"
        jwks = {"keys": [ECKey.generate_key("P-256").as_dict(private=False)]}
        assert http.patch(path, json={"jwks": jwks}).status_code == 422
        beyond = http.patch(path, json={"scopes": ["users:read"]})  # which a viewer has not
        assert beyond.json()["error"]["code"] == "invalid_scope"
        stays = {**shown.json(), "name": "b"}
        after = http.patch(path, json={"name": None, "scopes": None, "jwks": None}).json()
        assert {**after, "updated_at": ""} == {**stays, "updated_at": ""}
        assert http.delete(path).status_code == 204
        gone = http.get(path).json()["error"]
        assert gone["code"] == "client_not_found"
    refused(by_secret(site, rotated), "invalid_client", 401)


def test_a_client_has_no_more_power_than_whoever_makes_it_get_in(site: Site) -> None:
    account = service_account(site, "admin")
    strong = registered(site, account, scopes=["admin"])
    with site.http() as http:
        body = {"name": "t", "scopes": ["apps:write", "findings:read"]}
        weak = http.post("/v1/tokens", json=body).json()["token"]
    path = f"/v1/oauth/clients/{strong['id']}"
    with site.http(weak) as http:
        fields = {"user_id": account, "name": "x"}
        for answer in (
            http.post("/v1/oauth/clients", json={**fields, "scopes": ["admin"]}),
            http.post(f"{path}/rotate"),
            http.patch(path, json={"scopes": ["findings:read"]}),
        ):
            assert answer.json()["error"]["code"] == "invalid_scope", answer.text
        good = http.post("/v1/oauth/clients", json={**fields, "scopes": ["findings:read"]})
        assert good.status_code == 201


def test_a_client_is_a_service_accounts_and_its_keys_are_public(site: Site) -> None:
    account, key = service_account(site), ECKey.generate_key("P-256")
    good = {"user_id": account, "name": "x", "scopes": ["findings:read"]}
    with site.http() as http:
        me = http.get("/v1/me").json()["user"]["id"]
        for changes, field in (
            ({"user_id": me}, "user_id"),
            ({"scopes": ["users:read"]}, "scopes"),
            ({"jwks": {"keys": [key.as_dict(private=True)]}}, "jwks"),
            ({"jwks": {"keys": []}}, "jwks"),
            ({"jwks": {"keys": [key.as_dict(private=False)], "x": 1}}, "jwks.x"),
            ({"jwks_uri": "https://evil.example/jwks"}, "jwks_uri"),
        ):
            answer = http.post("/v1/oauth/clients", json={**good, **changes})
            assert answer.status_code == 422, answer.text
            assert answer.json()["error"]["details"][0]["field"] == field


# The grant


def test_rfc6749_4_4_tokens_by_a_secret_of_a_client_that_others_wrote(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    made = registered(site, service_account(site))
    with OAuth2Session(client=BackendApplicationClient(made["client_id"])) as session:
        session.trust_env = False
        given = session.fetch_token(
            f"{site.url}/oauth/token",
            client_id=made["client_id"],
            client_secret=made["client_secret"],
        )
        assert session.get(f"{site.url}/v1/findings").status_code == 200
        assert session.get(f"{site.url}/v1/policies").status_code == 403
    assert (given["token_type"], given["expires_in"]) == ("Bearer", 3600)
    assert given["scope"] == ["findings:read"]
    assert "refresh_token" not in given
    assert by_secret(site, made).status_code == 200  # client_secret_post


def test_scopes_stay_within_the_registration_and_the_account(site: Site) -> None:
    account = service_account(site, "editor")
    made = registered(site, account, scopes=["findings:write", "audits:read"])
    assert by_secret(site, made).json()["scope"] == "findings:write audits:read"
    one = by_secret(site, made, scope="findings:read")
    assert one.json()["scope"] == "findings:read"
    refused(by_secret(site, made, scope="policies:read"), "invalid_scope")
    refused(by_secret(site, made, scope="findings:fly"), "invalid_scope")
    given = by_secret(site, made).json()["access_token"]
    path = f"/v1/users/{account}"
    with site.http() as http, site.http(given) as mine:
        assert mine.patch("/v1/findings/x", json={}).status_code == 404
        assert http.patch(path, json={"role": "viewer"}).status_code == 200
        assert mine.patch("/v1/findings/x", json={}).status_code == 403
    refused(by_secret(site, made, scope="admin"), "invalid_scope")
    only = registered(site, service_account(site, "auditor"), scopes=["users:read"])
    with site.http() as http:
        http.patch(f"/v1/users/{only['user_id']}", json={"role": "viewer"})
    refused(by_secret(site, only), "invalid_scope")


def test_each_kind_of_client_has_its_own_grants(site: Site) -> None:
    made, app = registered(site, service_account(site)), site.app()
    for kind in (
        "authorization_code",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:device_code",
    ):
        refused(by_secret(site, made, grant_type=kind, code="x"), "unauthorized_client")
    refused(by_secret(site, app), "unauthorized_client")
    refused(by_secret(site, made, grant_type="password"), "unsupported_grant_type")
    refused(by_secret(site, made, grant_type=None), "invalid_request")
    refused(by_secret(site, made, resource="https://evil.example"), "invalid_target")
    asked = site.post(
        "/oauth/device_authorization",
        client_id=made["client_id"],
        client_secret=made["client_secret"],
    )
    refused(asked, "unauthorized_client")


def test_a_client_revokes_and_introspects_its_own_tokens_only(site: Site) -> None:
    made, other = (registered(site, service_account(site)) for _ in range(2))
    token = by_secret(site, made).json()["access_token"]

    def ask(path: str, client: dict[str, Any]) -> httpx.Response:
        proof = {name: client[name] for name in ("client_id", "client_secret")}
        return site.post(path, token=token, **proof)

    found = ask("/oauth/introspect", made).json()
    assert (found["active"], found["sub"], found["scope"]) == (
        True,
        made["user_id"],
        "findings:read",
    )
    assert ask("/oauth/introspect", other).json() == {"active": False}
    assert ask("/oauth/introspect", site.app()).json() == {"active": False}
    assert ask("/oauth/revoke", other).status_code == 200
    assert site.works(token)
    assert ask("/oauth/revoke", made).status_code == 200
    assert not site.works(token)
    assert ask("/oauth/introspect", made).json() == {"active": False}


@pytest.mark.parametrize("how", ["disable", "remove", "delete the client"])
def test_what_is_ended_stops_and_answers_as_if_it_never_was(site: Site, how: str) -> None:
    program = machine(site)
    token = program.ask().json()["access_token"]
    never = refused(machine_unknown(program), "invalid_client", 401)
    with site.http() as http:
        client = http.get("/v1/oauth/clients").json()["data"][0]
        account = f"/v1/users/{client['user_id']}"
        if how == "disable":
            assert http.patch(account, json={"status": "disabled"}).status_code == 200
        elif how == "remove":
            assert http.delete(account).status_code == 204
        else:
            assert http.delete(f"/v1/oauth/clients/{client['id']}").status_code == 204
    until(lambda: not site.works(token), "the token stops")
    assert refused(program.ask(), "invalid_client", 401) == never
    if how == "disable":
        with site.http() as http:
            assert http.patch(account, json={"status": "active"}).status_code == 200
        assert program.ask().status_code == 200


def machine_unknown(program: Any) -> httpx.Response:
    """Ask as a client that never was."""
    nobody = "csci_" + "0" * 38
    answer: httpx.Response = program.ask(program.assertion(iss=nobody, sub=nobody))
    return answer


# Assertions


def test_rfc7523_a_jwt_proves_a_client_by_either_audience(site: Site) -> None:
    program = machine(site)
    for audience in (f"{site.url}/oauth/token", site.url, [site.url]):
        given = program.ask(program.assertion(aud=audience), client_id=program.client_id)
        assert given.status_code == 200, given.text
        assert site.works(given.json()["access_token"])


def test_the_use_of_a_clients_token_is_kept_and_me_names_the_client(site: Site) -> None:
    made = registered(site, service_account(site))
    assert made["last_used_at"] is None
    with site.http(by_secret(site, made).json()["access_token"]) as http:
        assert http.get("/v1/me").json()["token_id"] == made["id"]
    site.services.tokens.authenticator.flush()
    with site.http() as http:
        shown = http.get(f"/v1/oauth/clients/{made['id']}").json()
    assert shown["last_used_at"] is not None
    assert shown["last_used_ip"] == "127.0.0.1"


def test_a_jti_is_good_once_whatever_came_of_it_and_after_a_restart(site: Site) -> None:
    program = machine(site)
    one, other = program.assertion(), program.assertion()
    assert program.ask(one).status_code == 200
    assert "jti" in refused(program.ask(one), "invalid_client", 401)
    refused(program.ask(other, scope="admin"), "invalid_scope")
    assert "jti" in refused(program.ask(other), "invalid_client", 401)
    again = build_services(site.services.settings)
    given = Parameters({"client_assertion_type": TYPE, "client_assertion": one})
    with pytest.raises(InvalidClientError, match="jti"):
        again.token_endpoint().authenticate(given, None)
    again.database.close()
    with site.http() as http:
        events = http.get("/v1/events?type=security.client_replayed").json()["data"]
    assert events[0]["data"]["client_id"] == program.client_id
    twin = machine(site)
    same = program.assertion(jti="shared")
    assert program.ask(same).status_code == 200
    assert twin.ask(twin.assertion(jti="shared")).status_code == 200  # a jti is one client's


def test_an_assertion_of_another_key_client_server_or_time_proves_nothing(site: Site) -> None:
    program, other = machine(site), machine(site.tenant("Other"))
    now = site.services.clock().timestamp()
    unknown = refused(machine_unknown(program), "invalid_client", 401)
    for assertion in (
        program.assertion(key=ECKey.generate_key("P-256")),
        program.assertion(key=other.key),
        program.assertion(sub=other.client_id, iss=other.client_id),
        program.assertion(sub=None),
        "x",
        "a.b.c",
        "x" * 20_000,
    ):
        assert refused(program.ask(assertion), "invalid_client", 401) == unknown
    for changes, word in (
        ({"aud": "https://evil.example/oauth/token"}, "aud"),
        ({"aud": None}, "aud"),
        ({"exp": now - 60}, "exp"),
        ({"exp": now + 7200}, "exp"),
        ({"exp": None}, "exp"),
        ({"jti": None}, "jti"),
        ({"iss": other.client_id}, "iss"),
        ({"nbf": now + 120}, "nbf"),
    ):
        answer = program.ask(program.assertion(**changes))
        assert word in refused(answer, "invalid_client", 401)
    named = program.ask(client_id=other.client_id)
    assert refused(named, "invalid_client", 401) == unknown


def test_a_client_proves_itself_in_the_one_way_that_it_registered(site: Site) -> None:
    program, secret = machine(site), registered(site, service_account(site))
    both = program.ask(client_secret="cscs_x")
    refused(both, "invalid_request")
    basic = site.post(
        "/oauth/token",
        auth=(program.client_id, "x"),
        grant_type="client_credentials",
        client_assertion_type=TYPE,
        client_assertion=program.assertion(),
    )
    refused(basic, "invalid_request")
    refused(program.ask(client_assertion_type="x"), "invalid_request")
    for text in ("", "cscs_x", None):
        tried = by_secret(site, {"client_id": program.client_id, "client_secret": text})
        refused(tried, "invalid_client", 401)
    program.client_id = secret["client_id"]
    refused(program.ask(), "invalid_client", 401)


def test_a_new_key_takes_over_and_the_old_one_ends(site: Site) -> None:
    program, fresh = machine(site), RSAKey.generate_key(2048)
    with site.http() as http:
        client = http.get("/v1/oauth/clients").json()["data"][0]
        path, old = f"/v1/oauth/clients/{client['id']}", client["jwks"]["keys"]
        new = fresh.as_dict(private=False)
        for keys, old_is_good in (([*old, new], True), ([new], False)):
            assert http.patch(path, json={"jwks": {"keys": keys}}).status_code == 200
            assert (program.ask().status_code == 200) == old_is_good
            program.header = {"alg": "PS256"}
            assert program.ask(program.assertion(key=fresh)).status_code == 200
            program.header = {"alg": "ES256"}


def test_the_metadata_says_what_a_client_can_do(site: Site) -> None:
    found = httpx.get(f"{site.url}/.well-known/oauth-authorization-server", trust_env=False).json()
    assert {"client_credentials", "urn:ietf:params:oauth:grant-type:device_code"} <= set(
        found["grant_types_supported"]
    )
    assert "private_key_jwt" in found["token_endpoint_auth_methods_supported"]
    assert set(found["token_endpoint_auth_signing_alg_values_supported"]) == {
        "RS256",
        "PS256",
        "ES256",
        "EdDSA",
    }
    assert found["device_authorization_endpoint"] == f"{site.url}/oauth/device_authorization"
