from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import orjson
import pytest

from cloudsealed.auth.errors import (
    EmailTakenError,
    InvalidScopeError,
    InvalidTokenError,
    InvitationNotFoundError,
    TenantNotFoundError,
    UserNotFoundError,
)
from cloudsealed.auth.model import ALL_SCOPES, Caller, Scope
from cloudsealed.auth.user_store import User
from cloudsealed.events import EventStore
from cloudsealed.kit.errors import InvalidFieldError
from cloudsealed.kit.ids import new_id
from cloudsealed.vocabulary import Role

PASSWORD = "correct horse battery"


def test_an_address_is_unique_in_the_installation_whatever_its_case(house: Any) -> None:
    one, other = house.tenants.create(name="One"), house.tenants.create(name="Other")
    house.users.create(tenant=one.id, email="Ann@Example.com", role=Role.ADMIN)
    with pytest.raises(EmailTakenError):
        house.users.create(tenant=other.id, email="ann@example.com", role=Role.VIEWER)


@pytest.mark.parametrize("email", ["", "ann", "@example.com", "ann@", "a b@example.com", "a\n@b"])
def test_what_is_no_address_is_refused(house: Any, email: str) -> None:
    tenant = house.tenants.create(name="One")
    with pytest.raises(InvalidFieldError):
        house.users.create(tenant=tenant.id, email=email, role=Role.ADMIN)


def test_a_password_logs_in_and_is_stored_as_argon2id(house: Any, dear_passwords: None) -> None:
    tenant = house.tenants.create(name="One")
    user = house.users.create(
        tenant=tenant.id, email="ann@example.com", role=Role.ADMIN, password=PASSWORD
    )
    assert user.password_hash is not None
    assert user.password_hash.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    found = house.logins.log_in(email=" ANN@example.com", password=PASSWORD)
    assert found is not None
    assert found.id == user.id
    assert house.logins.log_in(email="ann@example.com", password=PASSWORD + "!") is None
    assert house.logins.log_in(email="bob@example.com", password=PASSWORD) is None


def test_a_user_without_a_password_cannot_log_in(house: Any) -> None:
    tenant = house.tenants.create(name="One")
    house.users.create(tenant=tenant.id, email="ann@example.com", role=Role.ADMIN)
    assert house.logins.log_in(email="ann@example.com", password="") is None


def test_a_short_password_is_refused(house: Any) -> None:
    tenant = house.tenants.create(name="One")
    with pytest.raises(InvalidFieldError, match="12 to 1024"):
        house.users.create(
            tenant=tenant.id, email="ann@example.com", role=Role.ADMIN, password="short"
        )


def test_the_first_tenant_is_made_once(house: Any) -> None:
    assert house.tenants.ensure(name="local") == house.tenants.ensure(name="other")
    assert [tenant.name for tenant in house.tenants.all()] == ["local"]


def test_an_admin_is_known_to_be_there(house: Any) -> None:
    tenant = house.tenants.create(name="One")
    house.users.create(tenant=tenant.id, email="viewer@example.com", role=Role.VIEWER)
    assert not house.users.has_admin()
    house.users.create(tenant=tenant.id, email="admin@example.com", role=Role.ADMIN)
    assert house.users.has_admin()


def test_a_user_of_another_tenant_is_not_found(house: Any) -> None:
    one, other = house.tenants.create(name="One"), house.tenants.create(name="Other")
    user = house.users.create(tenant=one.id, email="ann@example.com", role=Role.ADMIN)
    assert house.users.get(tenant=one.id, ident=user.id).email == "ann@example.com"
    with pytest.raises(UserNotFoundError):
        house.users.get(tenant=other.id, ident=user.id)
    with pytest.raises(TenantNotFoundError):
        house.tenants.get(tenant="ten_x")


