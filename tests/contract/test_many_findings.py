"""Many findings at once: triaged in one transaction, exported as one moment had them."""

from __future__ import annotations

import csv
import io
import threading
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import orjson
import pytest
from tests.waiting import until

from cloudsealed.findings import export
from cloudsealed.findings import service as services
from cloudsealed.storage import exports
from cloudsealed.vocabulary import FindingStatus

TRIAGE = {"state": "accepted_risk", "note": "until the move"}
BULK, EXPORT = "/v1/findings/bulk", "/v1/findings/export"


def triaged(tenant: Any) -> set[str]:
    listed = tenant.http.get("/v1/findings", params={"limit": 200}).json()["data"]
    return {each["id"] for each in listed if each["triage"]}


def test_a_bulk_says_of_each_id_what_became_of_it(tenant: Any, make_tenant: Any) -> None:
    ids = tenant.add_findings(4)
    other = make_tenant(tenant.services, tenant.url)
    strange = other.add_findings(1)[0]
    asked = [ids[2], strange, ids[0], "fnd_none"]
    body = {"ids": asked, "triage": TRIAGE}
    answer = tenant.http.post(BULK, json=body, headers={"Idempotency-Key": "one"})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert [each["id"] for each in found["results"]] == asked
    assert [each["result"] for each in found["results"]] == [
        "updated",
        "not_found",
        "updated",
        "not_found",
    ]
    assert (found["object"], found["updated"], found["not_found"]) == ("finding_bulk", 2, 2)
    assert triaged(tenant) == {ids[0], ids[2]}
    assert triaged(other) == set()
    one = tenant.http.get(f"/v1/findings/{ids[0]}").json()
    assert (one["triage"]["note"], one["status"]) == ("until the move", "open")
    tenant.http.patch(f"/v1/findings/{ids[0]}", json={"triage": None})
    again = tenant.http.post(BULK, json=body, headers={"Idempotency-Key": "one"})
    assert (again.json(), again.headers["idempotency-replayed"]) == (found, "true")
    assert triaged(tenant) == {ids[2]}
    cleared = tenant.http.post(BULK, json={"ids": asked, "triage": None}).json()
    assert (cleared["updated"], triaged(tenant)) == (2, set())
    counted = tenant.http.get("/v1/findings/summary", params={"triage": "accepted_risk"}).json()
    assert counted["total"] == 0


def test_a_filter_with_its_count_confirmed_triages_what_it_matches(
    tenant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "BLOCK_LINES", 3)
    ids = tenant.add_findings(10)  # two of each severity
    wanted = {"severity": ["low", "critical"], "status": "open"}
    for count in (3, 5, 0):
        refused = tenant.http.post(BULK, json={"filter": wanted, "count": count, "triage": TRIAGE})
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "count_mismatch")
    assert triaged(tenant) == set()
    done = tenant.http.post(BULK, json={"filter": wanted, "count": 4, "triage": TRIAGE}).json()
    assert [each["result"] for each in done["results"]] == ["updated"] * 4
    assert triaged(tenant) == {each["id"] for each in done["results"]} < set(ids)
    everything = {"filter": {}, "count": 10, "triage": TRIAGE}
    assert tenant.http.post(BULK, json=everything).json()["updated"] == 10
    nothing = {"filter": {"name": "nobody"}, "count": 0, "triage": TRIAGE}
    assert tenant.http.post(BULK, json=nothing).json()["results"] == []


@pytest.mark.inside
def test_a_filter_with_too_much_to_look_through_is_refused(
    tenant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "BLOCK_LINES", 1)
    monkeypatch.setattr(services, "_MOST_PAGES", 2)
    tenant.add_findings(4)
    body = {"filter": {"status": "open"}, "count": 4, "triage": TRIAGE}
    assert tenant.http.post(BULK, json=body).json()["error"]["code"] == "invalid_field"
    assert triaged(tenant) == set()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"ids": ["fnd_a"]}, "missing_field"),
        ({"triage": TRIAGE}, "missing_field"),
        ({"ids": [], "triage": TRIAGE}, "invalid_field"),
        ({"ids": ["a", "a"], "triage": TRIAGE}, "invalid_field"),
        ({"ids": [f"fnd_{n}" for n in range(501)], "triage": TRIAGE}, "invalid_field"),
        ({"ids": ["a"], "filter": {}, "count": 0, "triage": TRIAGE}, "invalid_field"),
        ({"ids": ["a"], "count": 1, "triage": TRIAGE}, "invalid_field"),
        ({"filter": {}, "triage": TRIAGE}, "missing_field"),
        ({"filter": {}, "count": -1, "triage": TRIAGE}, "invalid_field"),
        ({"filter": {}, "count": 5001, "triage": TRIAGE}, "invalid_field"),
        ({"filter": {"severity": 1}, "count": 0, "triage": TRIAGE}, "invalid_field"),
        (
            {"filter": {"severity": "urgent"}, "count": 0, "triage": TRIAGE},
            "invalid_severity_filter",
        ),
        ({"filter": {"limit": "1"}, "count": 0, "triage": TRIAGE}, "unknown_parameter"),
        ({"ids": ["a"], "triage": {"state": "no"}}, "invalid_field"),
        ({"ids": ["a"], "triage": TRIAGE, "x": 1}, "unknown_field"),
    ],
)
def test_a_bulk_that_is_wrong_changes_nothing(tenant: Any, body: Any, code: str) -> None:
    refused = tenant.http.post(BULK, json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, code)


