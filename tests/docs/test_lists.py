"""Lists that people wrote into the documents are those of the code."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from cloudsealed.api.gate.limits import OF_OTHERS, OF_TENANTS
from cloudsealed.auth.model import Scope
from cloudsealed.cli.login import SCOPES
from cloudsealed.packs import parse_policy
from cloudsealed.packs.danger import dangerous_words, dangers
from cloudsealed.packs.names import OWN
from cloudsealed.reports.kinds import KINDS
from cloudsealed.settings import Settings
from cloudsealed.storage.flights import FILE as FLIGHTS
from cloudsealed.vocabulary import Role, TriageState

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def rows(document: str, head: str) -> list[list[str]]:
    """Return the cells of the table in a document whose head begins so, without their marks."""
    _, _, rest = (DOCS / document).read_text().partition(f"\n| {head} |")
    lines = rest.splitlines()[2:]
    table = lines[: next((n for n, line in enumerate(lines) if not line.startswith("|")), None)]
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in table]
    return [[re.sub(r"[`*\[\]]|\(.*?\)", "", cell).strip() for cell in row] for row in cells]


def test_the_roles_are_those_that_there_are() -> None:
    assert [row[0] for row in rows("access.md", "role")] == list(Role)


def test_a_role_may_change_what_its_scopes_say() -> None:
    editor = next(row[1] for row in rows("access.md", "role") if row[0] == "editor")
    by_scope = {row[0]: row[1].split(", ") for row in rows("access.md", "scope")}
    assert by_scope.keys() == set(Scope)
    for noun in editor.removeprefix("also change ").split(", "):
        assert by_scope[f"{noun}:write"] == ["editor", "admin"], noun
    reads = {scope for scope in Scope if scope.endswith(":read")}
    sensitive = {scope for scope in reads if "viewer" not in by_scope[scope]}
    assert {scope.partition(":")[0] for scope in sensitive} == {"evidence", "users", "events"}


def test_a_login_of_the_command_line_reads_what_is_said() -> None:
    said = re.search(r"the token reads ([^;]+);", (DOCS / "access.md").read_text())
    assert said is not None
    nouns = re.split(r",\s+|\s+and\s+", said[1].strip())
    assert [f"{noun}:read" for noun in nouns] == SCOPES.split()


def test_the_states_of_triage_are_those_that_there_are() -> None:
    assert [row[0] for row in rows("triage.md", "state")] == list(TriageState)


def test_the_kinds_of_report_and_their_formats_are_those_that_there_are() -> None:
    said = {row[0]: tuple(row[3].split(", ")) for row in rows("reports.md", "kind")}
    assert said == {kind.value: kind_of.formats for kind, kind_of in KINDS.items()}


def test_the_data_folder_holds_what_the_code_puts_there(tmp_path: Path) -> None:
    found = Settings(data_dir=tmp_path)
    paths = (found.sqlite_path, found.key_path, found.blob_dir)
    held = {path.name for path in paths if path.parent == tmp_path}
    said = {row[0] for row in rows("operations.md", "in it")}
    assert said == held | {"serve.lock", FLIGHTS}


def test_every_setting_is_read_by_something() -> None:
    source = ROOT / "src"
    texts = [f.read_text() for f in source.rglob("*.py")]
    budgets = {f"limit_{name}" for name in (*OF_OTHERS, *OF_TENANTS)}
    unread = [
        item.name
        for item in fields(Settings)
        if item.name not in budgets
        and not any(re.search(rf"\.{item.name}\b", text) for text in texts)
    ]
    assert unread == []


def test_every_placeholder_that_a_plan_fills_is_listed() -> None:
    said = {row[0] for row in rows("remediation-plan.md", "type")}
    assert said == set(OWN)


def test_the_remediation_of_the_guide_is_one_that_a_file_may_have() -> None:
    guide = (DOCS / "policies.md").read_text()
    said = next(b for b in re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL) if "caution:" in b)
    policy = next(b for b in re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL) if "key:" in b)
    remedy = parse_policy(policy + said, file="policies.md").remediation
    assert remedy is not None
    assert all(remedy.as_dict()[name] for name in ("caution", "first", "cli", "effort"))
    assert dangers(remedy.as_dict())
    assert list(dangerous_words(remedy.first or "")) == []
