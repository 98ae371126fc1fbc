"""Words that are known make of findings what reading them again would, and need no reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import null, select, update
from tests.audits.steps.test_order_of_finishing import (
    NAMES,
    PASSES,
    TENANT,
    Pass,
    finish,
    world,
    write,
)

from cloudsealed.audits.steps.known import Known, Wording
from cloudsealed.findings import store as finding_rows
from cloudsealed.findings.model import Finding, Triage
from cloudsealed.findings.store import FindingStore
from cloudsealed.kit.canonical import canonical
from cloudsealed.storage.database import SqliteDatabase
from cloudsealed.storage.schema import episodes, events, findings
from cloudsealed.vocabulary import FindingStatus, Outcome, Severity, TriageState

HEADER = {"policy_version": 1, "severity": "high"}
FAILS = {"one": Outcome.FAIL, "two": Outcome.FAIL, "three": Outcome.UNKNOWN}
AGAIN = [Pass(at, FAILS, complete=True, version=1) for at in range(4)]


def triaged(finding: Finding) -> Finding:
    """What a person does."""
    at = "2026-01-01T00:00:00.000Z"
    return replace(finding, triage=Triage(TriageState.ACKNOWLEDGED, None, None, None, at, "usr_a"))


def lowered(finding: Finding) -> Finding:
    """What a classification does."""
    return replace(finding, severity=Severity.INFO, classified_by={"policy": "pol_c"})


def ended(finding: Finding) -> Finding:
    """What removing a connection does."""
    return replace(finding, status=FindingStatus.RESOLVED, resolved=finding.decided)


def ended_later(finding: Finding) -> Finding:
    """What removing a connection does, after audits that have not finished yet looked."""
    later = replace(finding.decided, at="2026-01-01T00:00:02.500Z")
    return replace(finding, status=FindingStatus.RESOLVED, resolved=later, decided=later)


CHANGES = (triaged, lowered, ended, ended_later)


def change(database: SqliteDatabase, how: Any) -> None:
    """Let somebody else write every finding."""
    store = FindingStore(database)
    for ident in [ident for ident, _name in named(database)]:
        store.replace(tenant=TENANT, ident=ident, change=how)


def named(database: SqliteDatabase) -> list[tuple[str, str]]:
    with database.read() as connection:
        rows = connection.all(select(findings.c.id, findings.c.doc))
    return [(ident, orjson.loads(doc)["resource"]["native_id"]) for ident, doc in rows]


def written(database: SqliteDatabase) -> list[Any]:
    """Return every row of findings, their histories and events, without what is random in them."""
    names = dict(named(database))
    found: list[Any] = []
    with database.read() as connection:
        for table, key, left_out in (
            (findings, "id", ("id", "said", "doc", "resource_id")),
            (episodes, "finding_id", ("finding_id",)),
            (events, "subject", ("id", "subject", "data", "created_at")),
        ):
            rows = connection.all(select(table))
            for row in rows:
                values = dict(zip(table.c.keys(), row, strict=True))
                name = names[values[key]]
                for each in left_out:
                    values.pop(each)
                found.append((table.name, name, sorted(map(repr, values.items()))))
        docs = [orjson.loads(doc) for (doc,) in connection.all(select(findings.c.doc))]
    for doc in docs:
        resource = doc.pop("resource")
        del doc["id"]
        found.append(("doc", resource["native_id"], orjson.dumps(doc)))
    return sorted(found, key=repr)


def after(order: Sequence[int], passes: Sequence[Pass], changes: Sequence[Any]) -> list[Any]:
    """Return what is written once audits finished in an order, each followed by a change."""
    with world() as database:
        for number, spoken in enumerate(passes):
            write(database, number, spoken)
        for number, how in zip(order, changes, strict=True):
            finish(database, number, passes[number])
            if how is not None:
                change(database, how)
        return written(database)


WORDS = st.lists(PASSES, min_size=1, max_size=2)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[int], list[Pass], list[Any]]:
    """Audits that mostly say what others said, their order, and what happens in between."""
    words = draw(WORDS)
    passes = [
        replace(draw(st.sampled_from(words)), at=draw(st.integers(0, 5)))
        for _ in range(draw(st.integers(2, 5)))
    ]
    in_time = sorted(range(len(passes)), key=lambda n: (passes[n].at, n))
    order = draw(st.just(in_time) | st.permutations(in_time))
    changed = st.sampled_from((None, None, None, *CHANGES))
    return order, passes, [draw(changed) for _ in order]


@settings(max_examples=150)
@example(history=([0, 1, 2], AGAIN[:3], [None, lowered, None]))
@example(history=([0, 1, 2], AGAIN[:3], [None, ended, None]))
@example(history=([0, 1, 3], AGAIN, [ended_later, None, None]))
@example(history=([0, 3, 1, 2], AGAIN, [None] * 4))
@given(history=histories())
def test_whatever_happened_what_is_recognised_is_as_if_it_was_read(
    history: tuple[list[int], list[Pass], list[Any]],
) -> None:
    order, passes, changes = history
    recognised = after(order, passes, changes)
    with pytest.MonkeyPatch.context() as patched:
        known = Known.of
        patched.setattr(Known, "of", lambda rows, block, **_: known(rows, block, recognises=False))
        assert recognised == after(order, passes, changes)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The fingerprints of findings that were read."""
    found: list[str] = []
    load = finding_rows.load

    def listening(connection: Any, *, tenant: str, fingerprints: Sequence[str]) -> Any:
        found.extend(fingerprints)
        return load(connection, tenant=tenant, fingerprints=fingerprints)

    monkeypatch.setattr(finding_rows, "load", listening)
    return found


