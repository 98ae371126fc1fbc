"""The filters and sorts of `GET /v1/findings`, as data."""

from __future__ import annotations

from cloudsealed.collectors.registry import RESOURCE_TYPES, services
from cloudsealed.storage.filters import (
    Filter,
    at_least,
    before,
    of_services,
    prepare_tags,
    searching,
    tag_filters,
)
from cloudsealed.storage.keyset import Listing
from cloudsealed.storage.schema import finding_counts, findings
from cloudsealed.vocabulary import Dimension, FindingStatus, Provider, Severity, TriageState

_VALUE_SORTS = ("-severity", "-last_seen_at", "-monthly_savings")


def _rank(value: str) -> int:
    return Severity(value).rank


def _of_policies(name: str, description: str) -> Filter:
    # The service puts the ids of the policies that the value maps to in its place.
    return Filter(name, description, "policy_id", probe=finding_counts)


LISTING = Listing(
    table=findings,
    columns=("doc", "policy_id", "policy_version"),
    filters=(
        Filter("resource", "Resource that the finding is about", "resource_id", kind="id", prefix="res", sorts=("-id",)),
        Filter("policy", "Policy, by id or key", "policy_id", kind="policy", prefix="pol", sorts=("-id",)),
        Filter(
            "triage", "What people decided", "triage", tuple(TriageState), kind="enum", sorts=("-id",)
        ),
        Filter(
            "severity", "How much it matters", "severity", tuple(Severity), kind="enum", convert=_rank,
            sorts=("-id", *_VALUE_SORTS),
        ),
        Filter("connection", "Connection that it was found through", "connection_id", kind="id", prefix="con", sorts=("-id",)),
        Filter("account", "Cloud account", "account", kind="word", sorts=("-id",)),
        Filter("dimension", "Dimension of the audit", "dimension", tuple(Dimension), kind="enum", sorts=("-id",)),
        Filter(
            "status", "Where it stands", "status", tuple(FindingStatus), kind="enum",
            sorts=("-id", *_VALUE_SORTS),
        ),
        Filter("audit", "Audit in which it failed; pins the list", kind="audit", prefix="aud", sorts=()),
        Filter("resource_type", "Type such as aws.s3.bucket", "resource_type", kind="word", probe=finding_counts, known=lambda: RESOURCE_TYPES),
        Filter("provider", "Cloud", "provider", tuple(Provider), kind="enum", probe=finding_counts),
        Filter("region", "Region, or global", "region", kind="word", probe=finding_counts),
        _of_policies("framework", "Framework with a control that its policy serves"),
        _of_policies("control", "Control that its policy serves, such as 5.3"),
        Filter("first_seen_after", "First seen at or after", kind="time", condition=at_least("first_seen_at")),
        Filter("first_seen_before", "First seen before", kind="time", condition=before("first_seen_at")),
        Filter("last_seen_after", "Last seen at or after", kind="time", condition=at_least("last_seen_at")),
        of_services("resource_type", probe=finding_counts, known=services),
        *tag_filters("resource_id"),
        searching("name", "Part of the resource's name, letter case aside", "name"),
    ),
    prepare=prepare_tags,
    sorts={"-id": "id", "-severity": "severity", "-last_seen_at": "last_seen_at", "-monthly_savings": "monthly_savings"},
    unfiltered_sorts=("-id", *_VALUE_SORTS),
)  # fmt: skip
