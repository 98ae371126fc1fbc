"""Lifetimes and endings, with a clock that the test sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson
import pytest

from cloudsealed.auth.errors import InvalidTokenError, TokenExpiredError
from cloudsealed.auth.model import Caller
from cloudsealed.auth.oauth.apps import AppService, GrantService
from cloudsealed.auth.oauth.errors import InvalidGrantError, OAuthError
from cloudsealed.auth.oauth.parameters import Parameters
from cloudsealed.auth.oauth.server import AuthorizationServer
from cloudsealed.storage.keys import Key, KeyRing
from cloudsealed.vocabulary import Role


@dataclass
class Flow:
    house: Any
    server: AuthorizationServer
    user_caller: Caller
    app: dict[str, Any]

    def code(self, scope: str = "findings:read") -> str:
        asked = {"response_type": "code", "client_id": self.app["client_id"], "scope": scope}
        query = urlencode(asked)
        location = self.server.allow(self.server.ask(query.encode()), self.user_caller)
        return parse_qs(urlsplit(location).query)["code"][0]

    def ask(self, **fields: str) -> dict[str, Any]:
        proof = {"client_id": self.app["client_id"], "client_secret": self.app["client_secret"]}
        given = Parameters({**proof, **fields})
        return dict(self.server.token(self.server.authenticate(given, None), given))

    def redeem(self, code: str) -> dict[str, Any]:
        return self.ask(grant_type="authorization_code", code=code)

    def refresh(self, token: str) -> dict[str, Any]:
        return self.ask(grant_type="refresh_token", refresh_token=token)

    def caller(self, token: str) -> Caller:
        authenticator = self.house.tokens.authenticator
        authenticator.forget()
        found: Caller = authenticator.authenticate(token, "127.0.0.1")
        return found


@pytest.fixture
def flow(house: Any) -> Flow:
    tenant = house.tenants.create(name="Acme")
    user = house.users.create(tenant=tenant.id, email="ann@example.com", role=Role.ADMIN)
    shared = {
        "database": house.database,
        "keys": house.keys,
        "clock": house.time,
        "authenticator": house.tokens.authenticator,
    }
    caller = Caller(tenant.id, user.id, "tok_x", Role.ADMIN, frozenset(), "")
    body = {
        "name": "A",
        "redirect_uris": ["https://a.example.com/"],
        "scopes": ["findings:read", "audits:read"],
    }
    app = orjson.loads(AppService(**shared).create(caller=caller, body=body))
    server = AuthorizationServer(**shared, issuer="https://cs.example.com/")
    return Flow(house, server, caller, app)


def test_a_code_lives_60_seconds(flow: Flow) -> None:
    late, timely = flow.code(), flow.code()
    flow.house.time.pass_by(seconds=59.9)
    assert flow.redeem(timely)["expires_in"] == 3600
    flow.house.time.pass_by(seconds=0.1)
    with pytest.raises(InvalidGrantError):
        flow.redeem(late)


def test_an_access_token_lives_an_hour(flow: Flow) -> None:
    token = flow.redeem(flow.code())["access_token"]
    flow.house.time.pass_by(seconds=3599)
    assert flow.caller(token).user_id == flow.user_caller.user_id
    flow.house.time.pass_by(seconds=1)
    with pytest.raises(TokenExpiredError):
        flow.caller(token)


def test_a_refresh_token_lives_30_days_and_its_grant_90(flow: Flow) -> None:
    token = flow.redeem(flow.code())["refresh_token"]
    for _ in range(3):
        flow.house.time.pass_by(days=29.9)
        token = flow.refresh(token)["refresh_token"]
    flow.house.time.pass_by(days=0.4)
    with pytest.raises(InvalidGrantError):
        flow.refresh(token)
    idle = flow.redeem(flow.code())["refresh_token"]
    flow.house.time.pass_by(days=30)
    with pytest.raises(InvalidGrantError):
        flow.refresh(idle)


def test_tokens_never_outlive_their_grant_and_say_so(flow: Flow) -> None:
    token = flow.redeem(flow.code())["refresh_token"]
    for _ in range(3):
        flow.house.time.pass_by(days=29.99)
        last = flow.refresh(token)
        token = last["refresh_token"]
    assert last["expires_in"] == 0.03 * 86400
    flow.house.time.pass_by(minutes=43)
    assert flow.caller(last["access_token"])
    flow.house.time.pass_by(minutes=1)
    with pytest.raises(TokenExpiredError):
        flow.caller(last["access_token"])


def test_a_refresh_repeated_within_ten_seconds_has_the_same_answer_and_later_ends_the_family(
    flow: Flow,
) -> None:
    first = flow.redeem(flow.code())["refresh_token"]
    given = flow.refresh(first)
    assert flow.refresh(first) == given
    flow.house.time.pass_by(seconds=10)
    assert flow.refresh(first) == {**given, "expires_in": 3590}
    assert flow.caller(given["access_token"])
    flow.house.time.pass_by(seconds=0.001)
    with pytest.raises(InvalidGrantError, match="revoked"):
        flow.refresh(first)
    with pytest.raises(InvalidTokenError):
        flow.caller(given["access_token"])
    with pytest.raises(InvalidGrantError):
        flow.refresh(given["refresh_token"])


def test_a_refresh_is_not_repeated_once_its_successor_was_used(flow: Flow) -> None:
    first = flow.redeem(flow.code())["refresh_token"]
    given = flow.refresh(first)
    last = flow.refresh(given["refresh_token"])
    with pytest.raises(InvalidGrantError, match="revoked"):
        flow.refresh(first)
    with pytest.raises(InvalidTokenError):
        flow.caller(last["access_token"])


def test_a_refresh_is_repeated_under_the_key_that_made_it(flow: Flow) -> None:
    first = flow.redeem(flow.code())["refresh_token"]
    given = flow.refresh(first)
    keys = flow.house.keys
    newer = KeyRing({**keys.keys, "tokens": (Key("new", b"n" * 32), *keys.all("tokens"))})
    flow.server = AuthorizationServer(
        database=flow.house.database,
        keys=newer,
        clock=flow.house.time,
        issuer="https://cs.example.com/",
        authenticator=flow.house.tokens.authenticator,
    )
    assert flow.refresh(first) == given
    assert flow.refresh(given["refresh_token"])["refresh_token"] != given["refresh_token"]


def test_the_grant_has_the_scopes_of_the_last_consent_whichever_code_is_redeemed_last(
    flow: Flow,
) -> None:
    wide, narrow = flow.code("findings:read audits:read"), flow.code("findings:read")
    tokens = flow.redeem(narrow)
    assert tokens["scope"] == "findings:read"
    assert flow.redeem(wide)["scope"] == "findings:read"


def test_purging_keeps_what_is_in_force(flow: Flow) -> None:
    kept = flow.redeem(flow.code())
    flow.code()
    flow.house.time.pass_by(days=2)
    flow.server.purge()
    tokens = flow.refresh(kept["refresh_token"])
    assert flow.caller(tokens["access_token"]).token_id.startswith("gra_")
    flow.house.time.pass_by(days=120)
    flow.server.purge()
    with pytest.raises(OAuthError):
        flow.refresh(tokens["refresh_token"])
    with pytest.raises(InvalidTokenError):
        flow.caller(tokens["access_token"])


def test_the_last_use_of_a_grant_is_written(flow: Flow) -> None:
    flow.caller(flow.redeem(flow.code())["access_token"])
    flow.house.tokens.authenticator.flush()
    grants = GrantService(
        database=flow.house.database,
        clock=flow.house.time,
        authenticator=flow.house.tokens.authenticator,
    )
    (grant,) = grants.of_user(tenant=flow.user_caller.tenant_id, user_id=flow.user_caller.user_id)
    assert grant.last_used_ip == "127.0.0.1"
    assert grant.last_used_at == "2026-01-31T09:30:00.000Z"
