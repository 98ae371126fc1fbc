"""What one does with saved views: list, save, change, share and delete them.

One's own are nobody else's to see. What is shared is the tenant's: its editors and admins change
and delete it, whoever saved it, and it stays when that user is removed.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import orjson

from cloudsealed.auth.errors import InsufficientRoleError
from cloudsealed.auth.model import Caller
from cloudsealed.kit.clock import Clock, rfc3339
from cloudsealed.kit.cursor import Position
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.kit.ids import new_id
from cloudsealed.kit.shapes import read_body, refuse
from cloudsealed.policies.model import NameAlreadyExistsError, QuotaExceededError
from cloudsealed.storage.database import Connection, Database, ReadDeadlineError
from cloudsealed.storage.filters import FilterValueError
from cloudsealed.storage.keyset import Page
from cloudsealed.storage.tenancy import turn
from cloudsealed.views.bodies import Forms, Query, refuse_long
from cloudsealed.views.model import MOST_OWN, MOST_SHARED, TENANT, View
from cloudsealed.views.store import ViewStore, decode
from cloudsealed.vocabulary import ViewOf

_SORT = "-id"
_TAKEN = timedelta(minutes=10)  # for which a list is believed to take what it took
_MOST_TAKEN = 10_000


class List(Protocol):
    """A list's own use case: what it refuses, a view of it cannot say."""

    def __call__(self, *, tenant: str, filters: Query, sort: str, limit: int) -> object:
        """Return a page."""


