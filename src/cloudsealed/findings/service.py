"""What people and programs do with findings: list, read, triage, follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

from cloudsealed.findings.bulk import Bulk, CountMismatchError, Filters, read_bulk
from cloudsealed.findings.codec import whole
from cloudsealed.findings.export import kept, slot, timed, written
from cloudsealed.findings.model import Finding, Moment, Triage
from cloudsealed.findings.store import BLOCK_LINES, FindingStore, load_ids, overwrite, update
from cloudsealed.findings.yielding import below, settled
from cloudsealed.kit.batches import batches
from cloudsealed.kit.clock import Clock, rfc3339
from cloudsealed.kit.cursor import Position
from cloudsealed.kit.errors import InvalidFieldError
from cloudsealed.kit.fields import Fields
from cloudsealed.policies.service import PolicyService
from cloudsealed.storage.database import Database, Row
from cloudsealed.storage.keyset import Page
from cloudsealed.storage.snapshot import snapshot
from cloudsealed.storage.tenancy import turn
from cloudsealed.vocabulary import FindingStatus, Resolution, Severity, TriageState

GROUPS = ("dimension", "severity", "account", "region", "resource_type")
EPISODE = (
    "sequence", "outcome", "severity", "first_audit_id", "last_audit_id", "first_at", "last_at",
)  # fmt: skip
NO_FILTERS: Mapping[str, tuple[str, ...]] = MappingProxyType({})
_OPEN = {"status": (FindingStatus.OPEN.value,)}
_MOST_PAGES = 100  # of what a filter looks through in a transaction of writing
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
        """Set or, with null, clear what people decided, and leave it as it is where the body does
        not say; the status stays what the audits say."""
        fields = Fields(body, ("triage",))
        if not fields.has("triage"):
            return self.get(tenant=tenant, ident=ident)
        value = fields.mapping("triage")
        triage = None if value is None else self._triage(value, user_id)

        def change(finding: Finding) -> Finding:
            return replace(finding, triage=triage)

        self._store.replace(tenant=tenant, ident=ident, change=change)
        return self.get(tenant=tenant, ident=ident)

    def triage_many(
        self, *, tenant: str, body: Any, user_id: str, read_filters: Callable[[Any], Filters]
    ) -> dict[str, Any]:
        """Set or clear what people decided about many findings, in one transaction; say of each id
        whether it is there. Raises CountMismatchError."""
        asked = read_bulk(body, read_filters)
        triage = None if asked.triage is None else self._triage(dict(asked.triage), user_id)
        with turn(self._database, tenant=tenant) as connection:
            ids = self._counted(tenant, asked) if asked.ids is None else asked.ids
            known = {
                finding.id: finding
                for batch in batches(ids, BLOCK_LINES)
                for finding in load_ids(connection, tenant=tenant, idents=batch)
            }
            changed = [(old, replace(old, triage=triage)) for old in known.values()]
            update(connection, tenant=tenant, changed=changed)
        return {
            "object": "finding_bulk",
            "updated": len(known),
            "not_found": len(ids) - len(known),
            "results": [
                {"id": ident, "result": "updated" if ident in known else "not_found"}
                for ident in ids
            ],
        }

    def _counted(self, tenant: str, asked: Bulk) -> Sequence[str]:
        """Return the ids of what a filter matches, which must be as many as were counted."""
        found: list[str] = []
        for page in islice(self._pages(tenant, asked.filters), _MOST_PAGES):
            found += (orjson.loads(item)["id"] for item in page.items)
            if len(found) > asked.count:
                raise CountMismatchError(f"The filter matches more than {asked.count} findings")
            if page.next is None:
                break
        else:
            raise InvalidFieldError("filter", "filter has too much to look through: narrow it")
        if len(found) != asked.count:
            raise CountMismatchError(f"The filter matches {len(found)} findings")
        return found

    def _pages(self, tenant: str, filters: Filters) -> Iterator[Page]:
        after: Position | None = None
        while True:
            page = self.list(tenant=tenant, filters=filters, after=after, limit=BLOCK_LINES)
            yield page
            if page.next is None:
                return
            after = page.next

    def export(
        self, *, tenant: str, filters: Filters, wanted: str, folder: Path
    ) -> Iterator[bytes]:
        """Return the pieces of a file of all that `filters` match, newest first, as it is at one
        moment; raises ServiceUnavailableError. `wanted` is one of `export.FORMATS`, and the file
        is kept in `folder` until it is sent."""
        with slot(), snapshot(self._database):
            pages = self._pages(tenant, filters)
            found = timed(item for page in pages for item in page.items)
            return kept(written(found, wanted), folder)

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
        yields = self._policies.yields(tenant=tenant)
        while batch := self._store.unresolved(tenant=tenant, connection_id=connection_id):
            over = [_orphaned(finding, moment) for finding in batch]
            with turn(self._database, tenant=tenant) as connection:
                overwrite(connection, tenant=tenant, changed=over)
                waiting = below(connection, yields, over, tenant=tenant)
                stand = settled(connection, yields, waiting, tenant=tenant)
                overwrite(connection, tenant=tenant, changed=stand)
            resolved += len(batch)
        return resolved

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
