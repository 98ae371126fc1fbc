"""A resource's history is a version for each snapshot, with what changed and who saw it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.audits.world import TENANT, Clock, Cloud
from tests.resources.test_seen_store import audited

from cloudsealed.kit.cursor import Position
from cloudsealed.resources import seen_store as seen
from cloudsealed.resources.history import LONGEST_VALUE, differences
from cloudsealed.resources.model import NotSeenError, ResourceNotFoundError
from cloudsealed.resources.service import ResourceService
from cloudsealed.storage.database import Database
from cloudsealed.storage.objects import drop_unused
from cloudsealed.storage.schema import tenants

NOTHING: dict[str, Any] = {"unread": {}, "document": {}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(("a", "b/c", "~")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(("a", "b/c", "~d")), inner, max_size=3)
    ),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(st.sampled_from(("A", "B", "C")), JSON)


@pytest.fixture
def cloud(database: Database) -> Cloud:
    row = {"tenant_id": TENANT, "name": "Acme", "created_at": "2026-01-01T00:00:00.000Z"}
    with database.write() as connection:
        connection.run(tenants.insert(), row)
    return Cloud(Clock())


def resource(database: Database) -> str:
    page = ResourceService(database=database).list(tenant=TENANT, filters={"name": ("orders",)})
    return str(orjson.loads(page.items[0])["id"])


def history(database: Database, ident: str, limit: int = 50) -> list[dict[str, Any]]:
    service, found, after = ResourceService(database=database), list[dict[str, Any]](), None
    while True:
        page = service.history(tenant=TENANT, ident=ident, after=after, limit=limit)
        assert len(page.items) <= limit
        found += map(orjson.loads, page.items)
        after = page.next
        if after is None:
            return found


def test_each_snapshot_is_a_version_with_what_changed(database: Database, cloud: Cloud) -> None:
    audits = []
    for attributes in ({"Delay": "0"}, {"Delay": "0"}, {"Delay": "5", "New": "x"}, {"Delay": "0"}):
        cloud.queues = {"orders": attributes, "other": {}}
        audits.append(audited(database, cloud))
    cloud.queues = {"other": {}}
    audited(database, cloud)
    found = history(database, resource(database))
    spans = [(each["first_audit_id"], each["last_audit_id"]) for each in found]
    assert spans == [(audits[3], audits[3]), (audits[2], audits[2]), (audits[0], audits[1])]
    assert [each["previous_snapshot"] for each in found] == [
        found[1]["snapshot"],
        found[2]["snapshot"],
        None,
    ]
    assert found[0]["snapshot"] == found[2]["snapshot"]
    assert found[2]["first_seen_at"] < found[2]["last_seen_at"] < found[1]["first_seen_at"]
    assert found[2]["changes"] == []
    said = {(c["path"], c["change"], c["before"], c["after"]) for c in found[1]["changes"]}
    assert said == {
        ("/document/Attributes/Delay", "changed", "0", "5"),
        ("/document/Attributes/New", "added", None, "x"),
    }
    assert ("/document/Attributes/New", "removed", "x", None, False) in {
        tuple(change.values()) for change in found[0]["changes"]
    }
    for limit in (1, 2):
        assert history(database, resource(database), limit) == found


def test_a_page_that_reads_enough_goes_on_where_it_was(
    database: Database, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    for delay in range(3):
        cloud.queues = {"orders": {"Delay": str(delay)}}
        audited(database, cloud)
    whole = history(database, resource(database))
    monkeypatch.setattr(seen, "SCAN_SECONDS", -1)
    page = ResourceService(database=database).history(
        tenant=TENANT, ident=resource(database), limit=50
    )
    assert (len(page.items), page.next) == (1, Position(whole[0]["first_audit_id"]))
    walked = [each["snapshot"] for each in history(database, resource(database))]
    assert walked == [each["snapshot"] for each in whole]


def test_what_retention_dropped_is_left_out_and_a_stranger_finds_nothing(
    database: Database, cloud: Cloud
) -> None:
    cloud.queues = {"orders": {}}
    audited(database, cloud)
    ident = resource(database)
    with pytest.raises(ResourceNotFoundError):
        ResourceService(database=database).history(tenant="ten_b", ident=ident)
    drop_unused(database, TENANT, before="2999-01")
    assert history(database, ident) == []


@given(DOCUMENTS, DOCUMENTS)
def test_every_difference_is_named_by_a_pointer_that_leads_to_it(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    found = list(differences({**NOTHING, "document": old}, {**NOTHING, "document": new}))
    assert bool(found) == (
        orjson.dumps(old, option=orjson.OPT_SORT_KEYS)
        != orjson.dumps(new, option=orjson.OPT_SORT_KEYS)
    )
    for change in found:
        for side, document in (("before", old), ("after", new)):
            missing = change["change"] == {"before": "added", "after": "removed"}[side]
            assert led({"document": document}, change["path"]) == (
                [] if missing else [change[side]]
            )


def led(value: Any, pointer: str) -> list[Any]:
    """What a JSON Pointer leads to, in a list; none where it leads nowhere."""
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        key: Any = int(name) if isinstance(value, list) else name
        there = key < len(value) if isinstance(value, list) else key in value
        if not there:
            return []
        value = value[key]
    return [value]


def test_what_could_not_be_read_did_not_change_and_long_values_are_left_out() -> None:
    old = {**NOTHING, "document": {"A": 1, "B": 1}}
    new = {"unread": {"A": {}}, "document": {"B": "x" * (LONGEST_VALUE + 1)}}
    (change,) = differences(old, new)
    assert (change["path"], change["after"], change["shortened"]) == ("/document/B", None, True)


def test_what_two_audits_saw_is_compared_in_either_direction(
    database: Database, cloud: Cloud
) -> None:
    audits = []
    for delay in ("0", "5", "9"):
        cloud.queues = {"orders": {"Delay": delay}}
        audits.append(audited(database, cloud))
    cloud.queues = {}
    without, ident = audited(database, cloud), resource(database)
    service = ResourceService(database=database)

    def compared(first: str, second: str) -> list[tuple[Any, ...]]:
        found = service.comparison(tenant=TENANT, ident=ident, first=first, second=second)
        assert (found["from_audit_id"], found["to_audit_id"]) == (first, second)
        return [(c["path"], c["before"], c["after"]) for c in found["changes"]]

    assert compared(audits[0], audits[2]) == [("/document/Attributes/Delay", "0", "9")]
    assert compared(audits[2], audits[0]) == [("/document/Attributes/Delay", "9", "0")]
    assert compared(audits[1], audits[1]) == []
    newest = service.comparison(tenant=TENANT, ident=ident)
    assert (newest["from_audit_id"], newest["to_audit_id"]) == (audits[1], audits[2])
    for audit in (without, "aud_01JD0000000000000000000000"):
        with pytest.raises(NotSeenError):
            compared(audits[0], audit)
    with pytest.raises(ResourceNotFoundError):
        service.comparison(tenant="ten_b", ident=ident, first=audits[0], second=audits[1])