class ViewService:
    """The use cases of views. `lists` are what views are of."""

    def __init__(self, *, database: Database, clock: Clock, lists: Mapping[ViewOf, List]) -> None:
        self._store = ViewStore(database)
        self._clock = clock
        self._lists = lists
        self._taken: dict[Hashable, datetime] = {}

    def list(
        self,
        *,
        caller: Caller,
        forms: Forms,
        filters: Mapping[str, tuple[str, ...]],
        sort: str = _SORT,
        after: Position | None = None,
        limit: int = 50,
        deadline: float | None = None,
    ) -> Page:
        """Return a page of the views that the caller sees."""
        rows = self._store.page(
            tenant=caller.tenant_id,
            filters=_seen(caller, filters),
            sort=sort,
            after=after,
            limit=limit,
            deadline=deadline,
        )
        found = [decode(row[2:]) for row in rows.rows]
        tenant = caller.tenant_id
        return Page([self._public(tenant, each, forms, deadline) for each in found], rows.next)

    def get(
        self, *, caller: Caller, ident: str, forms: Forms, deadline: float | None = None
    ) -> bytes:
        """Return one view; raises ViewNotFoundError."""
        found = self._store.get(
            tenant=caller.tenant_id, user=caller.user_id, ident=ident, deadline=deadline
        )
        return self._public(caller.tenant_id, found, forms, deadline)

    def create(self, *, caller: Caller, body: Any, forms: Forms) -> bytes:
        """Save a view of the caller's; raises what the list refuses, InsufficientRoleError,
        NameAlreadyExistsError and QuotaExceededError."""
        asked, now = read_body(forms.new, body), rfc3339(self._clock())
        item = View(
            id=new_id("viw"),
            **{**asked, "of": ViewOf(asked["of"]), "columns": _columns(asked)},
            owner_id=caller.user_id,
            created_at=now,
            updated_at=now,
        )
        if item.shared:
            _refuse_reader(caller)
        forms.refuse_group(item.of, item.group_by)
        item = replace(item, query=self._query(caller, item.of, item.query, forms))
        with turn(self._store.database, tenant=caller.tenant_id) as connection:
            self._refuse_full(connection, caller.tenant_id, item)
            self._store.insert(connection, tenant=caller.tenant_id, item=item)
        return self._public(caller.tenant_id, item, forms)

    def update(self, *, caller: Caller, ident: str, body: Any, forms: Forms) -> bytes:
        """Change a view; raises as `create`, and ViewNotFoundError.

        A query that is not given is not looked at: one that its list refuses by now can be renamed.
        """
        tenant, user = caller.tenant_id, caller.user_id
        asked = read_body(forms.change, body)
        of = self._store.get(tenant=tenant, user=user, ident=ident).of
        if "query" in asked:
            asked["query"] = self._query(caller, of, asked["query"], forms)
        if "columns" in asked:
            asked["columns"] = _columns(asked)
        forms.refuse_group(of, asked.get("group_by"))
        with turn(self._store.database, tenant=tenant) as connection:
            old = self._store.get_in(connection, tenant=tenant, user=user, ident=ident)
            item = replace(old, **asked)
            if item == old:
                return self._public(tenant, old, forms)
            _refuse_change(caller, old, item)
            item = replace(item, updated_at=rfc3339(self._clock()))
            self._refuse_full(connection, tenant, item, old)
            self._store.update(connection, tenant=tenant, item=item)
        return self._public(tenant, item, forms)

    def delete(self, *, caller: Caller, ident: str) -> None:
        """Remove a view; raises ViewNotFoundError and InsufficientRoleError."""
        tenant = caller.tenant_id
        with turn(self._store.database, tenant=tenant) as connection:
            item = self._store.get_in(connection, tenant=tenant, user=caller.user_id, ident=ident)
            if item.shared:
                _refuse_reader(caller)
            self._store.delete(connection, tenant=tenant, ident=ident)

    def forget(self, *, tenant: str, user: str) -> None:
        """Remove what a user alone saw."""
        with turn(self._store.database, tenant=tenant) as connection:
            self._store.delete_own(connection, tenant=tenant, user=user)

    def _query(self, caller: Caller, of: ViewOf, given: Any, forms: Forms) -> Query:
        """Return what a list is asked, once the list itself has taken it."""
        caller.require(forms.scope(of))
        query = forms.query(of, given)
        refuse_long(query)
        filters = {name: values for name, values in query.items() if name != "sort"}
        sort = query.get("sort", (_SORT,))[0]
        try:
            self._lists[of](tenant=caller.tenant_id, filters=filters, sort=sort, limit=1)
        except FilterValueError as error:
            error.about(f"query.{error.parameter}")
            raise
        return query

    def _public(
        self, tenant: str, item: View, forms: Forms, deadline: float | None = None
    ) -> bytes:
        return orjson.dumps(item.public(self._fault(tenant, item, forms, deadline)))

    def _fault(
        self, tenant: str, item: View, forms: Forms, deadline: float | None
    ) -> dict[str, str] | None:
        """Return why a list refuses a view's query by now, None while it does not; what it took it
        is not asked again for a while."""
        key, now = (tenant, item.of, tuple(item.query.items())), self._clock()
        if self._taken.get(key, now) > now:
            return None
        naming = forms.naming(item.of, item.query)
        try:
            forms.refuse_form(item.of, item.query)
            if naming and deadline is not None:
                raise ReadDeadlineError  # a list is asked: that is nothing for the event loop
            if naming:
                self._lists[item.of](tenant=tenant, filters=naming, sort=_SORT, limit=1)
        except CloudSealedError as error:
            if error.status >= 500:
                raise
            return {"code": error.code, "message": error.message}
        if len(self._taken) >= _MOST_TAKEN:
            self._taken.clear()
        self._taken[key] = now + _TAKEN
        return None

    def _refuse_full(
        self, connection: Connection, tenant: str, item: View, old: View | None = None
    ) -> None:
        """Raise for a name that another of the same audience has, and for one too many of it."""
        if self._store.named(connection, tenant=tenant, like=item) not in (None, item.id):
            raise NameAlreadyExistsError(f"A view with the name {item.name} exists")
        if old is not None and old.audience == item.audience:
            return
        most = MOST_SHARED if item.shared else MOST_OWN
        if self._store.count(connection, tenant=tenant, audience=item.audience) >= most:
            whose = "A tenant shares" if item.shared else "A user has"
            raise QuotaExceededError(f"{whose} at most {most} views")


def _seen(caller: Caller, filters: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
    """Return a list's filters, narrowed to what the caller sees."""
    wanted = filters.get("shared", ("true", "false"))
    audience = [TENANT] if "true" in wanted else []
    audience += [caller.user_id] if "false" in wanted else []
    kept = {name: values for name, values in filters.items() if name != "shared"}
    return {**kept, "audience": tuple(audience)}


def _refuse_reader(caller: Caller) -> None:
    if not caller.edits:
        raise InsufficientRoleError("Only editors and admins change what the whole tenant sees")


def _refuse_change(caller: Caller, old: View, item: View) -> None:
    """Raise for a change of what is shared by who may not, and for taking another's view away from
    everybody but them."""
    if old.shared or item.shared:
        _refuse_reader(caller)
    if old.shared and not item.shared and old.owner_id != caller.user_id:
        raise refuse("shared", "must stay true: only its owner takes a view back")


def _columns(asked: Mapping[str, Any]) -> tuple[str, ...] | None:
    return None if asked["columns"] is None else tuple(asked["columns"])
