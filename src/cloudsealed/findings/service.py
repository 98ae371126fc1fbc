"""What people and programs do with findings: list, read, triage, follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import orjson

from cloudsealed.findings.codec import whole
from cloudsealed.findings.delta_store import Compared
from cloudsealed.findings.listing import OWNER_TAGS, listing_of
from cloudsealed.findings.model import Finding, Moment, Triage
from cloudsealed.findings.store import FindingStore, overwrite
from cloudsealed.findings.summary import columns_of, groups
from cloudsealed.findings.yielding import below, settled
from cloudsealed.kit.clock import Clock, rfc3339
from cloudsealed.kit.cursor import Position
from cloudsealed.kit.fields import Fields
from cloudsealed.policies.selecting import selects_policies
from cloudsealed.policies.service import PolicyService
from cloudsealed.storage.database import Database, ReadDeadlineError, Row
from cloudsealed.storage.filters import NOT
from cloudsealed.storage.keyset import Page, numbered
from cloudsealed.storage.tenancy import turn
from cloudsealed.vocabulary import FindingStatus, Resolution, Severity, TriageState

EPISODE = (
    "sequence", "outcome", "severity", "first_audit_id", "last_audit_id", "first_at", "last_at",
)  # fmt: skip
NO_FILTERS: Mapping[str, tuple[str, ...]] = MappingProxyType({})
_OPEN = {"status": (FindingStatus.OPEN.value,)}
_OF_STATUS = ("status", f"status{NOT}", "delta")
Compare = Callable[[str, str | None], Compared]
Followed = Callable[[str, str | None], Sequence[tuple[str, str]]]
_TRIAGE = ("state", "assignee", "note", "expires_at")


class FindingService:
    """The use cases of findings."""

    def __init__(
        self, *, database: Database, policies: PolicyService, clock: Clock,
        compare: Compare = lambda _tenant, _audit: Compared(),
        audits: Followed = lambda _tenant, _audit: (), owner_tags: tuple[str, ...] = OWNER_TAGS,
    ) -> None:  # fmt: skip
        """`compare` returns the audit, the newest if None, beside the one before it; `audits` some
        that were asked for the same up to it, oldest first: id, and when it ended."""
        self._database = database
        self._store = FindingStore(database, listing_of(owner_tags))
        self._policies = policies
        self._clock = clock
        self._compare = compare
        self._audits = audits

    def list(
        self, *, tenant: str, filters: Mapping[str, tuple[str, ...]], sort: str = "-id",
        after: Position | None = None, limit: int = 50, deadline: float | None = None,
    ) -> Page:  # fmt: skip
        """Return a page of findings; a `deadline` in seconds may raise ReadDeadlineError."""
        if "delta" in filters and deadline is not None:
            raise ReadDeadlineError
        if selects_policies(filters):
            filters = self._policies.resolve_filters(tenant, filters)
        compared = self._compared(tenant, filters, after)
        rows = self._store.page(
            tenant=tenant, filters=filters, sort=sort, after=after, limit=limit, deadline=deadline,
            compared=compared,
        )  # fmt: skip
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

    def history(
        self, *, tenant: str, ident: str, after: Position | None = None, limit: int = 50
    ) -> Page:
        """Return a page of a finding's episodes, oldest first: spans of audits with the same
        outcome."""
        start = int(after.id) if after is not None else 0
        rows = self._store.history(tenant=tenant, ident=ident, after=start, most=limit + 1)
        return numbered([(row[0], orjson.dumps(_episode(row))) for row in rows], limit)

    def summary(
        self, *, tenant: str, group_by: tuple[str, ...],
        filters: Mapping[str, tuple[str, ...]] = NO_FILTERS,
    ) -> dict[str, Any]:  # fmt: skip
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
            "object": "finding_summary", "group_by": list(group_by), "over": None, **counted,
            "audits": None,
        }  # fmt: skip

    def trend(
        self, *, tenant: str, group_by: tuple[str, ...],
        filters: Mapping[str, tuple[str, ...]] = NO_FILTERS,
    ) -> dict[str, Any]:  # fmt: skip
        """Count what failed in each of the newest audits that were asked for the same, those up to
        the one that `filters` name: a summary of the last one, and a row an audit, oldest first."""
        resolved = self._policies.resolve_filters(tenant, filters)
        last = resolved.pop("audit", (None,))[0]
        audits = [
            {
                "audit_id": ident, "finished_at": moment,
                **self._counted(tenant, group_by, *self._store.count_of_audit(
                    tenant=tenant, audit=ident, filters=resolved, columns=columns_of(group_by),
                    compared=self._compared(tenant, {**resolved, "audit": (ident,)}),
                )),
            }
            for ident, moment in self._audits(tenant, last)
        ]  # fmt: skip
        newest = audits[-1] if audits else self._counted(tenant, group_by, [], True)
        shown = {name: newest[name] for name in ("total", "complete", "groups")}
        return {
            "object": "finding_summary", "group_by": list(group_by), "over": "audits", **shown,
            "audits": audits,
        }  # fmt: skip

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
