"""What is typed becomes what is sent: by the kind of the field, or as JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import typer
from tests.cli.client.conftest import Cs
from tests.contract.conftest import Tenant

from cloudsealed.cli.client import values
from cloudsealed.cli.client.table import noun

SCHEDULE = next(each for each in noun("schedules").operations if each.verb == "create").body


def body(raw: list[str], free: list[str] | None = None, data: Any = None) -> Any:
    written = None if data is None else values.parsed(json.dumps(data))
    return values.merged(written, values.by_name(raw, free or [], SCHEDULE))


def test_a_field_is_read_as_the_kind_that_it_has() -> None:
    assert body(["enabled=true", "name=7", "timezone=null"]) == {
        "enabled": True,
        "name": "7",
        "timezone": "null",
    }
    assert body(["audit.connection_ids=a,b"]) == {"audit": {"connection_ids": ["a", "b"]}}
    assert body(['audit={"policies": null}']) == {"audit": {"policies": None}}


def test_a_field_that_nobody_knows_is_text_and_json_where_that_is_asked_for() -> None:
    assert body(["size=7"], ["length=7", "gone=null", "name=x y", "score=NaN"]) == {
        "size": "7",
        "length": 7,
        "gone": None,
        "name": "x y",
        "score": "NaN",
    }


def test_brackets_and_dots_name_what_is_within() -> None:
    for text in ("a[b][c]=1", "a.b.c=1", "a[b].c=1"):
        assert body([text]) == {"a": {"b": {"c": "1"}}}
    assert body(["a[]=1", "a[]=2"]) == {"a": ["1", "2"]}
    assert body(["audit[connection_ids][]=a", "audit[connection_ids][]=b"]) == {
        "audit": {"connection_ids": ["a", "b"]}
    }


def test_fields_go_over_the_body_that_is_given() -> None:
    data = {"audit": {"policies": ["p"], "connection_ids": ["x"]}, "name": "old"}
    found = body(["name=new", "audit.connection_ids=y"], data=data)
    assert found == {"audit": {"policies": ["p"], "connection_ids": ["y"]}, "name": "new"}


def test_what_is_no_field_is_refused() -> None:
    for text in ("name", "=x", "a..b=1", "enabled=yes", "audit={", "audit.=1."):
        with pytest.raises(typer.BadParameter):
            print(body([text]))
    with pytest.raises(typer.BadParameter, match="object"):
        body(["a=1", "a.b=2"])
    with pytest.raises(typer.BadParameter, match="object"):
        body(["a=1"], data=[1])


def test_a_body_is_written_there_or_in_a_file_or_comes_by_standard_input(
    cs: Cs, tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ident,) = tenant.add_findings(1)
    for number, given in enumerate(("here", "file", "-", "@-")):
        text = json.dumps({"triage": {"state": "in_progress", "note": f"note {number}"}})
        (tmp_path / "body.json").write_text(text)
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        data = {"here": text, "file": f"@{tmp_path / 'body.json'}"}.get(given, given)
        said = cs("findings", "triage", ident, "-d", data)
        assert json.loads(said.out)["triage"]["note"] == f"note {number}"


def test_a_body_is_sent_as_it_is_written(cs: Cs, tenant: Tenant) -> None:
    (ident,) = tenant.add_findings(1)
    twice = '{"triage": {"state": "in_progress", "state": "acknowledged"}}'
    assert "duplicate_json_key" in cs("findings", "triage", ident, "-d", twice).err


def test_a_body_that_cannot_be_read_is_usage(cs: Cs, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for data in (f"@{tmp_path / 'none'}", f"@{tmp_path / 'binary'}", "{", f"@{tmp_path}", "NaN"):
        said = cs("findings", "triage", "fnd_x", "-d", data)
        assert (said.code, said.out) == (2, "")
        assert "Traceback" not in said.err


def test_the_options_of_a_command_make_its_body(cs: Cs, tenant: Tenant) -> None:
    (ident,) = tenant.add_findings(1)
    said = cs("findings", "triage", ident, "--state", "accepted_risk", "--note", "@agreed")
    assert json.loads(said.out)["triage"]["note"] == "@agreed"
    said = cs("findings", "triage", ident, "--state", "in_progress", "-F", "triage.note=null")
    assert json.loads(said.out)["triage"]["note"] is None
    assert json.loads(cs("findings", "update", ident, "--triage", "null").out)["triage"] is None
    said = cs("findings", "triage", ident, "--state", "accepted")
    assert said.code == 2
    assert "accepted_risk" in said.err


def test_a_body_that_lacks_what_it_needs_is_told_by_the_server(cs: Cs) -> None:
    said = cs("connections", "create", "--name", "x")
    assert said.code == 1
    assert "missing_field" in said.err
    assert "missing_field" in cs("tokens", "create").err
