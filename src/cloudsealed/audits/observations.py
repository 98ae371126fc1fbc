"""What an audit's policies said of each resource, and what that rests on, to be read in order.

Every verdict comes with the digest of its snapshot and the provider calls behind what its policy
reads, each with the digest of the stored answer. It looks nothing up a verdict at a time, and it
refuses to judge: a rule is only asked what it reads.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import orjson

from cloudsealed.audits.model import Audit
from cloudsealed.audits.records.blocks import OBSERVATIONS, SNAPSHOTS, Block, Blocks
from cloudsealed.audits.records.ledger import Ledger
from cloudsealed.audits.records.snapshots import Snapshots
from cloudsealed.audits.steps.evaluate import Check
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.findings import store as finding_rows
from cloudsealed.findings.model import Finding
from cloudsealed.kit.batches import batches
from cloudsealed.policies.service import policy_set
from cloudsealed.storage import objects
from cloudsealed.storage.database import Database
from cloudsealed.vocabulary import Outcome, Provider

Source = tuple[str, str, str, int]
"""Service, operation, parameters as canonical JSON, page: a call of the resource's own place."""
Call = dict[str, Any]
RELATED_CALLS = 10
"""Calls named at most for each list of related resources, in the order of the ledger."""
_BATCH = 500


class Observations:
    """Reads the observations of one audit, in the order of policy, account, region, resource."""

    def __init__(self, database: Database, *, tenant: str, audit: Audit) -> None:
        self._database = database
        self._tenant = tenant
        self._blocks = Blocks(database, tenant=tenant, audit_id=audit.id)
        self._snapshots = Snapshots(database, tenant=tenant, audit_id=audit.id)
        self._ledger = Ledger(database, tenant=tenant, audit_id=audit.source_id)
        self._versions = {v.key: v for v in policy_set(audit.policy_set).checks}
        self._listed = lru_cache(maxsize=1024)(self._list_calls)

    def of(self, policies: Collection[str]) -> Iterator[dict[str, Any]]:
        """Yield every observation of the policies with these keys, as a report shows it.

        `answers` are the calls behind it: service, operation, region, outcome, called_at and the
        sha256 of the stored answer, null where there is none; of related resources, those that
        listed them. `finding` is what became of one that fails: id, status, first_seen_at, triage,
        classified_by, yields_to.
        """
        places: dict[str, list[tuple[str, str]]] = {}
        for listing in self._blocks.all(SNAPSHOTS):
            places.setdefault(listing.key, []).append((listing.account, listing.region))
        for block in self._blocks.all(OBSERVATIONS):
            if block.key in policies:
                version = self._versions[block.key]
                check = Check(version)
                related = self._related(check, block, places)
                for lines in batches(self._blocks.lines(block), _BATCH):
                    yield from self._shown(check, block, lines, related)

    def _shown(
        self,
        check: Check,
        block: Block,
        lines: Sequence[Mapping[str, Any]],
        related: Sequence[Call],
    ) -> Iterator[dict[str, Any]]:
        failing = {
            line["fingerprint"]: self._snapshots.print_today(block, line)
            for line in lines
            if line["outcome"] == Outcome.FAIL
        }
        with self._database.read() as connection:
            found = objects.get_many(connection, self._tenant, (line["snapshot"] for line in lines))
            findings = finding_rows.load(
                connection, tenant=self._tenant, fingerprints=[*failing.values()]
            )
        snapshots = {address: orjson.loads(data) for address, data in found.items()}
        sources = {a: _sources(s["sources"], check.reads.attributes) for a, s in snapshots.items()}
        wanted = {source for each in sources.values() for source in each}
        provider = Provider.of_type(check.version.spec["resource_types"][0])
        calls = self._calls(provider, block, wanted)
        for line in lines:
            address = line["snapshot"]
            snapshot = snapshots.get(address) or {}
            own = [calls[source] for source in sources.get(address, ()) if source in calls]
            yield {
                "object": "observation",
                **_place(check, block, line, snapshot),
                **{name: line[name] for name in _COPIED},
                "observed_at": block.header["observed_at"],
                "answers": [*own, *related],
                "finding": _finding(findings.get(failing.get(line["fingerprint"], ""))),
            }

    def _calls(self, provider: str, block: Block, wanted: Collection[Source]) -> dict[Source, Call]:
        """Return the calls of a place, by what names them there."""
        by_operation: dict[tuple[str, str], set[str]] = {}
        for service, operation, parameters, _page in wanted:
            by_operation.setdefault((service, operation), set()).add(parameters)
        return {
            (service, operation, parameters, page): _call(service, operation, block.region, end)
            for (service, operation), given in by_operation.items()
            for parameters, page, end in self._ledger.ended(
                provider=provider,
                account=block.account,
                region=block.region,
                service=service,
                operation=operation,
                parameters=given,
            )
        }

    def _related(
        self, check: Check, block: Block, places: Mapping[str, Sequence[tuple[str, str]]]
    ) -> list[Call]:
        """Return the calls that listed what the policy reads of other resources."""
        calls: dict[tuple[str, ...], Call] = {}  # two relations may be of one type
        for name in sorted(check.reads.relations):
            relation = check.version.spec["related"][name]
            anywhere = relation.get("scope") != "region"
            for account, region in places.get(relation["type"], ()):
                if account == block.account and (anywhere or region == block.region):
                    for call in self._listed(relation["type"], account, region):
                        calls[tuple(map(str, call.values()))] = call
        return list(calls.values())

    def _list_calls(self, kind: str, account: str, region: str) -> list[Call]:
        row = RESOURCE_TYPES[kind]
        if row.operation is None:
            return []
        found = self._ledger.first(
            provider=row.provider,
            account=account,
            region=region,
            service=row.service,
            operation=row.operation,
            most=RELATED_CALLS,
        )
        return [_call(row.service, row.operation, region, end) for end in found]


_COPIED = (
    "outcome",
    "severity",
    "title",
    "evidence",
    "reasons",
    "suppressed",
    "classified_by",
    "fingerprint",
    "snapshot",
)


def _place(
    check: Check, block: Block, line: Mapping[str, Any], snapshot: Mapping[str, Any]
) -> dict[str, Any]:
    version = check.version
    return {
        "policy": {"id": version.id, "key": version.key, "version": version.version},
        "dimension": version.spec["dimension"],
        "resource": {
            "type": line["type"],
            "native_id": line["native_id"],
            "name": snapshot.get("name"),
            "provider": Provider.of_type(line["type"]),
            "account": block.account,
            "region": block.region,
        },
    }


def _sources(
    sources: Mapping[str, Sequence[Sequence[Any]]], attributes: Collection[str] | None
) -> list[Source]:
    """Return the calls behind some attributes of a snapshot, all of them for None; the call that
    listed the resource is always one."""
    wanted = sources if attributes is None else {"*", *attributes} & sources.keys()
    return list(dict.fromkeys(_named(unit) for name in sorted(wanted) for unit in sources[name]))


def _named(unit: Sequence[Any]) -> Source:
    service, operation, parameters, page = unit
    return service, operation, parameters, page


def _call(service: str, operation: str, region: str, end: Mapping[str, Any]) -> Call:
    return {"service": service, "operation": operation, "region": region, **end}


def _finding(finding: Finding | None) -> dict[str, Any] | None:
    if finding is None:
        return None
    return {
        "id": finding.id,
        "status": finding.status,
        "first_seen_at": finding.first_seen_at,
        "triage": asdict(finding.triage) if finding.triage else None,
        "classified_by": finding.classified_by,
        "yields_to": finding.yields_to,
    }
