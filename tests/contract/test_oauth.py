"""The authorization server over HTTP, each test named after its clause."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.auth.oauth.party import CALLBACK, PKCE, VERIFIER, Site, answered, curl, serving

from cloudsealed.vocabulary import Role

SECOND = "https://app.example.com/other"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("oauth")) as running:
        yield running


@pytest.fixture
def app(site: Site) -> dict[str, Any]:
    return site.app()


@pytest.fixture
def public(site: Site) -> dict[str, Any]:
    return site.app(confidential=False)


@pytest.fixture
def tenant(site: Site) -> Site:
    """A tenant that no other test uses."""
    return site.tenant("New")


def refused(answer: httpx.Response, code: str, status: int = 400) -> None:
    body = answer.json()
    assert (answer.status_code, body["error"]) == (status, code), answer.text
    assert set(body) == {"error", "error_description", "request_id"}
    assert body["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("sent", [{}, {"redirect_uri": CALLBACK}])
def test_the_curl_of_the_contract_works_as_it_stands(site: Site, app: Any, sent: Any) -> None:
    code = site.browser().code(app, **sent)
    status, headers, body = curl(
        "-X",
        "POST",
        f"{site.url}/oauth/token",
        "-d",
        "grant_type=authorization_code",
        "-d",
        f"code={code}",
        "-d",
        f"client_id={app['client_id']}",
        "-d",
        f"client_secret={app['client_secret']}",
    )
    assert status == 200
    assert body["access_token"].startswith("csat_")
    assert body["refresh_token"].startswith("csrt_")
    assert (body["token_type"], body["expires_in"], body["scope"]) == (
        "Bearer",
        3600,
        "findings:read",
    )
    assert headers["cache-control"] == "no-store"  # RFC 6749, 5.1
    assert headers["x-ratelimit-resource"] == "oauth"
    status, _, page = curl(
        "-H", f"Authorization: Bearer {body['access_token']}", f"{site.url}/v1/findings"
    )
    assert (status, page["data"]) == (200, [])


def test_rfc6749_2_3_1_basic_and_post_work_and_two_methods_at_once_do_not(
    site: Site, app: Any
) -> None:
    basic = (app["client_id"], app["client_secret"])
    form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK}
    code = site.browser().code(app)
    secret = app["client_secret"]
    both = site.post("/oauth/token", auth=basic, client_secret=secret, code=code, **form)
    other = site.post("/oauth/token", auth=basic, client_id="csci_x", code=code, **form)
    refused(both, "invalid_request")
    refused(other, "invalid_request")
    assert site.post("/oauth/token", auth=basic, code=code, **form).status_code == 200


def test_rfc6749_5_2_invalid_client_is_401_the_same_for_unknown_and_wrong(
    site: Site, app: Any
) -> None:
    wrong = site.redeem({**app, "client_secret": "cscs_wrong"}, "x")
    unknown = site.redeem({**app, "client_id": "csci_unknown"}, "x")
    none = site.redeem({**app, "client_secret": None}, "x")
    nobody = site.post("/oauth/token", grant_type="authorization_code", code="x")
    bearer = httpx.post(
        f"{site.url}/oauth/token",
        headers={"Authorization": "Bearer x"},
        data={"code": "x"},
        trust_env=False,
    )
    for answer in (wrong, unknown, none, nobody, bearer):
        refused(answer, "invalid_client", 401)
        assert answer.headers["www-authenticate"].startswith("Basic")
    assert wrong.json()["error_description"] == unknown.json()["error_description"]


def test_rfc6749_5_2_a_public_client_with_a_secret_is_refused(site: Site, public: Any) -> None:
    refused(site.redeem({**public, "client_secret": "cscs_x"}, "x"), "invalid_client", 401)


def test_rfc6749_3_2_parameters_once_in_the_body_by_post_only(site: Site, app: Any) -> None:
    code = site.browser().code(app)
    secret = f"client_id={app['client_id']}&client_secret={app['client_secret']}"
    form = f"grant_type=authorization_code&code={code}&{secret}"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    twice = httpx.post(
        f"{site.url}/oauth/token", content=f"{form}&code={code}", headers=kind, trust_env=False
    )
    query = httpx.post(f"{site.url}/oauth/token?{form}", headers=kind, trust_env=False)
    get = httpx.get(f"{site.url}/oauth/token?{form}", trust_env=False)
    plain = httpx.post(f"{site.url}/oauth/token", json={"code": code}, trust_env=False)
    bad = httpx.post(f"{site.url}/oauth/token", content=b"a=%ff", headers=kind, trust_env=False)
    nul = httpx.post(f"{site.url}/oauth/token", content=b"a=%00", headers=kind, trust_env=False)
    for answer in (twice, query, bad, nul):
        refused(answer, "invalid_request")
    refused(get, "invalid_request", 405)
    assert get.headers["allow"] == "OPTIONS, POST"
    refused(plain, "invalid_request", 415)
    assert (
        httpx.post(
            f"{site.url}/oauth/token",
            content=f"{form}&unknown=1&redirect_uri=",
            headers=kind,
            trust_env=False,
        ).status_code
        == 200
    )


def test_rfc6749_5_2_grant_types(site: Site, app: Any) -> None:
    refused(site.redeem(app, "x", grant_type=None), "invalid_request")
    refused(site.redeem(app, ""), "invalid_request")
    refused(site.redeem(app, "x", grant_type="client_credentials"), "unauthorized_client")
    for kind in ("password", "implicit", "x"):
        refused(site.redeem(app, "x", grant_type=kind), "unsupported_grant_type")


def test_rfc6749_4_1_2_a_code_is_bound_to_its_client_and_a_stranger_does_not_burn_it(
    site: Site, app: Any
) -> None:
    code = site.browser().code(app)
    refused(site.redeem(site.app(), code), "invalid_grant")
    refused(site.redeem(app, code, redirect_uri=SECOND), "invalid_grant")
    refused(site.redeem(app, code, code_verifier=VERIFIER), "invalid_grant")
    refused(site.redeem(app, code[:-1] + ("y" if code.endswith("x") else "x")), "invalid_grant")
    assert site.redeem(app, code).status_code == 200


def test_rfc6749_4_1_2_a_codes_replay_revokes_what_it_gave(site: Site, app: Any) -> None:
    code = site.browser().code(app)
    tokens = site.redeem(app, code).json()
    assert site.works(tokens["access_token"])
    refused(site.redeem(app, code), "invalid_grant")
    assert not site.works(tokens["access_token"])
    refused(site.refresh(app, tokens["refresh_token"]), "invalid_grant")


def test_rfc6749_4_1_3_redirect_uri_must_be_given_where_nothing_else_binds(site: Site) -> None:
    app = site.app(redirect_uris=[CALLBACK, SECOND])
    browser = site.browser()
    bare = browser.code(app, redirect_uri=SECOND)
    refused(site.redeem(app, bare), "invalid_grant")
    refused(site.redeem(app, bare, redirect_uri=CALLBACK), "invalid_grant")
    assert site.redeem(app, bare, redirect_uri=SECOND).status_code == 200
    bound = browser.code(app, redirect_uri=SECOND, **PKCE)
    assert site.redeem(app, bound, code_verifier=VERIFIER).status_code == 200


def test_rfc6749_4_1_2_1_nothing_is_sent_to_an_unknown_app_or_redirect_uri(
    site: Site, app: Any
) -> None:
    browser = site.browser()
    many = site.app(redirect_uris=[CALLBACK, SECOND])
    pages = [
        browser.http.get("/oauth/authorize"),
        browser.authorize({"client_id": "csci_unknown"}),
        browser.authorize(many),
        browser.http.get("/oauth/authorize", params={"client_id": [app["client_id"], "x"]}),
        *(
            browser.authorize(app, redirect_uri=uri)
            for uri in (
                f"{CALLBACK}/",
                f"{CALLBACK}?x=1",
                CALLBACK.upper(),
                f"{CALLBACK}#",
                f"{CALLBACK}/..",
                "https://evil.example.com/",
                'https://"\\é.example.com',
                "javascript:alert(1)",
                "https://app.example.com:443/callback",
                "//app.example.com/callback",
                "\x00",
            )
        ),
    ]
    for page in pages:
        assert page.status_code == 400, page.text
        assert "location" not in page.headers
        assert page.headers["content-type"].startswith("text/html")
        assert "invalid_request" in page.text
        assert page.headers["x-request-id"] in page.text


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"response_type": ""}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"scope": "findings:fly"}, "invalid_scope"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"scope": " "}, "invalid_scope"),
        ({"resource": "https://elsewhere.example.com"}, "invalid_target"),
        ({"code_challenge": PKCE["code_challenge"]}, "invalid_request"),
        ({**PKCE, "code_challenge_method": "plain"}, "invalid_request"),
        ({**PKCE, "code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "S256"}, "invalid_request"),
    ],
)
def test_rfc6749_4_1_2_1_other_faults_are_redirected_with_state_and_iss(
    site: Site, app: Any, changes: Any, code: str
) -> None:
    state = "a b&c=d%éü+/"
    answer = site.browser(None).authorize(app, state=state, **changes)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{CALLBACK}?")
    found = answered(answer)
    assert (found["error"], found["state"], found["iss"]) == (code, state, site.url)


def test_rfc6749_3_1_a_repeated_parameter_is_redirected(site: Site, app: Any) -> None:
    query = {"response_type": "code", "client_id": app["client_id"], "state": ["a", "b"]}
    found = answered(site.browser(None).http.get("/oauth/authorize", params=query))
    assert found["error"] == "invalid_request"
    assert "state" not in found


def test_rfc9207_and_rfc6749_4_1_2_the_answer_has_code_state_and_iss(site: Site, app: Any) -> None:
    state = "a b&c=d%éü+/" + "x" * 500
    browser = site.browser()
    found = browser.decide(browser.authorize(app, state=state))
    assert found.keys() == {"code", "state", "iss"}
    assert (found["state"], found["iss"]) == (state, site.url)
    assert "state" not in browser.decide(browser.authorize(app))


def test_a_denied_request_is_access_denied(site: Site, app: Any) -> None:
    browser = site.browser()
    found = browser.decide(browser.authorize(app, state="s"), "deny")
    assert (found["error"], found["state"], found["iss"]) == ("access_denied", "s", site.url)


def test_rfc9700_2_1_1_pkce_is_required_of_public_clients_and_enforced(
    site: Site, public: Any
) -> None:
    browser = site.browser()
    assert answered(browser.authorize(public))["error"] == "invalid_request"
    for verifier in (None, VERIFIER[:-1] + "~", "x" * 43, PKCE["code_challenge"], "é" * 50):
        code = browser.code(public, **PKCE)
        refused(site.redeem(public, code, code_verifier=verifier), "invalid_grant")
        good = site.redeem(public, code, code_verifier=VERIFIER)
        assert good.status_code == 200, good.text


def test_rfc9700_4_8_pkce_cannot_be_downgraded(site: Site, app: Any) -> None:
    browser = site.browser()
    refused(site.redeem(app, browser.code(app, **PKCE)), "invalid_grant")
    refused(site.redeem(app, browser.code(app), code_verifier=VERIFIER), "invalid_grant")


def test_rfc8252_7_3_loopback_redirects_take_any_port(site: Site) -> None:
    registered = ["http://127.0.0.1/cb", "http://[::1]:80/cb", "com.example.app:/cb"]
    app = site.app(confidential=False, redirect_uris=registered)
    browser = site.browser()
    for uri in ("http://127.0.0.1:51004/cb", "http://[::1]:51004/cb", "com.example.app:/cb"):
        page = browser.authorize(app, redirect_uri=uri, **PKCE)
        answer = browser.submit(page, decision="allow")
        assert answer.headers["location"].startswith(f"{uri}?code=csac_")
        code = answered(answer)["code"]
        form = {"redirect_uri": uri, "code_verifier": VERIFIER}
        assert site.redeem(app, code, **form).status_code == 200
    for uri in (
        "http://127.0.0.1:51004/other",
        "http://localhost:51004/cb",
        "http://127.0.0.2/cb",
        "https://127.0.0.1/cb",
        "http://127.0.0.1:99999/cb",
        "http://u@127.0.0.1/cb",
    ):
        assert browser.authorize(app, redirect_uri=uri, **PKCE).status_code == 400, uri


def test_rfc9700_4_14_a_refresh_token_rotates_and_its_reuse_kills_the_family(
    site: Site, public: Any
) -> None:
    first = site.granted(public)
    second = site.refresh(public, first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert site.works(first["access_token"])
    assert site.works(second["access_token"])
    third = site.refresh(public, second["refresh_token"]).json()
    refused(site.refresh(public, first["refresh_token"]), "invalid_grant")
    for tokens in (first, second, third):
        assert not site.works(tokens["access_token"])
    refused(site.refresh(public, third["refresh_token"]), "invalid_grant")


def test_a_client_that_lost_the_answer_gets_the_same_and_no_other_client_does(
    site: Site, app: Any
) -> None:
    first = site.granted(app)
    given = site.refresh(app, first["refresh_token"]).json()
    again = site.refresh(app, first["refresh_token"]).json()
    assert {**again, "expires_in": 0} == {**given, "expires_in": 0}
    refused(site.refresh(site.app(), first["refresh_token"]), "invalid_grant")
    assert site.works(given["access_token"])
    assert site.refresh(app, given["refresh_token"]).status_code == 200


def test_rfc6749_6_a_refresh_may_narrow_scopes_but_never_widen_them(site: Site) -> None:
    app = site.app(scopes=["findings:read", "audits:write"])
    tokens = site.granted(app)
    assert tokens["scope"] == "findings:read audits:write"
    refused(site.refresh(app, tokens["refresh_token"], scope="policies:read"), "invalid_scope")
    narrow = site.refresh(app, tokens["refresh_token"], scope="audits:read").json()
    assert narrow["scope"] == "audits:read"
    with site.http(narrow["access_token"]) as http:
        assert http.get("/v1/audits").status_code == 200
        assert http.get("/v1/findings").status_code == 403
    wide = site.refresh(app, narrow["refresh_token"]).json()
    assert wide["scope"] == "findings:read audits:write"


def test_rfc6749_10_4_a_refresh_token_is_bound_to_its_client(site: Site, app: Any) -> None:
    tokens = site.granted(app)
    refused(site.refresh(site.app(), tokens["refresh_token"]), "invalid_grant")
    refused(site.refresh(app, tokens["access_token"]), "invalid_grant")
    assert site.refresh(app, tokens["refresh_token"]).status_code == 200


def test_rfc7009_revocation(site: Site, app: Any) -> None:
    def revoke(client: Any, token: str | None, **fields: str) -> httpx.Response:
        proof = {"client_id": client["client_id"], "client_secret": client["client_secret"]}
        return site.post("/oauth/revoke", **proof, token=token, **fields)

    tokens = site.granted(app)
    refused(revoke({**app, "client_secret": "x"}, tokens["access_token"]), "invalid_client", 401)
    refused(revoke(site.app(), tokens["access_token"]), "unauthorized_client")
    refused(revoke(app, None), "invalid_request")
    refused(revoke(app, site.browser().code(app)), "unsupported_token_type")
    assert site.works(tokens["access_token"])
    assert revoke(app, "csat_unknown").status_code == 200
    wrong_hint = revoke(app, tokens["access_token"], token_type_hint="refresh_token")
    assert (wrong_hint.status_code, wrong_hint.content) == (200, b"")
    assert not site.works(tokens["access_token"])
    again = site.refresh(app, tokens["refresh_token"]).json()
    assert revoke(app, again["refresh_token"], token_type_hint="x").status_code == 200
    assert not site.works(again["access_token"])
    assert revoke(app, again["refresh_token"]).status_code == 200


def test_rfc7662_introspection(site: Site, app: Any, public: Any) -> None:
    def ask(client: Any, token: str | None) -> httpx.Response:
        return site.post(
            "/oauth/introspect",
            client_id=client["client_id"],
            client_secret=client["client_secret"],
            token=token,
        )

    tokens = site.granted(app)
    found = ask(app, tokens["access_token"])
    assert found.headers["cache-control"] == "no-store"
    body = found.json()
    assert body["exp"] - body["iat"] == 3600
    assert abs(body["iat"] - time.time()) < 60
    expected = {
        "active": True,
        "client_id": app["client_id"],
        "scope": "findings:read",
        "token_type": "Bearer",
        "iss": site.url,
        "aud": site.url,
    }
    assert expected.items() <= body.items()
    assert body["sub"].startswith("usr_")
    assert ask(app, tokens["refresh_token"]).json()["active"] is True
    for token in ("x", "csat_x"):
        assert ask(app, token).json() == {"active": False}
    assert ask(site.app(), tokens["access_token"]).json() == {"active": False}
    refused(ask(public, tokens["access_token"]), "unauthorized_client")
    refused(ask({**app, "client_secret": "x"}, tokens["access_token"]), "invalid_client", 401)
    refused(ask(app, None), "invalid_request")
    site.refresh(app, tokens["refresh_token"])
    assert ask(app, tokens["refresh_token"]).json() == {"active": False}


def test_rfc8414_and_rfc9728_metadata(site: Site) -> None:
    found = httpx.get(f"{site.url}/.well-known/oauth-authorization-server", trust_env=False)
    assert found.headers["content-type"] == "application/json"
    server = found.json()
    assert server["issuer"] == site.url
    assert server["response_types_supported"] == ["code"]
    assert server["grant_types_supported"][:2] == ["authorization_code", "refresh_token"]
    assert server["code_challenge_methods_supported"] == ["S256"]
    assert server["authorization_response_iss_parameter_supported"] is True
    assert set(server["token_endpoint_auth_methods_supported"]) == {
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
        "none",
    }
    resource = httpx.get(f"{site.url}/.well-known/oauth-protected-resource", trust_env=False).json()
    assert resource["resource"] == site.url
    below = httpx.get(f"{site.url}/.well-known/oauth-protected-resource/v1", trust_env=False).json()
    assert below == {**resource, "resource": f"{site.url}/v1"}
    assert resource["authorization_servers"] == [site.url]
    assert resource["bearer_methods_supported"] == ["header"]
    challenge = httpx.get(f"{site.url}/v1/me", trust_env=False).headers["www-authenticate"]
    assert f'resource_metadata="{site.url}/.well-known/oauth-protected-resource"' in challenge


def test_rfc6750_3_an_access_token_is_a_bearer_token_and_nothing_else_is(
    site: Site, app: Any
) -> None:
    code = site.browser().code(app)
    tokens = site.redeem(app, code).json()
    with site.http(tokens["access_token"]) as http:
        assert http.get("/v1/findings").status_code == 200
        weak = http.get("/v1/policies")
        me = http.get("/v1/me").json()
    assert weak.status_code == 403
    assert 'error="insufficient_scope"' in weak.headers["www-authenticate"]
    assert 'scope="policies:read"' in weak.headers["www-authenticate"]
    assert me["scopes"] == ["findings:read"]
    assert me["token_id"].startswith("gra_")
    for text in (tokens["refresh_token"], code, app["client_secret"]):
        with site.http(text) as http:
            assert http.get("/v1/me").json()["error"]["code"] == "invalid_token"
    in_query = httpx.get(
        f"{site.url}/v1/me", params={"access_token": tokens["access_token"]}, trust_env=False
    )
    assert in_query.status_code == 401


def test_a_tokens_power_is_its_grant_within_the_users_role_now(site: Site) -> None:
    app = site.app(scopes=["admin"])
    viewer = site.granted(app, Role.VIEWER)
    assert "findings:read" in viewer["scope"].split()
    assert not {"admin", "policies:write"} & set(viewer["scope"].split())
    with site.http(viewer["access_token"]) as http:
        assert http.get("/v1/findings").status_code == 200
        assert http.post("/v1/policies", json={}).status_code == 403
    assert site.granted(app)["scope"] == "admin"


def test_an_app_of_a_tenant_cannot_be_granted_by_anothers_users(site: Site) -> None:
    browser, app = site.tenant("Other").browser(), site.app()
    page = browser.authorize(app)
    assert 'value="allow"' not in page.text
    assert browser.decide(page, "allow")["error"] == "access_denied"
    assert browser.decide(page, "deny")["error"] == "access_denied"


def test_an_app_for_the_installation_reads_only_the_granting_users_tenant(site: Site) -> None:
    other, app = site.tenant("Other"), site.app(audience="installation")
    page = other.browser().authorize(app)
    assert "another organisation" in page.text
    tokens = other.granted(app)
    with site.http(tokens["access_token"]) as http:
        assert http.get("/v1/me").json()["tenant"]["id"] == other.tenant_id
    with other.http() as http:
        listed = http.get("/v1/oauth/grants").json()["data"]
        assert [grant["client_id"] for grant in listed] == [app["client_id"]]
        assert http.get(f"/v1/oauth/apps/{app['id']}").status_code == 404
        assert http.get("/v1/oauth/apps").json()["data"] == []
    with site.http() as http:
        assert http.get(f"/v1/oauth/grants/{listed[0]['id']}").status_code == 404
        narrowed = http.patch(f"/v1/oauth/apps/{app['id']}", json={"audience": "tenant"})
        assert narrowed.json()["audience"] == "tenant"
    assert not site.works(tokens["access_token"])


def test_60_token_requests_a_minute_a_client_and_failures_spend_the_address(tmp_path: Any) -> None:
    with serving(tmp_path, roomy=False) as site:
        app, other = site.app(), site.app()
        for number in range(60):
            answer = site.redeem(app, "x")
            refused(answer, "invalid_grant")
            assert answer.headers["x-ratelimit-resource"] == "oauth"
            assert answer.headers["x-ratelimit-remaining"] == str(59 - number)
        over = site.redeem(app, "x")
        refused(over, "temporarily_unavailable", 429)
        assert 1 <= int(over.headers["retry-after"]) <= 60
        refused(site.redeem(other, "x"), "invalid_grant")
        for number in itertools.count(1):
            bad = site.redeem({**app, "client_secret": "x"}, "x")
            if bad.status_code == 429:
                break
            assert bad.headers["x-ratelimit-resource"] == "anonymous"
            assert number <= 60
        assert site.redeem(other, "x").status_code == 400


def test_no_secret_of_the_flow_is_stored_as_text(site: Site, app: Any) -> None:
    code = site.browser().code(app)
    tokens = site.redeem(app, code).json()
    texts = (code, tokens["access_token"], tokens["refresh_token"], app["client_secret"])
    for file in site.services.settings.sqlite_path.parent.glob("cloudsealed.db*"):
        content = file.read_bytes()
        assert not [text for text in texts if text.encode() in content]