def test_an_export_is_what_the_list_is_line_by_line(
    tenant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "BLOCK_LINES", 2)
    tenant.add_findings(7)
    for filters in ({}, {"severity": "low,high"}, {"status": "open"}, {"name": "nobody"}):
        answer = tenant.http.get(EXPORT, params={"format": "jsonl", **filters})
        assert answer.headers["content-type"] == "application/jsonl"
        assert "cloudsealed-findings.jsonl" in answer.headers["content-disposition"]
        listed = tenant.http.get("/v1/findings", params=filters).json()["data"]
        lines = [orjson.loads(line) for line in answer.content.splitlines()]
        assert [{**line, "console": None} for line in lines] == listed
        for line in lines[:1]:  # a line leads on, as a single finding does
            assert line == tenant.http.get(f"/v1/findings/{line['id']}").json()


def test_a_table_of_findings_is_safe_for_a_spreadsheet(tenant: Any) -> None:
    tenant.add_findings(1, title="=cmd|'/c calc'!A1")
    answer = tenant.http.get(EXPORT, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    (row,) = csv.DictReader(io.StringIO(answer.text, newline=""))
    assert tuple(row) == export.COLUMNS
    assert (row["title"], row["policy"]) == ("'=cmd|'/c calc'!A1", "groups-are-closed")
    assert row["account"] == "123456789012"


@pytest.mark.inside
def test_an_export_is_of_one_moment_and_leaves_no_file(
    tenant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is made, findings come and change: it has none of that."""
    monkeypatch.setattr(services, "BLOCK_LINES", 2)
    ids, made = tenant.add_findings(6), exports.timed
    folder: Path = tenant.services.settings.data_dir
    there = set(folder.iterdir())

    def timed(findings: Any) -> Any:
        for number, finding in enumerate(made(findings)):
            if number == 1:
                tenant.services.findings.triage(
                    tenant=tenant.id, ident=ids[-1], body={"triage": TRIAGE}, user_id=tenant.user_id
                )
                tenant.add_findings(2)
            yield finding

    monkeypatch.setattr(services, "timed", timed)
    with tenant.http.stream("GET", EXPORT) as answer:
        assert answer.status_code == 200
        assert set(folder.iterdir()) == there
        lines = [orjson.loads(line) for line in answer.iter_lines()]
    assert [line["id"] for line in lines] == ids
    assert [line["triage"] for line in lines] == [None] * 6
    assert len(tenant.http.get("/v1/findings").json()["data"]) == 8


def test_exports_have_a_budget_and_a_bound_of_their_own(
    strict_tenant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    http = strict_tenant.http
    assert http.get(EXPORT).headers["x-ratelimit-resource"] == "exports"
    with exports.slot(), exports.slot():
        busy = http.get(EXPORT)
    assert (busy.status_code, busy.json()["error"]["code"]) == (503, "service_unavailable")
    budget = http.get("/v1/rate_limit").json()["resources"]["exports"]
    assert (budget["limit"], budget["used"]) == (10, 1)  # what was refused spends nothing
    monkeypatch.setattr(exports, "SECONDS", -1)
    strict_tenant.add_findings(1)
    assert http.get(EXPORT).status_code == 503
    assert http.get(EXPORT, params={"format": "pdf"}).json()["error"]["code"] == (
        "invalid_format_filter"
    )
    for _ in range(9):
        http.get(EXPORT, params={"status": FindingStatus.RESOLVED})
    assert http.get(EXPORT, params={"status": "resolved"}).status_code == 429


class _Spool:
    """A temporary file that is read to its end only when its client is gone."""

    def __init__(self, file: IO[bytes], gone: threading.Event) -> None:
        self.file, self._gone = file, gone

    def __enter__(self) -> _Spool:
        return self

    def __exit__(self, *_of: object) -> None:
        self.file.close()

    def read(self, size: int) -> bytes:
        if self.file.tell():
            assert self._gone.wait(60)
        return self.file.read(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


@pytest.mark.inside
def test_a_client_that_goes_away_leaves_nothing_behind(
    tenant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant.add_findings(200, evidence=({"path": "Policy", "value": "x" * 100_000},))
    spools: list[_Spool] = []
    gone = threading.Event()

    def made(**where: Any) -> _Spool:
        spools.append(_Spool(TemporaryFile(**where), gone))  # noqa: SIM115
        return spools[-1]

    monkeypatch.setattr(exports, "TemporaryFile", made)
    plain = {"Accept-Encoding": "identity"}  # coded it would be so short that all of it is sent
    with tenant.http.stream("GET", EXPORT, headers=plain) as answer:
        pieces = answer.iter_raw()  # which ends the answer when it is gone
        assert next(pieces)
        assert [spool.file.closed for spool in spools] == [False]
    gone.set()
    until(lambda: spools[0].file.closed, "the file is closed")
    assert tenant.http.get("/v1/me").status_code == 200
