"""What the documents derive is current, and what they name exists."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.grouped import grouped
from typer.core import TyperGroup

from cloudsealed.cli.client.table import names
from cloudsealed.cli.commands import COMMANDS, command
from cloudsealed.engine import ExpressionError, compile_rule
from cloudsealed.packs import EXAMPLES_AT, parse_policy
from cloudsealed.policies.rules import compile_check

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
COMMAND = re.compile(r"(?:^|[\s`/])cloudsealed ((?:[a-z][a-z-]*(?: |$))+)", re.MULTILINE)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def named(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


every_document = grouped("document", DOCUMENTS, lambda each: named(each.parent), named)


def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_tool", ROOT / "tools" / "docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def commands_in(text: str) -> Iterator[list[str]]:
    """Yield the words of every command of ours that stands in code."""
    fenced = FENCE.findall(text)
    prose = FENCE.sub("", text)
    code = [body for _language, body in fenced] + re.findall(r"`([^`]+)`", prose)
    for piece in code:
        for found in COMMAND.finditer(piece.replace("\\\n", " ")):
            yield found[1].split()


def test_what_the_documents_derive_is_current() -> None:
    command = [sys.executable, ROOT / "tools" / "docs.py", "--check"]  # sees no error of a test
    ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_stale_document_is_noticed() -> None:
    stale = "<!-- derived: settings -->\nold\n<!-- end -->"
    renewed = tool().renewed(stale)
    assert "CLOUDSEALED_DATA_DIR" in renewed
    assert "old" not in renewed.splitlines()


def test_every_derived_part_stands_in_a_document() -> None:
    text = "".join(document.read_text() for document in DOCUMENTS)
    missing = [name for name in tool().DERIVED if f"<!-- derived: {name} -->" not in text]
    assert missing == []


def test_a_page_of_no_policy_is_to_be_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs = tool()
    monkeypatch.setattr(docs, "PAGES", tmp_path)
    (tmp_path / "gone.md").write_text("# Gone\n")
    found = docs.documents()
    assert found[tmp_path / "gone.md"] is None
    assert found[tmp_path / "aws-s3-bucket-public-read.md"].startswith("# Bucket lets everybody")


def exists(words: list[str]) -> bool:
    if not words or words[0] not in {*COMMANDS, *names()}:
        return not words
    found: Any = command(words[0])
    for word in words[1:]:
        if not isinstance(found, TyperGroup):
            return True  # what follows are arguments
        found = found.get_command(None, word)  # type: ignore[arg-type]  # none of ours asks for one
        if found is None:
            return False
    return True


@every_document
def test_every_relative_link_resolves(document: Path) -> None:
    text = FENCE.sub("", document.read_text())
    links = [link for link in LINK.findall(text) if "://" not in link]
    broken = [link for link in links if not (document.parent / link.partition("#")[0]).exists()]
    assert broken == []


@every_document
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    code = "\n".join(re.findall(r"`[^`]+`|^make .*$", document.read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`|&& )make ([a-z]+)", code, re.MULTILINE)) <= targets


@every_document
def test_every_command_that_is_named_exists(document: Path) -> None:
    unknown = [words for words in commands_in(document.read_text()) if not exists(words)]
    assert unknown == []


def test_a_command_that_does_not_exist_is_noticed() -> None:
    found = list(commands_in("`cloudsealed serv`\n```sh\ncloudsealed audit asw --json\n```\n"))
    assert [exists(words) for words in found] == [False, False]


def test_the_readme_names_the_commands_of_the_first_steps() -> None:
    named_commands = {tuple(words[:2]) for words in commands_in((ROOT / "README.md").read_text())}
    assert {("audit", "aws"), ("init",), ("serve",), ("permissions", "aws")} <= named_commands


def test_the_readme_lists_every_package() -> None:
    text = (ROOT / "README.md").read_text()
    packages = [p.parent.name for p in (ROOT / "src" / "cloudsealed").glob("*/__init__.py")]
    assert [name for name in packages if f"{name}/" not in text] == []


def test_the_policy_of_the_guide_gives_what_its_examples_say() -> None:
    guide = (ROOT / "docs" / "policies.md").read_text()
    yaml = next(body for language, body in FENCE.findall(guide) if language == "yaml")
    spec = parse_policy(yaml, file="policies.md")
    rule = compile_check(spec.as_dict())
    judged = [rule.judge(e.resource, e.related, now=EXAMPLES_AT).outcome for e in spec.examples]
    assert judged == [example.outcome for example in spec.examples]
    assert set(judged) == {"fail", "pass"}


def test_a_mistyped_function_is_told_as_the_guide_says() -> None:
    guide = " ".join((ROOT / "docs" / "policies.md").read_text().split())
    said = re.search(
        r"`bad\.yaml:\d+:\d+: fail_when: (unknown function '(\w+)'; did you mean [^`]+)`", guide
    )
    assert said is not None
    with pytest.raises(ExpressionError, match=re.escape(said[1])):
        compile_rule(fail_when=f"{said[2]}(resource, 'owner') == null")


def test_the_picture_is_well_formed_and_its_text_is_text() -> None:
    picture = ElementTree.parse(ROOT / "docs" / "flow.svg").getroot()
    assert picture.get("viewBox")
    texts = {element.text for element in picture.iter() if element.tag.endswith("}text")}
    assert {"Cloud", "Ledger", "Snapshots", "Observations", "Findings", "Reports"} <= texts


def test_decisions_are_numbered_without_a_gap_and_have_the_four_parts() -> None:
    files = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(file.name[:4]) for file in files] == list(range(1, len(files) + 1))
    for file in files:
        heads = re.findall(r"^## (.+)$", file.read_text(), re.MULTILINE)
        assert heads == ["Context", "Decision", "Consequences", "Alternatives"], file.name


def test_the_long_tests_find_what_they_stand_on() -> None:
    command = [sys.executable, "-m", "pytest", "-n", "0", "--setup-plan", "-q", "tests/chaos"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
