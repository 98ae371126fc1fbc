"""Why a finding fails: the sub-expressions of its policy, with their values on its snapshot.

An expression runs in a process of its own, as `kit.confined` bounds it: whoever asks gets an answer
within seconds, or is told that there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from cloudsealed.audits.judging.extent import Extent
from cloudsealed.audits.judging.given import Reads, given
from cloudsealed.audits.judging.related import Relations, found_of
from cloudsealed.audits.model import Audit
from cloudsealed.audits.records.snapshots import Snapshots
from cloudsealed.collectors.attributes import attributes_of
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.engine import explain
from cloudsealed.kit.clock import parse_rfc3339
from cloudsealed.kit.confined import ConfinedError, run_confined
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.policies.model import PolicyVersion
from cloudsealed.policies.rules import RESOURCE_NAMES, compile_check

SECONDS = 10.0
MEMORY = 512 * 1024 * 1024


class NotExplainableError(CloudSealedError):
    """An explanation takes more memory or time than one may have, or its snapshot is gone."""

    code = "not_explainable"
    status = 409
    remedy = (
        "Look at the finding's evidence instead; of a policy of your own, try it by "
        "`cloudsealed policy explain`."
    )


def explanation(
    snapshots: Snapshots, audit: Audit, version: PolicyVersion, snapshot: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the explanation of a policy's verdict on a snapshot of an audit, as JSON values.

    Its shape is that of `engine.Explanation.as_json`. Raises NotExplainableError.
    """
    relations = Relations(snapshots, snapshots.listings(), Extent(audit.targets or ()))
    found = relations.of(snapshot, version.spec.get("related") or {})
    order = {
        "spec": version.spec,
        "snapshot": {name: snapshot[name] for name in ("document", "unread", *RESOURCE_NAMES)},
        "found": {name: each.as_dict() for name, each in found.items()},
        "now": audit.clock,
    }
    try:
        made = run_confined(__name__, order, seconds=SECONDS, memory=MEMORY)
    except ConfinedError as error:
        raise NotExplainableError(f"The verdict cannot be explained {error}") from error
    told: dict[str, Any] = orjson.loads(made)
    return told


def prepare() -> None:
    """Have what orders need that is made when it is first used: all but 10 of 50 ms of each."""
    for name in RESOURCE_TYPES:
        attributes_of(name)
    nothing: dict[str, Any] = {"document": {}, "unread": {}}
    answer(
        {
            "spec": {"fail_when": "true", "resource_types": [next(iter(RESOURCE_TYPES))]},
            "snapshot": nothing,
            "found": {},
            "now": "2026-01-01T00:00:00.000Z",
        }
    )


def answer(order: Mapping[str, Any]) -> bytes:
    """Explain an order, in the process that `kit.confined` has for it."""
    rule = compile_check(order["spec"])
    found = {name: found_of(each) for name, each in order["found"].items()}
    documents = given(Reads.of(rule, found), order["snapshot"], found)
    now = parse_rfc3339(order["now"])
    told = explain(rule, documents.resource, documents.related, now)
    return orjson.dumps(told.as_json())
