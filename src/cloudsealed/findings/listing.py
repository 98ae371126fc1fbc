"""The filters and sorts of `GET /v1/findings`, as data."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from cloudsealed.collectors.registry import RESOURCE_TYPES, services
from cloudsealed.findings.cell_store import moved
from cloudsealed.findings.text_store import searched
from cloudsealed.storage.filters import (
    OWNER_TAGS,
    Filter,
    at_least,
    before,
    of_services,
    owner_filter,
    owner_of,
    prepare_tags,
    searching,
    tag_filters,
)
from cloudsealed.storage.keyset import Listing
from cloudsealed.storage.schema import finding_counts, findings
from cloudsealed.vocabulary import (
    DeltaKind,
    Dimension,
    FindingStatus,
    Provider,
    Severity,
    TriageState,
)

_VALUE_SORTS = ("-severity", "-first_seen_at", "-monthly_savings")


def _rank(value: str) -> int:
    return Severity(value).rank


def _of_policies(name: str, description: str) -> Filter:
    # The service puts the ids of the policies that the value maps to in its place.
    return Filter(name, description, "policy_id", probe=finding_counts)


LISTING = Listing(
    table=findings,
    columns=("doc", "policy_id", "policy_version", "moved"),
    filters=(
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
            " before; pins the list",
            choices=tuple(DeltaKind),
            kind="enum",
            has_negation=False,
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
        of_services("resource_type", probe=finding_counts, known=services),
        *tag_filters("resource_id", leads="resource"),
        owner_filter("resource_id", OWNER_TAGS, leads="resource"),
        searched(
            "search", "Part of the title, or of the resource's name or native id, letter case aside"
        ),
        searching("name", "Part of the resource's name, letter case aside", "name"),
    ),
    prepare=prepare_tags,
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
