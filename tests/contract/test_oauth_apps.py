"""OAuth apps and grants over the API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.auth.oauth.party import CALLBACK, Site, serving
from tests.contract.test_oauth import refused

from cloudsealed.vocabulary import Role


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("oauth")) as running:
        yield running


@pytest.fixture
def public(site: Site) -> dict[str, Any]:
    return site.app(confidential=False)


@pytest.fixture
def tenant(site: Site) -> Site:
    """A tenant that no other test uses."""
    return site.tenant("New")


def test_apps_are_made_read_changed_rotated_and_deleted(site: Site) -> None:
    with site.http() as http:
        made = http.post(
            "/v1/oauth/apps",
            json={"name": "A", "redirect_uris": [CALLBACK], "scopes": ["findings:read"]},
            headers={"Idempotency-Key": "one"},
        )
        app = made.json()
        path = f"/v1/oauth/apps/{app['id']}"
        assert made.headers["location"] == site.url + path
        assert app["client_secret"].startswith("cscs_")
        again = http.post(
            "/v1/oauth/apps",
            json={"name": "A", "redirect_uris": [CALLBACK], "scopes": ["findings:read"]},
            headers={"Idempotency-Key": "one"},
        )
        assert again.json()["client_secret"] is None
        kept = http.get(path)
        assert "client_secret" not in kept.json()
        tokens = site.granted(app)
        stale = http.patch(path, json={"name": "B"}, headers={"If-Match": '"x"'})
        assert stale.status_code == 412
        etag = {"If-Match": kept.headers["etag"]}
        changed = http.patch(path, json={"name": "B", "scopes": ["audits:read"]}, headers=etag)
        assert changed.json()["name"] == "B"
        assert http.get(path).json()["redirect_uris"] == [CALLBACK]
        with site.http(tokens["access_token"]) as weak:
            assert weak.get("/v1/findings").status_code == 403  # fewer scopes hold at once
        new = http.post(f"{path}/rotate", json={"overlap_seconds": 60})
        assert new.headers["location"] == site.url + path
        fresh = new.json()
        assert site.refresh(app, tokens["refresh_token"]).status_code == 200
        assert http.post(f"{path}/rotate").status_code == 201
        refused(site.redeem(app, "x"), "invalid_client", 401)
        refused(site.redeem(fresh, "x"), "invalid_client", 401)
        assert http.delete(path).status_code == 204
        assert http.get(path).json()["error"]["code"] == "app_not_found"
    assert not site.works(tokens["access_token"])
    refused(site.redeem(app, "x"), "invalid_client", 401)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"redirect_uris": []}, "invalid_field"),
        ({"redirect_uris": None}, "missing_field"),
        ({"redirect_uris": [f"https://x.example.com/{n}" for n in range(21)]}, "invalid_field"),
        *(
            ({"redirect_uris": [uri]}, "invalid_field")
            for uri in (
                "http://app.example.com/",
                "https://*.example.com/",
                "https://a.example.com/#x",
                "https://u:p@a.example.com/",
                "javascript:alert(1)",
                "data:text/html,x",
                "/cb",
                "https:///x",
                "https://a.example.com/\n",
                "urn:x",
                "https://a b.example.com",
                "https://a.example.com:x/",
                "https://é.example.com/",
                "file:///etc/passwd",
            )
        ),
        ({"scopes": ["findings:fly"]}, "invalid_scope"),
        ({"scopes": []}, "invalid_field"),
        ({"audience": "world"}, "invalid_field"),
        ({"confidential": "yes"}, "invalid_field"),
        ({"client_id": "mine"}, "unknown_field"),
        ({"name": ""}, "invalid_field"),
    ],
)
def test_an_app_that_cannot_be_is_422(site: Site, change: Any, code: str) -> None:
    body = {"name": "A", "redirect_uris": [CALLBACK], "scopes": ["findings:read"], **change}
    with site.http() as http:
        answer = http.post("/v1/oauth/apps", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)


def test_a_public_app_has_no_secret_to_rotate(site: Site, public: Any) -> None:
    assert public["client_secret"] is None
    with site.http() as http:
        answer = http.post(f"/v1/oauth/apps/{public['id']}/rotate")
    assert answer.json()["error"]["code"] == "invalid_field"


def test_grants_are_seen_and_ended_by_their_user_and_by_admins(tenant: Site) -> None:
    site = tenant
    app = site.app()
    tokens = site.granted(app, Role.VIEWER)
    admins = site.granted(app)
    with site.http(role=Role.VIEWER) as viewer, site.http() as admin:
        own = viewer.get("/v1/oauth/grants").json()["data"]
        assert [grant["client_id"] for grant in own] == [app["client_id"]]
        assert own[0]["scopes"] == ["findings:read"]
        seen = admin.get("/v1/oauth/grants").json()["data"]
        others = [g for g in seen if g["user_id"] != own[0]["user_id"]]
        path = f"/v1/oauth/grants/{others[0]['id']}"
        assert viewer.get(path).json()["error"]["code"] == "grant_not_found"
        assert viewer.delete(path).status_code == 404
        assert viewer.delete(f"/v1/oauth/grants/{own[0]['id']}").status_code == 204
        assert viewer.get("/v1/oauth/grants").json()["data"] == []
        assert not site.works(tokens["access_token"])
        assert site.works(admins["access_token"])
        with site.http(role=Role.AUDITOR) as auditor:
            refusal = auditor.delete(path)
        assert refusal.json()["error"]["code"] == "insufficient_role"
        assert admin.delete(path).status_code == 204
    assert not site.works(admins["access_token"])


def test_a_user_has_one_grant_of_an_app_with_the_scopes_of_the_last_consent(site: Site) -> None:
    app = site.app(scopes=["findings:read", "audits:read", "policies:read"])

    def consent(scope: str) -> Any:
        answer = site.redeem(app, site.browser().code(app, scope=scope))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def reads(tokens: Any, path: str) -> int:
        with site.http(tokens["access_token"]) as http:
            return http.get(path).status_code

    wide = consent("findings:read audits:read")
    other = consent("findings:read audits:read")
    with site.http() as http:
        me = http.get("/v1/me").json()["user"]["id"]

        def grants() -> list[Any]:
            listed = http.get("/v1/oauth/grants", params={"user": me}).json()["data"]
            return [each for each in listed if each["client_id"] == app["client_id"]]

        (before,) = grants()
        narrow = consent("findings:read policies:read")
        (after,) = grants()
        assert (after["id"], after["created_at"]) == (before["id"], before["created_at"])
        assert after["scopes"] == ["findings:read", "policies:read"]
        assert reads(wide, "/v1/findings") == reads(narrow, "/v1/findings") == 200
        assert reads(narrow, "/v1/policies") == 200
        assert reads(wide, "/v1/audits") == 403  # no longer granted
        assert reads(wide, "/v1/policies") == 403  # never granted to who has this token
        assert site.refresh(app, wide["refresh_token"]).json()["scope"] == "findings:read"

        code = site.browser().code(app)  # a family of its own, ended by its replay
        lost = site.redeem(app, code).json()
        assert site.redeem(app, code).status_code == 400
        assert not site.works(lost["access_token"])
        assert site.works(other["access_token"])
        assert len(grants()) == 1
        assert http.delete(f"/v1/oauth/grants/{before['id']}").status_code == 204
        assert grants() == []
    for tokens in (wide, other, narrow):
        assert not site.works(tokens["access_token"])
        assert site.refresh(app, tokens["refresh_token"]).status_code == 400
    assert site.works(consent("findings:read")["access_token"])
    assert not site.works(other["access_token"])  # a new consent brings nothing back


def test_a_grant_that_is_ended_ends_the_codes_that_were_given_for_it(site: Site) -> None:
    app = site.app()
    site.granted(app)
    code = site.browser().code(app)
    with site.http() as http:
        (grant,) = [
            each
            for each in http.get("/v1/oauth/grants", params={"limit": 200}).json()["data"]
            if each["client_id"] == app["client_id"]
        ]
        assert http.delete(f"/v1/oauth/grants/{grant['id']}").status_code == 204
    assert site.redeem(app, code).status_code == 400


def test_an_apps_owner_sees_in_which_tenants_it_is_granted_and_not_by_whom(site: Site) -> None:
    app = site.app(audience="installation")
    path = f"/v1/oauth/apps/{app['id']}/installations"
    others = [site.tenant("Other"), site.tenant("Third")]
    with site.http() as http:
        assert http.get(path).json()["data"] == []
        for other, roles in zip(others, ((Role.ADMIN, Role.VIEWER), (Role.ADMIN,)), strict=True):
            for role in roles:
                for _ in range(2):
                    other.granted(app, role)
        listed = http.get(path).json()["data"]
        assert [(each["tenant_id"], each["users"]) for each in listed] == [
            (others[0].tenant_id, 2),
            (others[1].tenant_id, 1),
        ]
        assert listed[0].keys() == {
            "object",
            "app_id",
            "tenant_id",
            "users",
            "created_at",
            "last_used_at",
        }
        first = http.get(path, params={"limit": 1}).json()
        last = http.get(path, params={"limit": 1, "cursor": first["next_cursor"]}).json()
        assert [*first["data"], *last["data"]] == listed
        assert last["next_cursor"] is None
    for other in others:
        with other.http() as http:
            assert http.get(path).json()["error"]["code"] == "app_not_found"
            (grant, *_rest) = http.get("/v1/oauth/grants").json()["data"]
            assert http.delete(f"/v1/oauth/grants/{grant['id']}").status_code == 204
    with site.http() as http:
        assert [each["users"] for each in http.get(path).json()["data"]] == [1]


def test_a_code_that_was_not_redeemed_is_no_grant_to_see(site: Site) -> None:
    role = Role.EDITOR
    site.browser(role).code(site.app())
    with site.http(role=role) as http:
        me = http.get("/v1/me").json()["user"]["id"]
        assert http.get("/v1/oauth/grants", params={"user": me}).json()["data"] == []
