"""The chain of events: what was changed, left out, added or put elsewhere shows in an export."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from cloudsealed.events import EventStore, append, chain_store
from cloudsealed.events.chain import hash_of
from cloudsealed.events.chain_store import extend
from cloudsealed.events.export import written
from cloudsealed.events.verify import VerifiedEvents, verify_events, verify_succession
from cloudsealed.kit.canonical import canonical
from cloudsealed.storage.database import Database
from cloudsealed.storage.keys import KeyRing, ensure_keys, key_id, public_key, replace_key
from cloudsealed.vocabulary import EventType

Event = dict[str, Any]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys.json"


@pytest.fixture(scope="module")
def keys(path: Path) -> KeyRing:
    return ensure_keys(path)


def add(database: Database, count: int, tenant: str = "ten_a") -> None:
    with database.write() as connection:
        for number in range(count):
            append(
                connection,
                tenant=tenant,
                kind=EventType.POLICY_CHANGED,
                subject="pol_a",
                data={"n": number, "part": 0.1},
                was=b'{"severity":"high"}',
                now=b'{"severity":"low"}',
            )


def exported(database: Database, tenant: str = "ten_a", after: int = 0) -> list[bytes]:
    found = EventStore(database).chained(tenant=tenant, filters={}, after=after)
    return list(written(found, "jsonl"))


def checked(lines: Sequence[bytes], trusted: Sequence[str] | None = None) -> VerifiedEvents:
    return verify_events("export", io.BytesIO(b"".join(lines)), trusted)


def test_events_get_their_places_in_batches_each_signed_at_its_end(
    database: Database, keys: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain_store, "BATCH", 2)
    add(database, 5)
    add(database, 1, tenant="ten_b")
    assert [extend(database, keys, tenant="ten_a") for _ in range(4)] == [True, True, False, False]
    events = [orjson.loads(line) for line in exported(database)]
    assert [event["sequence"] for event in events] == [1, 2, 3, 4, 5]
    assert [event["data"]["n"] for event in events] == [0, 1, 2, 3, 4]
    assert [event["previous"] for event in events] == [None, *(e["hash"] for e in events[:-1])]
    assert [event["signature"] is not None for event in events] == [False, True, False, True, True]
    assert exported(database, "ten_b") == []
    found = checked(exported(database), [key_id(public_key(keys.current("seal")))])
    assert (found.problems, found.first, found.last, found.is_trusted) == ([], 1, 5, True)


def test_an_event_that_became_visible_late_is_chained_all_the_same(
    database: Database, keys: KeyRing
) -> None:
    """Its id is older than that of one that has its place."""
    add(database, 1)
    extend(database, keys, tenant="ten_a")
    old = "evt_00000000000000000000000000"
    copy = (
        "INSERT INTO events (tenant_id, id, category, type, subject, created_at, data)"
        f" SELECT tenant_id, '{old}', category, type, subject, created_at, data FROM events"
    )
    with database.write() as connection:
        connection.run(text(copy))
    extend(database, keys, tenant="ten_a")
    assert [orjson.loads(line)["sequence"] for line in exported(database)] == [1, 2]
    assert orjson.loads(exported(database)[1])["id"] == old
    assert checked(exported(database)).problems == []


def lines_of(database: Database, keys: KeyRing, count: int = 4) -> list[bytes]:
    add(database, count)
    extend(database, keys, tenant="ten_a")
    return exported(database)


def changed(line: bytes, change: Callable[[Event], None], *, whole: bool = False) -> bytes:
    """Return a line after a change of its event, with its own hash again if `whole`."""
    event = orjson.loads(line)
    change(event)
    if whole:
        event["hash"] = hash_of(event)
    return canonical(event) + b"\n"


def lower(event: Event) -> None:
    event["before"]["severity"] = "low"


def unsign(event: Event) -> None:
    event["signature"] = None


def grow(event: Event) -> None:
    event["more"] = 1


def unchain(event: Event) -> None:
    event["sequence"] = None


def test_every_way_to_tamper_with_an_export_is_told(database: Database, keys: KeyRing) -> None:
    one, two, three, four = lines_of(database, keys)
    for lines, problem in (
        ([one, changed(two, lower), three, four], "line 2: event 2 was changed"),
        ([one, changed(two, lower, whole=True), three, four], "line 3: event 3 follows another"),
        ([one, three, four], "line 2: event 3 comes after event 1"),
        ([one, two, two, three, four], "line 3: event 2 comes after event 2"),
        ([two, one, three, four], "line 2: event 1 comes after event 2"),
        ([one, two, three], "events 1 to 3 follow the last signature"),
        ([one, two, three, changed(four, unsign)], "events 1 to 4 follow the last signature"),
        ([one, changed(two, grow), three, four], "line 2 is no event as an export has it"),
        ([one, two, three, four, changed(four, unchain)], "line 5 is an event without a place"),
        ([one, b" " + two, three, four], "line 2 is no event as an export has it"),
        ([one, two, three, four[:-1]], "line 4 is no event as an export has it"),
        ([b"[]\n"], "line 1 is no event as an export has it"),
    ):
        assert checked(lines).problems[0].startswith(problem), problem
    assert checked([one, two, three, four]).problems == []
    assert checked([two, three, four]).problems == []  # a part: it says where it begins


def test_who_cannot_sign_cannot_make_a_chain_of_their_own(
    database: Database, keys: KeyRing, tmp_path: Path
) -> None:
    lines = lines_of(database, keys, 1)
    other = ensure_keys(tmp_path / "other.json")
    own, foreign = (key_id(public_key(ring.current("seal"))) for ring in (keys, other))
    assert checked(lines, [own]).problems == []
    (problem,) = checked(lines, [foreign]).problems
    assert problem == f"line 1: event 1 was signed by a key that is not trusted: {own}"

    def resign(event: Event) -> None:
        event["signature"]["key_id"] = foreign

    def alter(event: Event) -> None:
        event["tenant_id"] = "ten_b"

    assert "not that of its id" in checked([changed(lines[0], resign)]).problems[0]
    assert "is wrong" in checked([changed(lines[0], alter, whole=True)]).problems[0]


def test_a_chain_goes_on_under_another_key(database: Database, path: Path, keys: KeyRing) -> None:
    add(database, 1)
    extend(database, keys, tenant="ten_a")
    replace_key(path, "seal")
    newer = ensure_keys(path)
    add(database, 1)
    extend(database, newer, tenant="ten_a")
    found = checked(exported(database))
    assert found.problems == []
    assert found.keys == {key_id(public_key(ring.current("seal"))) for ring in (keys, newer)}


def test_exports_that_follow_each_other_do_and_others_are_told(
    database: Database, keys: KeyRing
) -> None:
    for _ in range(3):
        add(database, 1)
        extend(database, keys, tenant="ten_a")
    lines = exported(database)
    assert exported(database, after=2) == lines[2:]
    first, second, third = (checked([line]) for line in lines)
    assert list(verify_succession([third, first, second])) == []
    assert list(verify_succession([third, first])) == ["events 2 to 2 are missing"]
    second.hash = "0" * 64
    assert "follows another" in verify_succession([second, third])[0]
