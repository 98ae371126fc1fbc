"""What one does with connections: list, add, test, and open them for an audit."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

from cloudsealed.collectors.asked import NotAsked, rows_asked
from cloudsealed.collectors.errors import CloudAccessError, RoleRefusedError
from cloudsealed.collectors.probe import NOT_TRIED, Probe, probe
from cloudsealed.collectors.provider import NO_CHOICE, Choice, Identity, OpenCaller, Session, Way
from cloudsealed.collectors.providers import provider_of
from cloudsealed.connections.itself import Itself
from cloudsealed.connections.model import (
    AmbientCredentialsNotAllowedError,
    CloudConnection,
    ConnectionNotFoundError,
    public,
    read_change,
    read_connection,
)
from cloudsealed.connections.store import ConnectionStore, decode
from cloudsealed.kit.clock import Clock, rfc3339
from cloudsealed.kit.cursor import Position
from cloudsealed.kit.errors import InvalidFieldError
from cloudsealed.kit.ids import new_id
from cloudsealed.policies.model import NameAlreadyExistsError
from cloudsealed.settings import Settings
from cloudsealed.storage.database import Database
from cloudsealed.storage.keyset import Page
from cloudsealed.storage.tenancy import turn
from cloudsealed.vocabulary import ConnectionMethod

_CALL_SECONDS = 5.0
_PROBE_SECONDS = 20.0  # for all calls of a test, what does not answer included


class ConnectionService:
    """The use cases of connections. `tenant_count` says how many tenants the installation has, and
    `not_asked` what is not asked for a tenant."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        settings: Settings,
        tenant_count: Callable[[], int],
        not_asked: Callable[[str], NotAsked] = lambda _tenant: {},
    ) -> None:
        self._not_asked = not_asked
        self._store = ConnectionStore(database)
        self._clock = clock
        self._settings = settings
        self._tenant_count = tenant_count
        self._itself = Itself(clock, seconds=_CALL_SECONDS)

    def list(
        self,
        *,
        tenant: str,
        filters: Mapping[str, tuple[str, ...]],
        sort: str = "-id",
        after: Position | None = None,
        limit: int = 50,
        deadline: float | None = None,
    ) -> Page:
        """Return a page of connections."""
        rows = self._store.page(
            tenant=tenant, filters=filters, sort=sort, after=after, limit=limit, deadline=deadline
        )
        return Page([public(decode(row[2:])) for row in rows.rows], rows.next)

    def get(self, *, tenant: str, ident: str, deadline: float | None = None) -> bytes:
        """Return one connection; raises ConnectionNotFoundError."""
        return public(self._store.get(tenant=tenant, ident=ident))

    def find(self, *, tenant: str, ident: str) -> CloudConnection:
        """Return one connection as a value; raises ConnectionNotFoundError."""
        return self._store.get(tenant=tenant, ident=ident)

    def create(self, *, tenant: str, body: Any) -> bytes:
        """Add a connection; the external id of a role is made here."""
        item = read_connection(
            body, ident=new_id("con"), external_id=secrets.token_hex(16), now=rfc3339(self._clock())
        )
        self._allow(tenant, item)
        with turn(self._store.database, tenant=tenant) as connection:
            if self._store.named(connection, tenant=tenant, name=item.name):
                raise NameAlreadyExistsError(f"A connection with the name {item.name} exists")
            self._store.insert(connection, tenant=tenant, item=item)
        return public(item)

    def refuse_unknown(
        self, idents: Sequence[str], *, tenant: str, field: str = "connection_ids"
    ) -> None:
        """Raise the 422 that names the place in `field` of the first that there is not."""
        for index, ident in enumerate(idents):
            try:
                self.find(tenant=tenant, ident=ident)
            except ConnectionNotFoundError as error:
                raise InvalidFieldError(f"{field}[{index}]", error.message) from error

    def refuse_closed(
        self, idents: Sequence[str], *, tenant: str, field: str = "connection_ids"
    ) -> None:
        """Raise AmbientCredentialsNotAllowedError, which names its place in `field`, for the first
        connection that the tenant may not open."""
        for index, ident in enumerate(idents):
            self._allow(tenant, self.find(tenant=tenant, ident=ident), f"{field}[{index}]")

    def ensure(self, *, tenant: str, name: str, body: Mapping[str, Any]) -> str:
        """Return the id of the connection called `name`, adding it when there is none."""
        with self._store.database.read() as connection:
            found = self._store.named(connection, tenant=tenant, name=name)
        if found is not None:
            return found.id
        with suppress(NameAlreadyExistsError):  # somebody else added it just now
            self.create(tenant=tenant, body={**body, "name": name})
        return self.ensure(tenant=tenant, name=name, body=body)

    def update(self, *, tenant: str, ident: str, body: Any) -> bytes:
        """Change a connection's name or regions."""
        with turn(self._store.database, tenant=tenant) as connection:
            item = self._store.get_in(connection, tenant=tenant, ident=ident)
            item = read_change(body, item)
            other = self._store.named(connection, tenant=tenant, name=item.name)
            if other is not None and other.id != item.id:
                raise NameAlreadyExistsError(f"A connection with the name {item.name} exists")
            self._store.update(connection, tenant=tenant, item=item)
        return public(item)

    def delete(self, *, tenant: str, ident: str) -> None:
        """Remove a connection; what was found through it stays until audits say otherwise."""
        with turn(self._store.database, tenant=tenant) as connection:
            item = self._store.get_in(connection, tenant=tenant, ident=ident)
            self._store.update(
                connection, tenant=tenant, item=item, deleted_at=rfc3339(self._clock())
            )

    def setup(self, *, tenant: str, ident: str) -> dict[str, Any]:
        """Return what has to stand in the cloud for a connection: whom its role trusts, and the
        least that it may read for the tenant's policies."""
        return {
            "object": "connection_setup",
            "connection_id": ident,
            "trust_policy": self.trust_policy(tenant=tenant, ident=ident),
            "permissions_policy": self._permissions(tenant, ident),
        }

    def removed(self, *, tenant: str) -> Sequence[str]:
        """Return the ids of the connections that were removed."""
        return self._store.removed(tenant=tenant)

    def test(self, *, tenant: str, ident: str) -> dict[str, Any]:
        """Say who a connection is to its cloud and what it may not ask there, or why it cannot be
        used."""
        answer: dict[str, Any] = {
            "object": "connection_test",
            "connection_id": ident,
            "ok": False,
            "account": None,
            "arn": None,
            "error": None,
            "trust_statement": None,
            **NOT_TRIED,
        }
        try:
            with closing(self.open(tenant=tenant, ident=ident)) as session:
                identity = session.identify()
                found = self._probed(session, identity, tenant=tenant, ident=ident)
        except RoleRefusedError as error:
            trust = self._trust(tenant=tenant, ident=ident)
            return {**answer, "error": CloudAccessError.reason(error, ""), "trust_statement": trust}
        except CloudAccessError as error:
            return {**answer, "error": CloudAccessError.reason(error, "")}
        self.learn_account(tenant=tenant, ident=ident, account=identity.account)
        known = {"account": identity.account, "arn": identity.name}
        return {**answer, "ok": True, **known, **found.as_dict()}

    def trust_policy(self, *, tenant: str, ident: str) -> dict[str, Any] | None:
        """Return the trust policy that a connection's role needs; None where no role is assumed, or
        while this process has no identity of its own that could be trusted."""
        item = self.find(tenant=tenant, ident=ident)
        if item.method is not ConnectionMethod.ASSUME_ROLE:
            return None
        provider = provider_of(item.provider)
        name = self._itself.name(provider)
        return provider.trust_policy(name, self._way(item)) if name else None

    def _trust(self, *, tenant: str, ident: str) -> dict[str, Any] | None:
        """Return what the trust policy of a connection's role has to say, if it is known who asks
        to assume it."""
        item = self.find(tenant=tenant, ident=ident)
        provider = provider_of(item.provider)
        try:
            with closing(provider.open(Way({}), self._clock)) as session:
                name = session.identify().name
        except CloudAccessError:
            return None
        return provider.trust_statement(name, self._way(item))

    def _permissions(self, tenant: str, ident: str) -> dict[str, Any]:
        """Return the least that the tenant's policies need of a connection's provider."""
        provider = provider_of(self.find(tenant=tenant, ident=ident).provider)
        return provider.permissions(rows_asked(provider.rows, self._not_asked(tenant)))

    def _probed(self, session: Session, identity: Identity, *, tenant: str, ident: str) -> Probe:
        """Try what the connection may ask, in its first region, or the session's own."""
        item = self.find(tenant=tenant, ident=ident)
        brief = self.open(tenant=tenant, ident=ident, brief=_CALL_SECONDS)
        with closing(self._unrecorded(brief)) as caller:
            return probe(
                provider_of(item.provider),
                caller,
                identity.account,
                identity.partition,
                item.regions[0] if item.regions else session.region,
                seconds=_PROBE_SECONDS,
            )

    def open(
        self, *, tenant: str, ident: str, choice: Choice = NO_CHOICE, brief: float | None = None
    ) -> Session:
        """Return a session for a connection; `choice` is the operator's. Raises
        CloudAccessError or a 422."""
        item = self._store.get(tenant=tenant, ident=ident)
        self._allow(tenant, item)
        way = replace(self._way(item), choice=choice, brief=brief)
        return provider_of(item.provider).open(way, self._clock)

    def _way(self, item: CloudConnection) -> Way:
        """Return how a connection's account is reached."""
        return Way(item.fields, workers=self._settings.collect_workers)

    def regions(
        self, *, tenant: str, ident: str, choice: Choice = NO_CHOICE
    ) -> frozenset[str] | None:
        """Return the regions that the account of a connection has enabled; None when it does not
        say, for whatever reason."""
        try:
            session = self.open(tenant=tenant, ident=ident, choice=choice, brief=_CALL_SECONDS)
            with closing(self._unrecorded(session)) as caller:
                found = session.regions("", caller)
        except CloudAccessError:
            return None
        return None if found.gap else frozenset(found.names)

    def _unrecorded(self, session: Session) -> OpenCaller:
        """Return a caller of whose answers nothing is kept."""
        return session.caller(secrets.token_bytes(32), clock=self._clock)

    def learn_account(self, *, tenant: str, ident: str, account: str) -> None:
        """Keep the account that a connection turned out to lead to; most often it is known."""
        if self.find(tenant=tenant, ident=ident).account == account:
            return
        with turn(self._store.database, tenant=tenant) as connection:
            item = self._store.get_in(connection, tenant=tenant, ident=ident)
            if item.account != account:
                self._store.update(connection, tenant=tenant, item=replace(item, account=account))

    def _allow(self, tenant: str, item: CloudConnection, field: str | None = None) -> None:
        if item.method is not ConnectionMethod.AMBIENT:
            return
        if self._settings.ambient_credentials != tenant and self._tenant_count() > 1:
            raise AmbientCredentialsNotAllowedError(
                "This installation has several tenants: give role_arn, or name this tenant in"
                " CLOUDSEALED_AMBIENT_CREDENTIALS",
                field,
            )
