"""What people and programs do with findings: list, read, triage, follow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import orjson

from cloudsealed.findings.codec import whole
from cloudsealed.findings.model import Finding, Moment, Triage
from cloudsealed.findings.store import FindingStore, overwrite
from cloudsealed.findings.yielding import below, settled
from cloudsealed.kit.clock import Clock, rfc3339
from cloudsealed.kit.cursor import Position
from cloudsealed.kit.fields import Fields
from cloudsealed.policies.service import PolicyService
from cloudsealed.policies.yielding import Yields
from cloudsealed.storage.database import Connection, Database, Row
from cloudsealed.storage.keyset import Page
from cloudsealed.storage.tenancy import turn
from cloudsealed.vocabulary import FindingStatus, Resolution, Severity, TriageState

GROUPS = ("dimension", "severity", "account", "region", "resource_type")
EPISODE = (
    "sequence", "outcome", "severity", "first_audit_id", "last_audit_id", "first_at", "last_at",
)  # fmt: skip
NO_FILTERS: Mapping[str, tuple[str, ...]] = MappingProxyType({})
_OPEN = {"status": (FindingStatus.OPEN.value,)}
_TRIAGE = ("state", "assignee", "note", "expires_at")


class FindingService:
    """The use cases of findings."""

    def __init__(self, *, database: Database, policies: PolicyService, clock: Clock) -> None:
        self._database = database
        self._store = FindingStore(database)
        self._policies = policies
        self._clock = clock

    def list(
        self, *, tenant: str, filters: Mapping[str, tuple[str, ...]], sort: str = "-id",
        after: Position | None = None, limit: int = 50, deadline: float | None = None,
    ) -> Page:  # fmt: skip
        """Return a page of findings; a `deadline` in seconds may raise ReadDeadlineError."""
        if not filters.keys().isdisjoint(("policy", "framework", "control")):
            filters = self._policies.resolve_filters(tenant, filters)
        rows = self._store.page(
            tenant=tenant, filters=filters, sort=sort, after=after, limit=limit, deadline=deadline
        )
        return Page([self._serve(tenant, row[2:]) for row in rows.rows], rows.next)

    def get(self, *, tenant: str, ident: str, deadline: float | None = None) -> bytes:
        """Return one finding; raises FindingNotFoundError."""
        return self._serve(
            tenant, self._store.served(tenant=tenant, ident=ident, deadline=deadline)
        )

    def triage(self, *, tenant: str, ident: str, body: Any, user_id: str) -> bytes:
        """Set or, with null, clear what people decided; the status stays what the audits say."""
        fields = Fields(body, ("triage",))
        value = fields.mapping("triage")
        triage = None if value is None else self._triage(value, user_id)

        def change(finding: Finding) -> Finding:
            return replace(finding, triage=triage)

        self._store.replace(tenant=tenant, ident=ident, change=change)
        return self.get(tenant=tenant, ident=ident)

    def history(self, *, tenant: str, ident: str) -> Sequence[dict[str, Any]]:
        """Return a finding's episodes, oldest first: spans of audits with the same outcome."""
        names = EPISODE
        rows = self._store.history(tenant=tenant, ident=ident)
        return [
            {
                **dict(zip(names, row, strict=True)),
                "severity": list(Severity)[row[2]],
                "object": "episode",
            }
            for row in rows
        ]

    def summary(
        self, *, tenant: str, group_by: tuple[str, ...],
        filters: Mapping[str, tuple[str, ...]] = NO_FILTERS,
    ) -> dict[str, Any]:  # fmt: skip
        """Count findings by some of GROUPS: the open ones unless `filters` name a status.

        `complete` is false when the bound of a page's reading ended the count.
        """
        resolved = self._policies.resolve_filters(tenant, {**_OPEN, **filters})
        rows, complete = self._store.count(tenant=tenant, filters=resolved, columns=group_by)
        groups = [{**self._named(group_by, row), "count": row[-1]} for row in rows]
        total = sum(row[-1] for row in rows)
        return {
            "object": "finding_summary",
            "group_by": list(group_by),
            "total": total,
            "complete": complete,
            "groups": groups,
        }

    def remove_connection(self, *, tenant: str, connection_id: str) -> int:
        """Resolve the findings of a connection that is gone; return how many."""
        moment = Moment(rfc3339(self._clock()), connection_id)
        resolved = 0
        while self._store.unresolved(tenant=tenant, connection_id=connection_id):
            yields = self._policies.yields(tenant=tenant)
            with turn(self._database, tenant=tenant) as connection:
                resolved += self._orphan(connection, tenant, connection_id, moment, yields)
        return resolved

    def _orphan(
        self, connection: Connection, tenant: str, connection_id: str, moment: Moment,
        yields: Yields,
    ) -> int:  # fmt: skip
        """Resolve some of the findings of a connection that is gone; return how many."""
        found = self._store.unresolved(tenant=tenant, connection_id=connection_id)
        if not found:
            return 0
        over = [_orphaned(finding, moment) for finding in found]
        overwrite(connection, tenant=tenant, changed=over)
        waiting = below(connection, yields, over, tenant=tenant)
        overwrite(
            connection, tenant=tenant, changed=settled(connection, yields, waiting, tenant=tenant)
        )
        return len(over)

    def of_audit(self, *, tenant: str, audit: str) -> Iterator[dict[str, Any]]:
        """Yield every finding that failed in an audit, newest first, as the API shows it."""
        yield from self._read(tenant, self._store.of_audit(tenant=tenant, audit=audit))

    def entered(self, *, tenant: str, audit: str, before: str) -> Iterator[str]:
        """Yield the ids of the findings that failed in an audit and not in the one `before`."""
        yield from without(
            self._store.ids_of_audit(tenant=tenant, audit=audit),
            self._store.ids_of_audit(tenant=tenant, audit=before),
        )

    def left(self, *, tenant: str, audit: str, before: str) -> Iterator[dict[str, Any]]:
        """Yield every finding that failed in the audit `before` and not in this one, as the API
        shows it."""
        idents = self.entered(tenant=tenant, audit=before, before=audit)
        yield from self._read(tenant, self._store.by_ids(tenant=tenant, idents=idents))

    def _read(self, tenant: str, rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
        """Yield findings; the part of a policy's version is parsed once, and is one value."""
        parts: dict[tuple[str, int], dict[str, Any]] = {}
        for _id, doc, policy_id, version in rows:
            part = parts.get((policy_id, version))
            if part is None:
                text = self._policies.finding_part(tenant=tenant, ident=policy_id, version=version)
                part = parts[policy_id, version] = orjson.loads(b"{" + text + b"}")
            yield orjson.loads(whole(doc)) | part

    def _serve(self, tenant: str, row: Row) -> bytes:
        doc, policy_id, version = row
        part = self._policies.finding_part(tenant=tenant, ident=policy_id, version=version)
        return whole(bytes(doc))[:-1] + b"," + part + b"}"

    def _triage(self, value: dict[str, Any], user_id: str) -> Triage:
        fields = Fields(value, _TRIAGE, path="triage")
        return Triage(
            state=TriageState(fields.text("state", choices=tuple(TriageState))),
            assignee=fields.optional_text("assignee", longest=200),
            note=fields.optional_text("note", longest=4000),
            expires_at=fields.moment("expires_at"),
            updated_at=rfc3339(self._clock()),
            updated_by=user_id,
        )

    def _named(self, group_by: tuple[str, ...], row: Row) -> dict[str, Any]:
        named = dict(zip(group_by, row, strict=False))
        if "severity" in named:
            named["severity"] = list(Severity)[named["severity"]]
        return named


def without(idents: Iterator[str], others: Iterator[str]) -> Iterator[str]:
    """Yield the ids that are not in `others`; both descend, so neither is ever whole in memory."""
    other = next(others, "")
    for ident in idents:
        while other > ident:
            other = next(others, "")
        if other != ident:
            yield ident


def _orphaned(finding: Finding, moment: Moment) -> Finding:
    return replace(
        finding,
        status=FindingStatus.RESOLVED,
        yields_to=None,
        resolution=Resolution.CONNECTION_REMOVED,
        resolved=moment,
        decided=max(finding.decided, moment),
    )
