from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from cloudsealed.auth import authenticator, credential
from cloudsealed.auth.authenticator import Authenticator
from cloudsealed.auth.errors import (
    InsufficientRoleError,
    InvalidScopeError,
    InvalidTokenError,
    IpNotAllowedError,
    TokenExpiredError,
    TokenNotFoundError,
)
from cloudsealed.auth.model import ALL_SCOPES, Caller, Scope
from cloudsealed.auth.oauth.client_store import ClientStore
from cloudsealed.auth.oauth.grant_store import GrantStore
from cloudsealed.auth.token_store import TokenStore
from cloudsealed.kit.errors import InvalidFieldError
from cloudsealed.storage.keys import Key
from cloudsealed.vocabulary import Role


@pytest.fixture
def enter(house: Any) -> Any:
    """Makes a user and returns their caller."""
    tenant = house.tenants.create(name="Acme").id

    def enter(role: Role = Role.ADMIN, scopes: frozenset[Scope] = ALL_SCOPES, **kw: Any) -> Caller:
        email = f"{len(house.tokens.__dict__)}{role}{id(kw)}@example.com"
        user = house.users.create(tenant=tenant, email=email, role=role)
        made = house.tokens.issue(tenant=tenant, user_id=user.id, name="x", scopes=scopes, **kw)
        return house.tokens.authenticator.authenticate(made.text, "192.0.2.1")

    return enter


def _create(house: Any, caller: Caller, **body: Any) -> dict[str, Any]:
    given = {"name": "ci", "scopes": ["findings:read"], **body}
    return orjson.loads(house.tokens.create(caller=caller, body=given))


def test_what_is_stored_is_a_digest_under_the_servers_key(house: Any, enter: Any) -> None:
    text = _create(house, enter())["token"]
    with house.database.read() as connection:
        rows = connection._raw.execute("SELECT * FROM tokens").fetchall()
    assert credential.digest(text, house.keys.current("tokens")) in {row[4] for row in rows}
    assert not any(text in str(value) for row in rows for value in row)


def test_a_token_expires_after_90_days_unless_it_says_otherwise(house: Any, enter: Any) -> None:
    text = _create(house, enter())["token"]
    ticks = [0.0]
    cached = Authenticator(
        store=TokenStore(house.database),
        grants=GrantStore(house.database),
        clients=ClientStore(house.database),
        keys=house.keys,
        clock=house.time,
        ticks=lambda: ticks[0],
    )
    house.time.pass_by(days=90, seconds=-0.2)
    cached.authenticate(text, "192.0.2.1")
    ticks[0] = 0.19
    cached.authenticate(text, "192.0.2.1")
    ticks[0] = 0.2  # what is cached does not outlive the token
    house.time.pass_by(seconds=0.2)
    with pytest.raises(TokenExpiredError):
        cached.authenticate(text, "192.0.2.1")


def test_who_may_not_come_from_one_address_is_not_cached_for_another(
    house: Any, enter: Any
) -> None:
    text = _create(house, enter(), allowed_cidrs=["192.0.2.0/24"])["token"]
    authenticate = house.tokens.authenticator.authenticate
    for _ in range(2):
        assert authenticate(text, "192.0.2.9").ip == "192.0.2.9"
        with pytest.raises(IpNotAllowedError):
            authenticate(text, "198.51.100.1")


@pytest.mark.parametrize("moment", ["2026-01-31T09:30:00Z", "2027-02-01T00:00:00Z", "soon"])
def test_an_expiry_is_in_the_future_and_within_the_longest_life(
    house: Any, enter: Any, moment: str
) -> None:
    with pytest.raises(InvalidFieldError, match="expires_at"):
        _create(house, enter(), expires_at=moment)


def test_the_cache_holds_half_a_second_and_no_miss(house: Any, enter: Any) -> None:
    ticks = [0.0]
    store = TokenStore(house.database)
    grants = GrantStore(house.database)
    cached = Authenticator(
        store=store,
        grants=grants,
        clients=ClientStore(house.database),
        keys=house.keys,
        clock=house.time,
        ticks=lambda: ticks[0],
    )
    caller = enter()
    made = _create(house, caller)
    where = "192.0.2.1"
    cached.authenticate(made["token"], where)
    house.other_process().revoke(caller=caller, ident=made["id"])
    ticks[0] = authenticator.CACHE_SECONDS - 0.01
    assert cached.is_cached(made["token"], where)
    cached.authenticate(made["token"], where)
    ticks[0] = authenticator.CACHE_SECONDS
    assert not cached.is_cached(made["token"], where)
    with pytest.raises(InvalidTokenError):
        cached.authenticate(made["token"], where)
    unknown = credential.mint()
    with pytest.raises(InvalidTokenError):
        cached.authenticate(unknown, where)
    assert not cached.is_cached(unknown, where)


