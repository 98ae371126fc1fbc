"""The filters and sorts of `GET /v1/findings`, as data."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from sqlalchemy import ColumnElement, FromClause, and_, exists, literal

from cloudsealed.collectors.registry import RESOURCE_TYPES, services
from cloudsealed.findings.cell_store import moved
from cloudsealed.findings.ranges import AGES, SAVINGS, bounded
from cloudsealed.findings.text_store import searched
from cloudsealed.kit.clock import parse_rfc3339
from cloudsealed.kit.ids import first_id
from cloudsealed.storage.filters import (
    OWNER_TAGS,
    Binds,
    Filter,
    at_least,
    before,
    between,
    of_services,
    owner_filter,
    owner_of,
    prepare_tags,
    searching,
    tag_filters,
)
from cloudsealed.storage.keyset import Listing
from cloudsealed.storage.schema import events, finding_counts, findings
from cloudsealed.vocabulary import (
    DeltaKind,
    Dimension,
    EventType,
    FindingStatus,
    Provider,
    Severity,
    TriageState,
)

_VALUE_SORTS = ("-severity", "-first_seen_at", "-monthly_savings")


def _rank(value: str) -> int:
    return Severity(value).rank


def _first_event(moment: str) -> str:
    # The id of an event has the time of its writing, so that an index tells which came after.
    return first_id("evt", parse_rfc3339(moment))


def _reopening(table: FromClause, values: Binds) -> ColumnElement[bool]:
    is_one = table.c.type == literal(EventType.FINDING_REOPENED.value)
    return and_(is_one, table.c.id >= values[0])


def _reopened(table: FromClause, values: Binds) -> ColumnElement[bool]:
    return exists().where(
        events.c.tenant_id == table.c.tenant_id,
        events.c.subject == table.c.id,
        _reopening(events, values),
    )


def _of_policies(name: str, description: str) -> Filter:
    # The service puts the ids of the policies that the value maps to in its place.
    return Filter(name, description, "policy_id", probe=finding_counts)


LISTING = Listing(
    table=findings,
    columns=("doc", "policy_id", "policy_version", "moved"),
    filters=(
        Filter("id", "Id", "id", kind="id", prefix="fnd", sorts=("-id",), is_public=False),
        Filter(
            "resource",
            "Resource that the finding is about",
            "resource_id",
            kind="id",
            prefix="res",
            sorts=("-id",),
        ),
        Filter(
            "policy",
            "Policy, by id or key",
            "policy_id",
            kind="policy",
            prefix="pol",
            sorts=("-id",),
        ),
        Filter(
            "triage",
            "What people decided",
            "triage",
            tuple(TriageState),
            kind="enum",
            sorts=("-id",),
        ),
        Filter(
            "severity",
            "How much it matters",
            "severity",
            tuple(Severity),
            kind="enum",
            convert=_rank,
            sorts=("-id", *_VALUE_SORTS),
        ),
        Filter(
            "connection",
            "Connection that it was found through",
            "connection_id",
            kind="id",
            prefix="con",
            sorts=("-id",),
        ),
        Filter("account", "Cloud account", "account", kind="word", sorts=("-id",)),
        Filter(
            "dimension",
            "Dimension of the audit",
            "dimension",
            tuple(Dimension),
            kind="enum",
            sorts=("-id",),
        ),
        Filter(
            "status",
            "Where it stands",
            "status",
            tuple(FindingStatus),
            kind="enum",
            sorts=("-id", *_VALUE_SORTS),
        ),
        Filter(
            "audit", "Audit in which it failed; pins the list", kind="audit", prefix="aud", sorts=()
        ),
        Filter(
            "delta",
            "What became of it in the audit `audit`, else the newest, against the audit"
            " `against`, else the one before; pins the list",
            choices=tuple(DeltaKind),
            kind="enum",
            has_negation=False,
        ),
        Filter(
            "against",
            "Audit that `delta` compares with: one that began no later",
            kind="audit",
            prefix="aud",
        ),
        Filter(
            "resource_type",
            "Type such as aws.s3.bucket",
            "resource_type",
            kind="word",
            probe=finding_counts,
            known=lambda: RESOURCE_TYPES,
        ),
        Filter("provider", "Cloud", "provider", tuple(Provider), kind="enum", probe=finding_counts),
        Filter("region", "Region, or global", "region", kind="word", probe=finding_counts),
        _of_policies("framework", "Framework with a control that its policy serves"),
        _of_policies("control", "Control that its policy serves, such as 5.3"),
        Filter(
            "first_seen_after",
            "First seen at or after",
            kind="time",
            condition=at_least("first_seen_at"),
        ),
        Filter(
            "first_seen_before", "First seen before", kind="time", condition=before("first_seen_at")
        ),
        Filter(
            "resolved_after",
            "Resolved at or after, and not open again",
            kind="time",
            condition=at_least("resolved_at"),
        ),
        Filter(
            "resolved_before",
            "Resolved before, and not open again",
            kind="time",
            condition=before("resolved_at"),
        ),
        Filter(
            "reopened_after",
            "Open again, after it was resolved, since",
            kind="time",
            convert=_first_event,
            condition=_reopened,
            probe=events,
            asks=_reopening,
            leads=("subject", "id"),
        ),
        Filter(
            "age",
            "How long ago it was first seen, in days",
            choices=AGES,
            kind="enum",
            condition=between("first_seen_at"),
        ),
        Filter(
            "savings",
            "What a cure saves a month, in units of its currency",
            choices=SAVINGS,
            kind="enum",
            convert=int,
            condition=between("monthly_savings"),
        ),
        of_services("resource_type", probe=finding_counts, known=services),
        *tag_filters("resource_id", leads="resource"),
        owner_filter("resource_id", OWNER_TAGS, leads="resource"),
        searched(
            "search", "Part of the title, or of the resource's name or native id, letter case aside"
        ),
        searching("name", "Part of the resource's name, letter case aside", "name"),
    ),
    prepare=lambda filters: prepare_tags(bounded(filters)),
    computed={"moved": moved, "owner": lambda table: owner_of(table, "resource_id", OWNER_TAGS)},
    sorts={
        "-id": "id",
        "-severity": "severity",
        "-first_seen_at": "first_seen_at",
        "-monthly_savings": "monthly_savings",
    },
    unfiltered_sorts=("-id", *_VALUE_SORTS),
)


@lru_cache(maxsize=10)
def listing_of(owner_tags: tuple[str, ...]) -> Listing:
    """Return the listing of an installation where other tags name an owner."""
    keys = tuple(key.lower() for key in owner_tags)
    if keys == OWNER_TAGS:
        return LISTING
    owner = owner_filter("resource_id", keys, leads="resource")
    filters = tuple(owner if item.name == owner.name else item for item in LISTING.filters)
    computed = {**LISTING.computed, "owner": lambda table: owner_of(table, "resource_id", keys)}
    return replace(LISTING, filters=filters, computed=computed)
