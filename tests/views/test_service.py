"""Views on both databases: who sees which, in one order, and what goes with a user."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from tests.waiting import SECONDS

from cloudsealed.api.v1.views import FORMS
from cloudsealed.auth.model import ROLE_SCOPES, Caller
from cloudsealed.policies.model import NameAlreadyExistsError
from cloudsealed.storage.database import Database
from cloudsealed.storage.filters import UnknownValueError
from cloudsealed.storage.schema import tenants
from cloudsealed.views.model import ViewNotFoundError
from cloudsealed.views.service import ViewService
from cloudsealed.vocabulary import Role, ViewOf

TENANT = "ten_a"


def caller(user: str, role: Role = Role.EDITOR, tenant: str = TENANT) -> Caller:
    return Caller(tenant, user, "tok_x", role, ROLE_SCOPES[role], "~")


ANN, BOB = caller("usr_ann"), caller("usr_bob")
STRANGER = caller("usr_ann", tenant="ten_b")


@pytest.fixture
def views(database: Database) -> ViewService:
    with database.write() as connection:
        for tenant in (TENANT, "ten_b"):
            row = {"tenant_id": tenant, "name": "x", "created_at": "2026-01-01T00:00:00.000Z"}
            connection.run(tenants.insert(), row)
    return ViewService(
        database=database,
        clock=lambda: datetime(2026, 1, 31, tzinfo=UTC),
        lists=dict.fromkeys(ViewOf, lambda **_asked: None),
    )


def save(views: ViewService, who: Caller, name: str, **changes: Any) -> str:
    body = {"name": name, "of": "findings", "query": {"severity": "high"}, **changes}
    return str(orjson.loads(views.create(caller=who, body=body, forms=FORMS))["id"])


def names(views: ViewService, who: Caller, **filters: tuple[str, ...]) -> list[str]:
    found, after = list[str](), None
    while True:
        page = views.list(caller=who, forms=FORMS, filters=filters, after=after, limit=2)
        found += [orjson.loads(item)["name"] for item in page.items]
        after = page.next
        if after is None:
            return found


def test_ones_own_and_the_shared_are_one_list_newest_first_whatever_the_pages(
    views: ViewService,
) -> None:
    for number in range(7):
        save(views, (ANN, BOB)[number % 2], f"{number}", shared=number % 3 == 0)
    assert names(views, ANN) == ["6", "4", "3", "2", "0"]
    assert names(views, BOB) == ["6", "5", "3", "1", "0"]
    assert names(views, BOB, shared=("false",)) == ["5", "1"]
    assert names(views, BOB, shared=("true", "false")) == names(views, BOB)
    assert names(views, STRANGER) == []


def test_nobody_gets_at_anothers_own(views: ViewService) -> None:
    ident = save(views, ANN, "hers")
    for who in (BOB, caller("usr_admin", Role.ADMIN), STRANGER):
        with pytest.raises(ViewNotFoundError):
            views.get(caller=who, ident=ident, forms=FORMS)
        with pytest.raises(ViewNotFoundError):
            views.update(caller=who, ident=ident, body={"name": "x"}, forms=FORMS)
        with pytest.raises(ViewNotFoundError):
            views.delete(caller=who, ident=ident)
    assert names(views, ANN) == ["hers"]


def test_with_a_user_go_the_views_that_they_alone_saw(views: ViewService) -> None:
    save(views, ANN, "hers")
    save(views, ANN, "of all", shared=True)
    save(views, BOB, "his")
    views.forget(tenant=TENANT, user="usr_ann")
    assert names(views, ANN) == ["of all"]
    assert names(views, BOB) == ["his", "of all"]


def test_of_many_who_take_a_name_at_once_one_gets_it(views: ViewService) -> None:
    gate = threading.Barrier(6)

    def taken(number: int) -> str | None:
        gate.wait(SECONDS)
        try:
            return save(views, (ANN, BOB)[number % 2], "The one", shared=True)
        except NameAlreadyExistsError:
            return None

    with ThreadPoolExecutor(6) as pool:
        made = [ident for ident in pool.map(taken, range(6)) if ident]
    assert len(made) == 1
    assert names(views, ANN) == ["The one"]


def test_what_a_list_took_is_asked_of_it_again_after_a_while(database: Database) -> None:
    now = [datetime(2026, 1, 31, tzinfo=UTC)]
    gone: list[str] = []

    def asked(**_said: Any) -> None:
        if gone:
            raise UnknownValueError("framework", gone[0], ())

    lists = dict.fromkeys(ViewOf, asked)
    views = ViewService(database=database, clock=lambda: now[0], lists=lists)
    ident = save(views, ANN, "CIS", query={"framework": "cis-aws-5.0"})
    plain = save(views, ANN, "plain", query={"region": "global"})

    def error(of: str) -> Any:
        return orjson.loads(views.get(caller=ANN, ident=of, forms=FORMS))["error"]

    gone.append("cis-aws-5.0")
    assert error(ident) is None
    now[0] += timedelta(minutes=11)
    assert error(ident)["code"] == "invalid_framework_filter"
    assert error(plain) is None
    gone.clear()
    assert error(ident) is None


def test_a_change_that_changes_nothing_is_none(views: ViewService) -> None:
    ident = save(views, ANN, "hers", columns=["where"])
    before = views.get(caller=ANN, ident=ident, forms=FORMS)
    same = {"name": "hers", "query": {"severity": ["high"]}, "columns": ["where"], "shared": False}
    assert views.update(caller=ANN, ident=ident, body=same, forms=FORMS) == before