def test_the_cache_is_bounded(house: Any, enter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authenticator, "_CACHE_ENTRIES", 2)
    caller = enter()
    texts = [_create(house, caller)["token"] for _ in range(3)]
    fresh = house.other_process().authenticator
    for text in texts:
        fresh.authenticate(text, "192.0.2.1")
    assert [fresh.is_cached(text, "192.0.2.1") for text in texts] == [False, True, True]


def test_a_token_made_under_the_previous_key_still_works(house: Any, enter: Any) -> None:
    text = _create(house, enter())["token"]
    keys = {**house.keys.keys}
    keys["tokens"] = (Key("tokens-new", b"n" * 32), *keys["tokens"])
    rotated = house.other_process(replace(house.keys, keys=keys))
    assert rotated.authenticator.authenticate(text, "192.0.2.1").scopes
    keys["tokens"] = keys["tokens"][:1]
    forgotten = house.other_process(replace(house.keys, keys=keys))
    with pytest.raises(InvalidTokenError):
        forgotten.authenticator.authenticate(text, "192.0.2.1")


def test_a_role_taken_away_takes_its_power_from_tokens(house: Any, enter: Any) -> None:
    caller = enter()
    made = _create(house, caller, scopes=["policies:write"])
    with house.database.write() as connection:
        connection._raw.execute("UPDATE users SET role = 'viewer'")
    now = house.other_process().authenticator.authenticate(made["token"], "192.0.2.1")
    assert now.scopes == {Scope.POLICIES_READ}
    with house.database.write() as connection:
        connection._raw.execute("UPDATE users SET disabled_at = '2026-01-01T00:00:00.000Z'")
    with pytest.raises(InvalidTokenError):
        house.other_process().authenticator.authenticate(made["token"], "192.0.2.1")


def test_networks_are_inherited_and_never_widened(house: Any, enter: Any) -> None:
    caller = enter(allowed_cidrs=("192.0.2.0/24",))
    assert _create(house, caller)["allowed_cidrs"] == ["192.0.2.0/24"]
    narrow = _create(house, caller, allowed_cidrs=["192.0.2.8/29"])
    assert narrow["allowed_cidrs"] == ["192.0.2.8/29"]
    for wider in ("192.0.0.0/16", "2001:db8::/32", "nowhere"):
        with pytest.raises(InvalidFieldError):
            _create(house, caller, allowed_cidrs=[wider])
    with pytest.raises(IpNotAllowedError):
        house.tokens.authenticator.authenticate(narrow["token"], "192.0.2.1")


def test_only_an_admin_changes_anothers_token(house: Any, enter: Any) -> None:
    admin, auditor, viewer = enter(), enter(Role.AUDITOR), enter(Role.VIEWER)
    theirs = _create(house, admin)["id"]
    assert orjson.loads(house.tokens.get(caller=auditor, ident=theirs))["id"] == theirs
    with pytest.raises(InsufficientRoleError):
        house.tokens.revoke(caller=auditor, ident=theirs)
    with pytest.raises(TokenNotFoundError):
        house.tokens.revoke(caller=viewer, ident=theirs)
    mine = _create(house, viewer)["id"]
    house.tokens.revoke(caller=admin, ident=mine)
    with pytest.raises(TokenNotFoundError):
        house.tokens.get(caller=viewer, ident=mine)


def test_rotation_keeps_power_and_length_of_life_and_never_prolongs_the_old(
    house: Any, enter: Any
) -> None:
    caller = enter()
    old = _create(house, caller, expires_at="2026-02-10T09:30:00Z")
    house.time.pass_by(days=9, hours=23)
    body = {"overlap_seconds": 86400}
    new = orjson.loads(house.tokens.rotate(caller=caller, ident=old["id"], body=body))
    assert new["expires_at"] == "2026-02-20T08:30:00.000Z"
    kept = orjson.loads(house.tokens.get(caller=caller, ident=old["id"]))
    assert kept["expires_at"] == "2026-02-10T09:30:00.000Z"
    for overlap in (-1, 86401, True, 1.5, "1"):
        with pytest.raises(InvalidFieldError):
            house.tokens.rotate(caller=caller, ident=new["id"], body={"overlap_seconds": overlap})


def test_a_weaker_token_cannot_rotate_a_stronger_one(house: Any, enter: Any) -> None:
    strong = enter()
    ident = _create(house, strong, scopes=["admin"])["id"]
    weak = replace(strong, scopes=frozenset({Scope.TOKENS_WRITE}))
    with pytest.raises(InvalidScopeError):
        house.tokens.rotate(caller=weak, ident=ident, body=None)