@pytest.fixture
def admin(house: Any) -> Caller:
    tenant = house.tenants.create(name="Acme")
    user = house.users.create(
        tenant=tenant.id, email="root@example.com", role=Role.ADMIN, password=PASSWORD
    )
    return Caller(tenant.id, user.id, "tok_x", Role.ADMIN, ALL_SCOPES, "9999", ip="192.0.2.1")


def invited(house: Any, admin: Caller, role: str = "viewer") -> tuple[str, str]:
    """Invite somebody; return their id and the secret of the link."""
    body = {"email": f"{new_id('x')}@example.com", "role": role}
    made = orjson.loads(house.users.invite(caller=admin, body=body))
    return made["id"], made["invitation_url"].partition("?token=")[2]


def joined(house: Any, admin: Caller, role: str = "viewer") -> User:
    """Return a user who accepted an invitation."""
    _ident, text = invited(house, admin, role)
    user: User = house.logins.accept(text=text, name="Bo", password=PASSWORD, ip="192.0.2.9")
    return user


def status(house: Any, admin: Caller, ident: str) -> str:
    return str(house.users.get(tenant=admin.tenant_id, ident=ident).status)


def test_an_invited_user_chooses_a_password_once(house: Any, admin: Caller) -> None:
    ident, text = invited(house, admin)
    assert status(house, admin, ident) == "invited"
    assert house.logins.invited(text).id == ident
    user = house.logins.accept(text=text, name="Bo", password=PASSWORD, ip="192.0.2.9")
    assert status(house, admin, ident) == "active"
    assert house.logins.log_in(email=user.email, password=PASSWORD).name == "Bo"
    with pytest.raises(InvitationNotFoundError):
        house.logins.accept(text=text, name="Eve", password=PASSWORD, ip="")


def test_of_many_who_accept_one_invitation_one_wins(house: Any, admin: Caller) -> None:
    _ident, text = invited(house, admin)

    def accept(name: str) -> str | None:
        try:
            user = house.logins.accept(text=text, name=name, password=PASSWORD, ip="")
        except InvitationNotFoundError:
            return None
        return str(user.name)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(accept, "abcd"))
    assert sum(name is not None for name in found) == 1


def test_an_invitation_ends_after_a_week_and_by_the_next(house: Any, admin: Caller) -> None:
    ident, first = invited(house, admin)
    again = orjson.loads(house.users.invite_again(caller=admin, ident=ident))
    second = again["invitation_url"].partition("?token=")[2]
    for text in (first, "", "csin_x", second[:-1] + "!"):
        with pytest.raises(InvitationNotFoundError):
            house.logins.invited(text)
    house.time.pass_by(days=7, seconds=-1)
    assert house.logins.invited(second).id == ident
    house.time.pass_by(seconds=1)
    with pytest.raises(InvitationNotFoundError):
        house.logins.invited(second)


def test_a_link_for_a_new_password_ends_what_the_user_had(house: Any, admin: Caller) -> None:
    user = joined(house, admin)
    token = house.tokens.issue(
        tenant=user.tenant_id, user_id=user.id, name="x", scopes=frozenset({Scope.FINDINGS_READ})
    )
    again = orjson.loads(house.users.invite_again(caller=admin, ident=user.id))
    text = again["invitation_url"].partition("?token=")[2]
    assert house.logins.log_in(email=user.email, password=PASSWORD) is not None
    house.logins.accept(text=text, name="Bo", password="another " + PASSWORD, ip="")
    assert house.logins.log_in(email=user.email, password=PASSWORD) is None
    with pytest.raises(InvalidTokenError):
        house.tokens.authenticator.authenticate(token.text, "192.0.2.1")


