from __future__ import annotations

from typing import Any

import pytest

from cloudsealed.auth.sessions import CsrfFailedError, SessionService
from cloudsealed.vocabulary import Role


@pytest.fixture
def sessions(house: Any) -> SessionService:
    return SessionService(database=house.database, keys=house.keys, clock=house.time)


@pytest.fixture
def user(house: Any) -> Any:
    tenant = house.tenants.create(name="Acme")
    return house.users.create(tenant=tenant.id, email="ann@example.com", role=Role.VIEWER)


def test_a_session_ends_after_12_hours_unused_and_after_7_days_at_most(
    house: Any, sessions: SessionService, user: Any
) -> None:
    idle, used = sessions.open(user), sessions.open(user)
    house.time.pass_by(hours=11.9)
    assert sessions.find(used) is not None
    house.time.pass_by(hours=0.2)
    assert sessions.find(idle) is None
    for _ in range(14):
        assert sessions.find(used) is not None
        house.time.pass_by(hours=11)
    house.time.pass_by(hours=2)
    assert sessions.find(used) is None


def test_what_is_no_session_is_found_nowhere(sessions: SessionService, user: Any) -> None:
    good = sessions.open(user)
    found = sessions.find(good)
    assert found is not None
    assert found.user_id == user.id
    for text in ("", "x", sessions.fresh(), good[:-1] + "!", good + "x"):
        assert sessions.find(text) is None
    sessions.close(found)
    assert sessions.find(good) is None


def test_purging_drops_only_what_is_over(house: Any, sessions: SessionService, user: Any) -> None:
    old = sessions.open(user)
    house.time.pass_by(days=6.9)
    new = sessions.open(user)
    house.time.pass_by(days=0.2)
    sessions.purge()
    assert sessions.find(new) is not None
    house.time.pass_by(days=-0.2)
    assert sessions.find(old) is None


def test_a_form_token_is_of_one_secret_and_one_form(sessions: SessionService) -> None:
    secret, other = sessions.fresh(), sessions.fresh()
    token = sessions.form_token(secret, "/login")
    sessions.check_form(secret, "/login", token)
    for args in ((other, "/login", token), (secret, "/account", token), (secret, "/login", "é")):
        with pytest.raises(CsrfFailedError):
            sessions.check_form(*args)