def test_a_finding_of_which_the_same_is_said_is_not_read(read: list[str]) -> None:
    with world() as database:
        for number, spoken in enumerate(AGAIN):
            write(database, number, spoken)
        finish(database, 0, AGAIN[0])
        assert len(read) == 3
        read.clear()
        finish(database, 1, AGAIN[1])
        assert len(read) == 1, "the unknown one, of which there is no finding"


def test_nor_is_one_whose_resource_is_gone_for_long(read: list[str]) -> None:
    passes = [AGAIN[0], *(Pass(at, {}, complete=True, version=1) for at in (1, 2))]
    with world() as database:
        for number, spoken in enumerate(passes):
            write(database, number, spoken)
        for number in (0, 1):
            finish(database, number, passes[number])
        read.clear()
        finish(database, 2, passes[2])
        assert read == []


def test_what_an_older_program_or_a_person_wrote_is_noted_once(read: list[str]) -> None:
    with world() as database:
        for number, spoken in enumerate(AGAIN):
            write(database, number, spoken)
        finish(database, 0, AGAIN[0])
        with database.write() as connection:
            connection.run(update(findings).values(said=null()))
        for number, expected in ((1, 3), (2, 1)):
            read.clear()
            finish(database, number, AGAIN[number])
            assert len(read) == expected
        change(database, triaged)
        read.clear()
        finish(database, 3, AGAIN[3])
        assert len(read) == 3


LINE: dict[str, Any] = {
    "native_id": "one",
    "type": "aws.sqs.queue",
    "outcome": "fail",
    "severity": "high",
    "fingerprint": "f" * 64,
    "snapshot": "a" * 64,
    "title": 'A "snapshot":"x" of one',
    "evidence": [{"path": "snapshot", "value": {"snapshot": "b", "fingerprint": "c"}}],
    "reasons": [],
    "classified_by": None,
    "suppressed": False,
}


def words(header: dict[str, Any] | None = None, behind: str = "", **said: Any) -> bytes:
    return Wording(header or HEADER).of(canonical({**LINE, **said}), behind)


def test_words_are_the_same_whatever_the_snapshot_is_and_other_ones_are_others() -> None:
    assert words() == words(snapshot="d" * 64)
    others = {
        words(),
        words({**HEADER, "policy_version": 2}),
        words({**HEADER, "severity": "low"}),
        words(behind="fnd_a"),
        words(title="Another"),
        words(evidence=[{"path": "snapshot", "value": {"snapshot": "c", "fingerprint": "c"}}]),
        words(suppressed=True),
        words(classified_by={"policy": "pol_c"}),
        words(outcome="pass"),
        words(native_id="two"),
    }
    assert len(others) == 10


@pytest.mark.parametrize("name", NAMES)
def test_a_severity_that_is_open_vouches_for_nothing(name: str, read: list[str]) -> None:
    passes = [replace(AGAIN[n], outcomes={name: Outcome.FAIL}, severity=None) for n in range(3)]
    with world() as database:
        for number, spoken in enumerate(passes):
            write(database, number, spoken)
        finish(database, 0, passes[0])
        read.clear()
        finish(database, 1, passes[1])
        assert len(read) == 1