def test_nobody_gives_a_role_beyond_their_credential(house: Any, admin: Caller) -> None:
    weak = replace(admin, scopes=frozenset({Scope.USERS_READ, Scope.USERS_WRITE}))
    body = {"email": "eve@example.com", "role": "admin"}
    with pytest.raises(InvalidScopeError) as refused:
        house.users.invite(caller=weak, body=body)
    assert refused.value.details[0]["field"] == "role"
    user = joined(house, admin)
    with pytest.raises(InvalidScopeError):
        house.users.change(caller=weak, ident=user.id, body={"role": "admin"})
    with pytest.raises(InvalidScopeError):
        house.users.invite_again(caller=weak, ident=admin.user_id)


def test_a_tenant_keeps_an_admin(house: Any, admin: Caller) -> None:
    for body in ({"role": "viewer"}, {"status": "disabled"}):
        with pytest.raises(InvalidFieldError, match="no other admin"):
            house.users.change(caller=admin, ident=admin.user_id, body=body)
    invited(house, admin, "admin")  # who has no password yet is none
    with pytest.raises(InvalidFieldError, match="no other admin"):
        house.users.remove(caller=admin, ident=admin.user_id)
    joined(house, admin, "admin")
    house.users.remove(caller=admin, ident=admin.user_id)
    with pytest.raises(UserNotFoundError):
        house.users.get(tenant=admin.tenant_id, ident=admin.user_id)


def test_a_disabled_user_is_let_in_no_more_until_enabled(house: Any, admin: Caller) -> None:
    user = joined(house, admin)
    token = house.tokens.issue(
        tenant=user.tenant_id, user_id=user.id, name="x", scopes=frozenset({Scope.FINDINGS_READ})
    )
    house.users.change(caller=admin, ident=user.id, body={"status": "disabled"})
    assert house.logins.log_in(email=user.email, password=PASSWORD) is None
    with pytest.raises(InvalidTokenError):
        house.tokens.authenticator.authenticate(token.text, "192.0.2.1")
    house.users.change(caller=admin, ident=user.id, body={"status": "active"})
    assert house.logins.log_in(email=user.email, password=PASSWORD) is not None
    assert house.tokens.authenticator.authenticate(token.text, "192.0.2.1")


def test_a_password_is_changed_by_who_knows_it(house: Any, admin: Caller) -> None:
    with pytest.raises(InvalidFieldError) as refused:
        house.logins.change_password(caller=admin, current="wrong " * 3, new="new " * 5)
    assert refused.value.details[0]["field"] == "current"
    house.logins.change_password(caller=admin, current=PASSWORD, new="new " * 5)
    assert house.logins.log_in(email="root@example.com", password=PASSWORD) is None
    assert house.logins.log_in(email="root@example.com", password="new " * 5) is not None


def test_what_happens_to_access_is_in_the_log_with_who_did_it(house: Any, admin: Caller) -> None:
    user = joined(house, admin)
    house.logins.record_failure(email=user.email, ip="192.0.2.66")
    house.logins.record_failure(email="nobody@example.com", ip="192.0.2.66")
    house.users.change(caller=admin, ident=user.id, body={"role": "editor"})
    house.users.change(caller=admin, ident=user.id, body={"role": "editor"})  # changes nothing
    house.users.remove(caller=admin, ident=user.id)
    found = EventStore(house.database).list(tenant=admin.tenant_id, filters={"subject": (user.id,)})
    events = [orjson.loads(item) for item in reversed(found.items)]
    told = [(event["type"], event["data"]["actor"]) for event in events]
    by_admin = {"user_id": admin.user_id, "credential_id": "tok_x", "ip": "192.0.2.1"}
    by_user = {"user_id": user.id, "credential_id": None, "ip": "192.0.2.9"}
    by_nobody = {"user_id": None, "credential_id": None, "ip": "192.0.2.66"}
    assert told == [
        ("security.user_invited", by_admin),
        ("security.user_joined", by_user),
        ("security.login_failed", by_nobody),
        ("security.user_changed", by_admin),
        ("security.user_removed", by_admin),
    ]
    assert events[3]["data"]["changes"] == {"role": ["viewer", "editor"]}
