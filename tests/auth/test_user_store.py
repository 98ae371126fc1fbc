"""Rows of users, on SQLite and on PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from cloudsealed.auth.errors import EmailTakenError
from cloudsealed.auth.user_store import User, UserStore
from cloudsealed.kit.ids import new_id
from cloudsealed.storage.database import Database
from cloudsealed.vocabulary import Role

NOW = "2026-01-31T09:30:00.000Z"


def user(**changes: object) -> User:
    values = {
        "tenant_id": "ten_a",
        "id": new_id("usr"),
        "email": "ann@example.com",
        "name": "Ann",
        "role": Role.ADMIN,
        "created_at": NOW,
    }
    return User(**{**values, **changes})  # type: ignore[arg-type]  # by name


def test_of_many_users_with_one_address_one_is_added(database: Database) -> None:
    store = UserStore(database)

    def add(tenant: str) -> bool:
        try:
            with database.write() as connection:
                store.insert(connection, user(tenant_id=tenant))
        except EmailTakenError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(add, (f"ten_{n}" for n in range(8))))
    assert sum(added) == 1


def test_an_invitation_is_found_by_its_digest_and_accepted_once(database: Database) -> None:
    store, ann = UserStore(database), user()
    with database.write() as connection:
        store.insert(connection, ann)
        store.invite(connection, ann, digest="d", until=NOW)
    assert store.by_invitation("d") is not None
    with database.write() as connection:
        assert store.accept(connection, ann, digest="d", password_hash="h")
        assert not store.accept(connection, ann, digest="d", password_hash="other")
    found = store.get(tenant="ten_a", ident=ann.id)
    assert (found.password_hash, found.invitation_expires_at) == ("h", None)
    assert store.by_invitation("d") is None


def test_another_admin_is_one_of_the_tenant_who_can_log_in(database: Database) -> None:
    store, ann = UserStore(database), user(password_hash="h")
    others = (
        user(email="a@example.com", tenant_id="ten_b", password_hash="h"),
        user(email="b@example.com", role=Role.EDITOR, password_hash="h"),
        user(email="c@example.com", disabled_at=NOW, password_hash="h"),
        user(email="d@example.com"),
    )
    with database.write() as connection:
        for one in (ann, *others):
            store.insert(connection, one)
        assert not store.has_other_admin(connection, ann)
        store.insert(connection, user(email="e@example.com", password_hash="h"))
        assert store.has_other_admin(connection, ann)
