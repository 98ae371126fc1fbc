"""What people and programs do with findings: list, read, triage, follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

from cloudsealed.events import emit_changes
from cloudsealed.findings.bodies import PATCH
from cloudsealed.findings.bulk import Bulk, CountMismatchError, Filters, read_bulk
from cloudsealed.findings.codec import encode, moved, whole
from cloudsealed.findings.delta_store import Compared
from cloudsealed.findings.export import written
from cloudsealed.findings.listing import listing_of
from cloudsealed.findings.model import Finding, Moment, Triage
from cloudsealed.findings.remedy import with_own_names
from cloudsealed.findings.store import BLOCK_LINES, FindingStore, load_ids, overwrite, update
from cloudsealed.findings.summary import columns_of, groups
from cloudsealed.findings.yielding import below, settled
from cloudsealed.kit.batches import batches
from cloudsealed.kit.clock import Clock, rfc3339
from cloudsealed.kit.cursor import Position
from cloudsealed.kit.errors import InvalidFieldError
from cloudsealed.kit.shapes import Component, read_body
from cloudsealed.policies.selecting import selects_policies
from cloudsealed.policies.service import PolicyService
from cloudsealed.policies.yielding import Yields
from cloudsealed.storage.database import Connection, Database, ReadDeadlineError, Row
from cloudsealed.storage.exports import kept, slot, timed
from cloudsealed.storage.filters import NOT, OWNER_TAGS
from cloudsealed.storage.keyset import Page, numbered
from cloudsealed.storage.snapshot import snapshot
from cloudsealed.storage.tenancy import turn
from cloudsealed.vocabulary import EventType, FindingStatus, Resolution, Severity, TriageState

EPISODE = (
    "sequence",
    "outcome",
    "severity",
    "first_audit_id",
    "last_audit_id",
    "first_at",
    "last_at",
)
NO_FILTERS: Mapping[str, tuple[str, ...]] = MappingProxyType({})
_OPEN = {"status": (FindingStatus.OPEN.value,)}
_OF_STATUS = ("status", f"status{NOT}", "delta")
Compare = Callable[[str, str | None], Compared]
Followed = Callable[[str, str | None], Sequence[tuple[str, str]]]
_MOST_PAGES = 100  # of what a filter looks through in a transaction of writing


class FindingService:
    """The use cases of findings."""

    def __init__(
        self,
        *,
        database: Database,
        policies: PolicyService,
        clock: Clock,
        compare: Compare = lambda _tenant, _audit: Compared(),
        audits: Followed = lambda _tenant, _audit: (),
        owner_tags: tuple[str, ...] = OWNER_TAGS,
    ) -> None:
        """`compare` returns the audit, the newest if None, beside the one before it; `audits` some
        that were asked for the same up to it, oldest first: id, and when it ended."""
        self._database = database
        self._store = FindingStore(database, listing_of(owner_tags))
        self._policies = policies
        self._clock = clock
        self._compare = compare
        self._audits = audits

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
        """Return a page of findings; a `deadline` in seconds may raise ReadDeadlineError."""
        if "delta" in filters and deadline is not None:
            raise ReadDeadlineError
        if selects_policies(filters):
            filters = self._policies.resolve_filters(tenant, filters)
        compared = self._compared(tenant, filters, after)
        rows = self._store.page(
            tenant=tenant,
            filters=filters,
            sort=sort,
            after=after,
            limit=limit,
            deadline=deadline,
            compared=compared,
        )
        return Page([self._serve(tenant, row[2:]) for row in rows.rows], rows.next)

    def _compared(
        self, tenant: str, filters: Mapping[str, tuple[str, ...]], after: Position | None = None
    ) -> Compared:
        """Return what `delta` is about: a walk goes on with the audit that it began with."""
        if "delta" not in filters:
            return Compared()
        pinned = str(after.value) if after is not None else filters.get("audit", (None,))[0]
        return self._compare(tenant, pinned)

    def get(self, *, tenant: str, ident: str, deadline: float | None = None) -> bytes:
        """Return one finding, its remediation with the resource's own names; raises
        FindingNotFoundError."""
        row = self._store.served(tenant=tenant, ident=ident, deadline=deadline)
        return with_own_names(self._serve(tenant, row))

    def triage(self, *, tenant: str, ident: str, body: Any, user_id: str) -> bytes:
        """Set or, with null, clear what people decided, and leave it as it is where the body does
        not say; the status stays what the audits say."""
        asked = read_body(PATCH, body)
        if "triage" not in asked:
            return self.get(tenant=tenant, ident=ident)
        triage = self._triage(asked["triage"], user_id)

        def change(finding: Finding) -> Finding:
            return replace(finding, triage=triage)

        self._store.replace(tenant=tenant, ident=ident, change=change)
        return self.get(tenant=tenant, ident=ident)

    def triage_many(
        self, *, tenant: str, body: Any, user_id: str, form: Component
    ) -> dict[str, Any]:
        """Set or clear what people decided about many findings, in one transaction; say of each id
        whether it is there. Raises CountMismatchError."""
        asked = read_bulk(body, form)
        triage = self._triage(asked.triage, user_id)
        with turn(self._database, tenant=tenant) as connection:
            ids = self._matched(tenant, asked) if asked.ids is None else asked.ids
            known = {
                finding.id: finding
                for batch in batches(ids, BLOCK_LINES)
                for finding in load_ids(connection, tenant=tenant, idents=batch)
            }
            changed = [(old, replace(old, triage=triage)) for old in known.values()]
            update(connection, tenant=tenant, changed=changed)
            self._tell(connection, tenant, changed)
        return {
            "object": "finding_bulk",
            "updated": len(known),
            "not_found": len(ids) - len(known),
            "results": [
                {"id": ident, "result": "updated" if ident in known else "not_found"}
                for ident in ids
            ],
        }

    def _tell(
        self, connection: Connection, tenant: str, changed: Sequence[tuple[Finding, Finding]]
    ) -> None:
        """Append an event for each finding about which people decided otherwise."""
        emit_changes(
            connection,
            tenant=tenant,
            kind=EventType.FINDING_TRIAGED,
            changes=[
                (new.id, self._shown(tenant, old), self._shown(tenant, new))
                for old, new in changed
                if old.triage != new.triage
            ],
        )

    def _matched(self, tenant: str, asked: Bulk) -> Sequence[str]:
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

    def history(
        self, *, tenant: str, ident: str, after: Position | None = None, limit: int = 50
    ) -> Page:
        """Return a page of a finding's episodes, oldest first: spans of audits with the same
        outcome."""
        start = int(after.id) if after is not None else 0
        rows = self._store.history(tenant=tenant, ident=ident, after=start, most=limit + 1)
        return numbered([(row[0], orjson.dumps(_episode(row))) for row in rows], limit)

    def summary(
        self,
        *,
        tenant: str,
        group_by: tuple[str, ...],
        filters: Mapping[str, tuple[str, ...]] = NO_FILTERS,
    ) -> dict[str, Any]:
        """Count findings by some of GROUPS: the open ones unless `filters` say which.

        `complete` is false when the bound of a page's reading ended the count.
        """
        decided = not filters.keys().isdisjoint(_OF_STATUS)
        asked = filters if decided else {**_OPEN, **filters}
        resolved = self._policies.resolve_filters(tenant, asked)
        compared = self._compared(tenant, resolved)
        rows, complete = self._store.count(
            tenant=tenant, filters=resolved, columns=columns_of(group_by), compared=compared
        )
        counted = self._counted(tenant, group_by, rows, complete)
        return {
            "object": "finding_summary",
            "group_by": list(group_by),
            "over": None,
            **counted,
            "audits": None,
            "compared": _sides(compared),
        }

    def trend(
        self,
        *,
        tenant: str,
        group_by: tuple[str, ...],
        filters: Mapping[str, tuple[str, ...]] = NO_FILTERS,
    ) -> dict[str, Any]:
        """Count what failed in each of the newest audits that were asked for the same, those up to
        the one that `filters` name: a summary of the last one, and a row an audit, oldest first."""
        resolved = self._policies.resolve_filters(tenant, filters)
        last = resolved.pop("audit", (None,))[0]
        audits = [
            {
                "audit_id": ident,
                "finished_at": moment,
                **self._counted(
                    tenant,
                    group_by,
                    *self._store.count_of_audit(
                        tenant=tenant,
                        audit=ident,
                        filters=resolved,
                        columns=columns_of(group_by),
                        compared=self._compared(tenant, {**resolved, "audit": (ident,)}),
                    ),
                ),
            }
            for ident, moment in self._audits(tenant, last)
        ]
        newest = audits[-1] if audits else self._counted(tenant, group_by, [], True)
        shown = {name: newest[name] for name in ("total", "complete", "groups")}
        return {
            "object": "finding_summary",
            "group_by": list(group_by),
            "over": "audits",
            **shown,
            "audits": audits,
            "compared": None,
        }

    def _counted(
        self, tenant: str, group_by: tuple[str, ...], rows: Sequence[Row], complete: bool
    ) -> dict[str, Any]:
        described = self._policies.described(tenant=tenant)
        return {
            "total": sum(row[-1] for row in rows),
            "complete": complete,
            "groups": groups(group_by, rows, described),
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
        self,
        connection: Connection,
        tenant: str,
        connection_id: str,
        moment: Moment,
        yields: Yields,
    ) -> int:
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
        for _id, doc, policy_id, version, followed in rows:
            part = parts.get((policy_id, version))
            if part is None:
                text = self._policies.finding_part(tenant=tenant, ident=policy_id, version=version)
                part = parts[policy_id, version] = orjson.loads(b"{" + text + b"}")
            yield orjson.loads(moved(whole(doc), followed)) | part

    def _shown(self, tenant: str, finding: Finding) -> bytes:
        doc = encode(tenant, finding)["doc"]
        return self._serve(tenant, (doc, finding.policy_id, finding.policy_version, None))

    def _serve(self, tenant: str, row: Row) -> bytes:
        doc, policy_id, version, followed = row
        part = self._policies.finding_part(tenant=tenant, ident=policy_id, version=version)
        return moved(whole(bytes(doc)), followed)[:-1] + b"," + part + b"}"

    def _triage(self, said: Mapping[str, Any] | None, user_id: str) -> Triage | None:
        if said is None:
            return None
        return Triage(
            state=TriageState(said["state"]),
            assignee=said["assignee"],
            note=said["note"],
            expires_at=said["expires_at"],
            updated_at=rfc3339(self._clock()),
            updated_by=user_id,
        )


def _sides(compared: Compared) -> dict[str, Any] | None:
    if not compared.audit:
        return None
    return {"audit_id": compared.audit, "before_id": compared.before or None}


def _episode(row: Row) -> dict[str, Any]:
    named = dict(zip(EPISODE, row, strict=True))
    return {**named, "severity": list(Severity)[row[2]], "object": "episode"}


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
