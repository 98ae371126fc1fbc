from __future__ import annotations

from typing import Any

import pytest

from cloudsealed.auth.errors import EmailTakenError, TenantNotFoundError, UserNotFoundError
from cloudsealed.kit.errors import InvalidFieldError
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


def test_a_password_logs_in_and_is_stored_as_argon2id(house: Any) -> None:
    tenant = house.tenants.create(name="One")
    user = house.users.create(
        tenant=tenant.id, email="ann@example.com", role=Role.ADMIN, password=PASSWORD
    )
    assert user.password_hash is not None
    assert user.password_hash.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    found = house.users.log_in(email=" ANN@example.com", password=PASSWORD)
    assert found is not None
    assert found.id == user.id
    assert house.users.log_in(email="ann@example.com", password=PASSWORD + "!") is None
    assert house.users.log_in(email="bob@example.com", password=PASSWORD) is None


def test_a_user_without_a_password_cannot_log_in(house: Any) -> None:
    tenant = house.tenants.create(name="One")
    house.users.create(tenant=tenant.id, email="ann@example.com", role=Role.ADMIN)
    assert house.users.log_in(email="ann@example.com", password="") is None


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
