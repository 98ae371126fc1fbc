"""What one does with audits: start, reanalyze, cancel, read, and ask what could not be read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import orjson

from cloudsealed.audits.bodies import AUDIT, REANALYSIS, SCOPE
from cloudsealed.audits.compared import compared
from cloudsealed.audits.coverage import coverage_report
from cloudsealed.audits.judging.explanation import NotExplainableError, explanation
from cloudsealed.audits.matrix import matrix_page
from cloudsealed.audits.model import (
    NO_PROGRESS,
    Audit,
    AuditEndedError,
    AuditNotFinishedError,
    AuditNotFoundError,
    AuditNotResumableError,
    Scope,
    Standing,
    public,
)
from cloudsealed.audits.observations import Observations
from cloudsealed.audits.records.blocks import OBSERVATIONS, Blocks
from cloudsealed.audits.records.calls import calls_page
from cloudsealed.audits.records.ledger import Collected, Ledger
from cloudsealed.audits.records.snapshots import Snapshots
from cloudsealed.audits.records.tally import tally
from cloudsealed.audits.sealing.chain import envelope_of
from cloudsealed.audits.shard_store import JOB, Shards, forget_shards
from cloudsealed.audits.store import AuditStore, asked_for, decode
from cloudsealed.connections.service import ConnectionService
from cloudsealed.findings.delta_store import Compared
from cloudsealed.jobs import Admit, admitted, enqueue
from cloudsealed.jobs.store import has_open_job
from cloudsealed.kit.clock import Clock, rfc3339
from cloudsealed.kit.cursor import Position
from cloudsealed.kit.errors import InvalidFieldError, NotFoundError
from cloudsealed.kit.ids import new_id
from cloudsealed.kit.shapes import Path, dotted, read_body
from cloudsealed.packs import load_policies
from cloudsealed.policies.frameworks import JUDGED, assess, framework, frameworks
from cloudsealed.policies.model import PolicyVersion
from cloudsealed.policies.service import PolicyService
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.keyset import Page, Rows
from cloudsealed.storage.lease_clock import lease_clock
from cloudsealed.storage.objects import EvidenceExpiredError
from cloudsealed.vocabulary import AuditKind, AuditStatus

_UNSAID = {
    **dict.fromkeys(("base_severity", "savings", "yields_to")),
    "severity_open": False,
}  # by a line
_UNFINISHED = tuple(status for status in AuditStatus if not status.is_final)


class AuditService:
    """The use cases of audits."""

    def __init__(
        self,
        *,
        database: Database,
        connections: ConnectionService,
        policies: PolicyService,
        clock: Clock,
    ) -> None:
        self._database = database
        self._store = AuditStore(database, clock)
        self._shards = Shards(database, lease_clock(database, clock))
        self._connections = connections
        self._policies = policies
        self._clock = clock

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
        """Return a page of audits."""
        rows = self._store.page(
            tenant=tenant, filters=filters, sort=sort, after=after, limit=limit, deadline=deadline
        )
        return Page([public(decode(row[2:])) for row in rows.rows], rows.next)

    def get(self, *, tenant: str, ident: str, deadline: float | None = None) -> bytes:
        """Return one audit; raises AuditNotFoundError."""
        return public(self.find(tenant=tenant, ident=ident))

    def find(self, *, tenant: str, ident: str) -> Audit:
        """Return one audit as a value, without its policies; raises AuditNotFoundError."""
        return self._store.shown(tenant=tenant, ident=ident)

    def standings(self, *, tenant: str, idents: Sequence[str]) -> Mapping[str, Standing]:
        """Return how audits stand, by id, without those that there are none of."""
        return self._store.standings(tenant=tenant, idents=idents)

    def with_evidence(self, *, tenant: str, ident: str) -> Audit:
        """Return one audit whose evidence is there; raises EvidenceExpiredError too."""
        audit = self._store.get(tenant=tenant, ident=ident)
        audit.require_evidence()
        return audit

    def create(
        self,
        *,
        tenant: str,
        body: Any,
        queue: bool = True,
        admit: Admit = admitted,
        lent: Collection[str] = (),
    ) -> bytes:
        """Add an audit of {connection_ids, scope?, policies?}; with `queue` a worker runs it. It
        judges by the checks with the ids `lent`, too."""
        audit = self.prepare(tenant=tenant, body=body, lent=lent)
        admit()
        return self._insert(tenant, audit, queue)

    def refuse_scope(self, scope: Mapping[str, Any]) -> None:
        """Raise the 422 of the first thing in a scope that is not known."""
        read_body(SCOPE, dict(scope), ("scope",))

    def prepare(
        self, *, tenant: str, body: Any, path: str = "", lent: Collection[str] = ()
    ) -> Audit:
        """Return the audit that a body asks for, which is stored nowhere; raises a 422 that names
        the bad field, below `path`, also for a connection that the tenant may not open."""
        at: Path = (path,) if path else ()
        asked, field = read_body(AUDIT, body, at), dotted((*at, "connection_ids"))
        self._connections.refuse_unknown(asked["connection_ids"], tenant=tenant, field=field)
        self._connections.refuse_closed(asked["connection_ids"], tenant=tenant, field=field)
        ident = new_id("aud")
        return self._new(
            tenant,
            asked["policies"],
            at,
            ident=ident,
            kind=AuditKind.LIVE,
            source_id=ident,
            connection_ids=asked["connection_ids"],
            scope=Scope(**(asked["scope"] or {})),
            lent=lent,
        )

    def add(
        self, connection: Connection, *, tenant: str, audit: Audit, queue: bool = True
    ) -> bytes:
        """Add a prepared audit in the caller's transaction; with `queue` a worker runs it."""
        self._store.insert(connection, tenant=tenant, audit=audit, queue=queue)
        if queue:
            enqueue(connection, tenant=tenant, kind=JOB, subject=audit.id)
        return public(audit)

    def newest(self, *, tenant: str, connection_ids: Sequence[str] = ()) -> str | None:
        """Return the newest completed audit that looked through all of `connection_ids`, None when
        there is none; raises EvidenceExpiredError when all that is left of it is its seal. A
        reanalysis looks at what was, so it is none."""
        filters = {"status": (AuditStatus.COMPLETED,)}
        after: Position | None = None
        while True:
            page = self._store.page(
                tenant=tenant, filters=filters, sort="-id", after=after, limit=50
            )
            for audit in (decode(row[2:]) for row in page.rows):
                looked = set(connection_ids) <= set(audit.connection_ids)
                if looked and audit.kind is not AuditKind.REANALYSIS:
                    audit.require_evidence()
                    return audit.id
            after = page.next
            if after is None:
                return None

    def reanalyze(
        self, *, tenant: str, ident: str, body: Any, queue: bool = True, admit: Admit = admitted
    ) -> bytes:
        """Add an audit that judges an ended one's ledger by today's policies; no call is made."""
        asked = read_body(REANALYSIS, body)
        parent = self.with_evidence(tenant=tenant, ident=ident)
        if parent.status is not AuditStatus.COMPLETED:
            raise AuditNotFinishedError("Only a completed audit can be reanalyzed")
        audit = self._new(
            tenant,
            asked["policies"],
            ident=new_id("aud"),
            kind=AuditKind.REANALYSIS,
            source_id=parent.source_id,
            connection_ids=parent.connection_ids,
            scope=parent.scope,
            parent_id=parent.id,
            targets=parent.targets,
            clock=parent.clock,
            clock_skew_seconds=parent.clock_skew_seconds,
            remarks=parent.remarks,
            not_asked=parent.not_asked,
        )
        admit()
        return self._insert(tenant, audit, queue)

    def interrupted(
        self,
        *,
        tenant: str,
        connection_ids: tuple[str, ...],
        scope: Mapping[str, Any],
        policies: Sequence[str] | None = None,
        lent: Collection[str] = (),
    ) -> Sequence[Audit]:
        """Return the audits of the same request that no job will finish, newest first; also the
        newest of all if the cloud stopped taking its credentials."""
        asked = asked_for(connection_ids, scope, policies)
        found: list[Audit] = []
        for status in _UNFINISHED:
            rows = self._store.page(
                tenant=tenant, filters={"status": (status,)}, sort="-id", after=None, limit=50
            )
            same = self._same(rows, asked)
            found += [audit for audit in same if not self._has_job(tenant, audit.id)]
        rows = self._store.page(tenant=tenant, filters={}, sort="-id", after=None, limit=50)
        newest = next(self._same(rows, asked), None)
        if newest is not None and newest.is_resumable(self._clock()):
            found.append(newest)
        judging = (audit for audit in found if self._judges(tenant, audit, lent))
        return sorted(judging, key=lambda audit: audit.id, reverse=True)

    def go_on(self, *, tenant: str, audit: Audit) -> bool:
        """Let an interrupted audit be run to its end; False when it is too old: what it would find
        were two days' halves."""
        if not audit.is_recent(self._clock()):
            return False
        if not audit.status.is_final:
            return True
        with self._database.write() as connection:
            return self._shards.reopen(connection, tenant=tenant, ident=audit.id)

    def abandon(self, *, tenant: str, ident: str, owner: str) -> bool:
        """Cancel an interrupted audit; False when somebody works at it, or it has ended."""
        taken = self._shards.take(tenant=tenant, ident=ident, owner=owner, only=True)
        free = taken is not None
        return free and self._shards.cancel(tenant=tenant, ident=ident)

    def _same(self, rows: Rows, asked: str) -> Iterator[Audit]:
        """Yield the live audits of a request."""
        for audit in (decode(row[2:]) for row in rows.rows):
            found = asked_for(audit.connection_ids, audit.scope.as_dict() or {}, audit.policies)
            if found == asked and audit.kind is AuditKind.LIVE:
                yield audit

    def _judges(self, tenant: str, audit: Audit, lent: Collection[str]) -> bool:
        """Say whether an audit judges by the policies of the tenant's own that one would now."""
        shipped = {spec.key for spec in load_policies()}
        now = self._policies.audit_set(tenant=tenant, only=audit.policies, lent=lent).as_list()
        then = self.policy_versions(tenant=tenant, ident=audit.id)
        own = [
            {(each["id"], each["version"]) for each in versions if each["key"] not in shipped}
            for versions in (now, then)
        ]
        return own[0] == own[1]

    def resume(self, *, tenant: str, ident: str, admit: Admit = admitted) -> bytes:
        """Let an audit go on that stopped when the cloud no longer took its credentials; raises
        AuditNotResumableError."""
        over = AuditNotResumableError("Only an audit that the cloud interrupted goes on")
        audit = self.find(tenant=tenant, ident=ident)
        if not audit.is_resumable(self._clock()):
            raise over
        self._connections.refuse_closed(audit.connection_ids, tenant=tenant)
        admit()
        with self._database.write() as connection:
            if not self._shards.reopen(connection, tenant=tenant, ident=ident):
                raise over
            enqueue(connection, tenant=tenant, kind=JOB, subject=ident)
        return self.get(tenant=tenant, ident=ident)

    def cancel(self, *, tenant: str, ident: str) -> bytes:
        """End an audit at once, whatever it waits for; raises AuditEndedError."""
        self.find(tenant=tenant, ident=ident)
        if not self._shards.cancel(tenant=tenant, ident=ident):
            status = self.find(tenant=tenant, ident=ident).status
            raise AuditEndedError(f"The audit has ended: it is {status}")
        return self.get(tenant=tenant, ident=ident)

    def delete(self, *, tenant: str, ident: str) -> None:
        """Hide an ended audit; its seal stays, so the chain is whole."""
        if not self.find(tenant=tenant, ident=ident).status.is_final:
            raise AuditNotFinishedError("An audit that runs must be canceled first")
        self._store.delete(tenant=tenant, ident=ident)
        with self._database.write() as connection:
            forget_shards(connection, tenant=tenant, audit_id=ident)

    def calls(
        self,
        *,
        tenant: str,
        ident: str,
        filters: Mapping[str, Sequence[str]] = MappingProxyType({}),
        after: Position | None = None,
        limit: int = 50,
        deadline: float | None = None,
    ) -> Page:
        """Return a page of an audit's ledger, in the order of its key."""
        audit = self.with_evidence(tenant=tenant, ident=ident)
        return calls_page(
            self._database,
            tenant=tenant,
            audit_id=audit.source_id,
            filters=filters,
            after=after,
            limit=limit,
            deadline=deadline,
        )

    def matrix(
        self,
        *,
        tenant: str,
        ident: str,
        filters: Mapping[str, Sequence[str]],
        after: Position | None,
        limit: int,
    ) -> Page:
        """Return a page of an audit's policies, each with what it said place by place."""
        audit = self.with_evidence(tenant=tenant, ident=ident)
        blocks = Blocks(self._database, tenant=tenant, audit_id=ident)
        return matrix_page(blocks, audit, filters=filters, after=after, limit=limit)

    def coverage(self, *, tenant: str, ident: str) -> dict[str, Any]:
        """Return what could not be read, and the IAM statement that would cure it."""
        audit = self.with_evidence(tenant=tenant, ident=ident)
        return coverage_report(
            audit,
            tally(self._database, tenant=tenant, audit_id=audit.source_id),
            Snapshots(self._database, tenant=tenant, audit_id=audit.id).listings(),
            Blocks(self._database, tenant=tenant, audit_id=audit.id),
        )

    def seal(self, *, tenant: str, ident: str) -> bytes:
        """Return the DSSE envelope of a completed audit."""
        self.find(tenant=tenant, ident=ident)
        return envelope_of(self._database, tenant=tenant, audit_id=ident)

    def framework(self, *, tenant: str, key: str, audit_id: str | None) -> dict[str, Any]:
        """Return a framework; with an audit, each control's status in it. A control is served by
        the packs' policies and by the tenant's own: those of the audit, else today's."""
        item = framework(key)
        if audit_id is None:
            return assess(item, {}, self._policies.audit_set(tenant=tenant).as_list())
        verdicts = self.verdicts(tenant=tenant, ident=audit_id)
        return assess(item, verdicts, self.policy_versions(tenant=tenant, ident=audit_id))

    def frameworks(self, *, tenant: str, ident: str) -> Sequence[dict[str, Any]]:
        """Return every framework that an audit says something of, each control with its status."""
        verdicts = self.verdicts(tenant=tenant, ident=ident)
        judged = self.policy_versions(tenant=tenant, ident=ident)
        assessed = (assess(item, verdicts, judged) for item in frameworks().values())
        return [item for item in assessed if any(map(item["counts"].get, JUDGED))]

    def verdicts(self, *, tenant: str, ident: str) -> dict[str, dict[str, int]]:
        """Return how many resources had each outcome, by policy key; under `unread`, in how many
        places its resources could not all be listed."""
        self.find(tenant=tenant, ident=ident)
        found: dict[str, dict[str, int]] = {}
        for block in Blocks(self._database, tenant=tenant, audit_id=ident).all(OBSERVATIONS):
            totals = found.setdefault(block.key, {"unread": 0})
            totals["unread"] += not all(block.header["complete"].values())
            for outcome, count in block.header["counts"].items():
                totals[outcome] = totals.get(outcome, 0) + count
        return found

    def observations(
        self, *, tenant: str, ident: str, policies: Collection[str]
    ) -> Iterator[dict[str, Any]]:
        """Yield what an audit's policies with these keys said of each resource, and what that rests
        on: `audits.observations` says in which form and order."""
        audit = self.with_evidence(tenant=tenant, ident=ident)
        return Observations(self._database, tenant=tenant, audit=audit).of(policies)

    def collected(self, *, tenant: str, ident: str) -> Collected:
        """Return which services an audit's calls asked, and from when until when."""
        source = self.find(tenant=tenant, ident=ident).source_id
        return Ledger(self._database, tenant=tenant, audit_id=source).collected()

    def policy_versions(self, *, tenant: str, ident: str) -> tuple[Mapping[str, Any], ...]:
        """Return the versions of the policies that an audit judges by, as JSON values."""
        return self._store.get(tenant=tenant, ident=ident).policy_set

    def policy_titles(self, *, tenant: str, ident: str) -> dict[str, str]:
        """Return the titles of an audit's policies, by key."""
        versions = self.policy_versions(tenant=tenant, ident=ident)
        return {version["key"]: version["spec"]["title"] for version in versions}

    def history(self, *, tenant: str, ident: str, most: int) -> Sequence[Audit]:
        """Return at most `most` completed audits that were asked for the same, `ident` and those
        before it, the newest ledger first, each without its policies."""
        audit = self.find(tenant=tenant, ident=ident)
        return self._store.history(tenant=tenant, audit=audit, most=most)

    def compared(self, *, tenant: str, ident: str | None, against: str | None = None) -> Compared:
        """Return an audit, the newest completed one if None, beside another, as `audits.compared`
        has it; raises what that does."""
        ident = self.newest(tenant=tenant) if ident is None else ident
        return compared(self._store, tenant=tenant, ident=ident, against=against)

    def followed(self, *, tenant: str, ident: str | None, most: int) -> Sequence[tuple[str, str]]:
        """Return (id, when it ended) of at most `most` audits that were asked for the same, up to
        this one, the newest completed if None, oldest first; without those whose evidence is gone.
        Of several that judged one ledger the newest counts."""
        try:
            ident = self.newest(tenant=tenant) if ident is None else ident
            history = self.history(tenant=tenant, ident=ident or "", most=5 * most)
        except (AuditNotFoundError, EvidenceExpiredError):
            return []
        newest: dict[str, Audit] = {}
        for audit in history:
            if audit.expired_at is None and audit.status is AuditStatus.COMPLETED:
                newest.setdefault(audit.source_id, audit)
        kept = list(newest.values())[:most]
        return [(audit.id, audit.finished_at or audit.created_at) for audit in reversed(kept)]

    def evidence(self, *, tenant: str, finding: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a finding rests on: the observation, the snapshot and the calls behind it."""
        audit_id, resource = finding["audit_id"], finding["resource"]
        self.find(tenant=tenant, ident=audit_id).require_evidence()
        blocks = Blocks(self._database, tenant=tenant, audit_id=audit_id)
        place = (resource["account"], resource["region"])
        block = blocks.find(OBSERVATIONS, finding["policy"]["key"], *place)
        snapshots = Snapshots(self._database, tenant=tenant, audit_id=audit_id)
        found = snapshots.line_about(block, resource["native_id"]) if block else None
        if found is None:
            raise AuditNotFoundError(audit_id)
        line = {**_UNSAID, **orjson.loads(found[1])}
        snapshot = snapshots.at(line["snapshot"])
        return {
            "object": "evidence",
            "finding_id": finding["id"],
            "audit_id": audit_id,
            "observation": line,
            "snapshot": snapshot,
        }

    def explanation(self, *, tenant: str, finding: Mapping[str, Any]) -> dict[str, Any]:
        """Return why a finding fails: the parts of its policy with their values, as the audit that
        saw it fail last had them. Raises NotExplainableError."""
        audit_id, policy = finding["audit_id"], finding["policy"]
        snapshot = self.evidence(tenant=tenant, finding=finding)["snapshot"]
        if snapshot is None:
            raise NotExplainableError("The snapshot that the verdict rests on is gone")
        version = self._policies.version(
            tenant=tenant, ident=policy["id"], number=policy["version"]
        )
        told = self.explained(tenant=tenant, ident=audit_id, version=version, snapshot=snapshot)
        return {"object": "explanation", "finding_id": finding["id"], **told}

    def explained(
        self, *, tenant: str, ident: str, version: PolicyVersion, snapshot: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return what a check says of a snapshot by an audit's clock, and why. Raises
        NotExplainableError."""
        audit = self.find(tenant=tenant, ident=ident)
        audit.require_evidence()
        snapshots = Snapshots(self._database, tenant=tenant, audit_id=ident)
        return {"audit_id": ident, **explanation(snapshots, audit, version, snapshot)}

    def _has_job(self, tenant: str, ident: str) -> bool:
        with self._database.read() as connection:
            return has_open_job(connection, tenant=tenant, subject=ident)

    def _new(
        self,
        tenant: str,
        only: tuple[str, ...] | None,
        at: Path = (),
        *,
        ident: str,
        kind: AuditKind,
        lent: Collection[str] = (),
        **values: Any,
    ) -> Audit:
        try:
            chosen = self._policies.audit_set(tenant=tenant, only=only, lent=lent)
        except NotFoundError as error:
            raise InvalidFieldError(dotted((*at, "policies")), error.message) from error
        defaults: dict[str, Any] = {"parent_id": None, "targets": None, "clock": None}
        return Audit(
            id=ident,
            kind=kind,
            status=AuditStatus.QUEUED,
            policies=only,
            policy_set=tuple(chosen.as_list()),
            created_at=rfc3339(self._clock()),
            started_at=None,
            finished_at=None,
            progress=NO_PROGRESS,
            result=None,
            error=None,
            verdict_digest=None,
            **(defaults | values),
        )

    def _insert(self, tenant: str, audit: Audit, queue: bool) -> bytes:
        with self._database.write() as connection:
            return self.add(connection, tenant=tenant, audit=audit, queue=queue)
