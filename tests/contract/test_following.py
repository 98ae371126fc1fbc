"""What audits move of a finding without writing it: shown everywhere, and outside its ETag."""

from __future__ import annotations

from typing import Any

import orjson

from cloudsealed.findings import cell_store
from cloudsealed.findings.cell_store import Cell
from cloudsealed.findings.model import Follows, Moment

LATER = Moment("2026-11-30T09:00:00.000Z", "aud_01JD000000000000000000LATE")


def followed(tenant: Any, *, to: Moment, **changes: Any) -> list[str]:
    """Add findings whose cell an audit has settled since."""
    idents: list[str] = tenant.add_findings(2, follows=Follows.SEEN, **changes)
    settled(tenant, idents[0], to)
    return idents


def settled(tenant: Any, ident: str, moment: Moment) -> None:
    one = tenant.http.get(f"/v1/findings/{ident}").json()
    place = one["resource"]
    cell = Cell(one["policy"]["id"], place["account"], place["region"])
    with tenant.services.database.write() as connection:
        version = cell_store.begin(connection, tenant=tenant.id, cell=cell)
        assert cell_store.settle(
            connection, tenant=tenant.id, cell=cell, moment=moment, version=version, horizon="~"
        )


def test_every_face_shows_when_an_audit_last_saw_it_fail(tenant: Any) -> None:
    first, second = followed(tenant, to=LATER)
    one = tenant.http.get(f"/v1/findings/{first}").json()
    [listed, other] = tenant.http.get("/v1/findings").json()["data"]
    exported = tenant.http.get("/v1/findings/export", params={"format": "jsonl"}).content
    shown = [one, listed, *map(orjson.loads, exported.splitlines())]
    assert {(each["audit_id"], each["last_seen_at"]) for each in shown} == {
        (LATER.audit_id, LATER.at)
    }
    assert (other["id"], other["first_seen_at"]) == (second, one["first_seen_at"])
    assert one["first_seen_at"] < LATER.at


def test_one_that_is_over_does_not_fail_again(tenant: Any) -> None:
    first, _ = followed(tenant, to=LATER, last_observation="pass", status="resolved")
    one = tenant.http.get(f"/v1/findings/{first}").json()
    assert one["last_seen_at"] < LATER.at
    assert one["audit_id"] != LATER.audit_id


def test_its_tag_stays_and_a_change_of_people_holds_against_it(tenant: Any) -> None:
    first, _ = followed(tenant, to=LATER)
    before = tenant.http.get(f"/v1/findings/{first}")
    settled(tenant, first, Moment("2026-12-01T09:00:00.000Z", LATER.audit_id))
    after = tenant.http.get(f"/v1/findings/{first}")
    assert after.json()["last_seen_at"] > before.json()["last_seen_at"]
    assert after.headers["etag"] == before.headers["etag"]
    body = {"triage": {"state": "acknowledged"}}
    tag = {"If-Match": before.headers["etag"]}
    triaged = tenant.http.patch(f"/v1/findings/{first}", json=body, headers=tag)
    assert triaged.status_code == 200, triaged.text
    assert triaged.json()["last_seen_at"] == after.json()["last_seen_at"]
    again = tenant.http.patch(f"/v1/findings/{first}", json=body, headers=tag)
    assert again.status_code == 412, "what people decided is within the tag"
