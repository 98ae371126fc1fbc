"""What the documents tell people to type can be typed: requests, fields, options, settings, codes.

`tests/newcomer` runs what the README says. Here each command of every document is held against what
the program takes, so that a name that changes cannot stay in a document.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import pytest
from typer.core import TyperGroup

from cloudsealed.api.errors import catalogue
from cloudsealed.api.outside import OUTSIDE
from cloudsealed.cli.client.nouns import NounGroup
from cloudsealed.cli.client.table import names
from cloudsealed.cli.commands import COMMANDS, command
from cloudsealed.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "policies" / "builtin"
DOCUMENTS = sorted(
    d
    for d in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "benchmarks" / "README.md"]
    if PAGES not in d.parents
)
FENCE = re.compile(r"^```\w*\n(.*?)^```", re.DOTALL | re.MULTILINE)
REQUEST = re.compile(r"\b(GET|POST|PATCH|PUT|DELETE) (/v1/[\w{}/…$.]+)(?:\?([^\s`'\"]+))?")
ALONE = re.compile(r"(?<![\w/])(/(?:v1|oauth|tokens)/[\w{}/…-]+)(?:\?([^\s`'\"]+))?")
OTHERS = {"CLOUDSEALED_URL", "CLOUDSEALED_TEST_DATA"}
"""Variables that are no settings of the server."""
every_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda d: d.relative_to(ROOT).as_posix()
)


class Asked(NamedTuple):
    """A request as a document has it."""

    method: str | None
    path: str
    query: str = ""
    body: str | None = None


@cache
def described() -> dict[str, dict[str, Any]]:
    document = json.loads((ROOT / "docs/api/openapi-0.1.0.json").read_bytes())
    schemas = document["components"]["schemas"]
    found: dict[str, dict[str, Any]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            bodies = operation.get("requestBody", {}).get("content", {}).values()
            found.setdefault(path, {})[method.upper()] = {
                "parameters": {p["name"] for p in operation["parameters"] if p["in"] == "query"},
                "fields": {
                    name for body in bodies for name in _properties(body["schema"], schemas)
                },
            }
    return found


def _properties(schema: dict[str, Any], schemas: dict[str, Any]) -> Iterator[str]:
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    yield from schema.get("properties", {})
    for each in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from _properties(each, schemas)


def code_in(text: str) -> tuple[list[str], list[str]]:
    """Return the blocks of code of a document, and the pieces of code within its sentences."""
    pieces = re.findall(r"`([^`]+)`", FENCE.sub("", text))
    return FENCE.findall(text), [" ".join(piece.split()) for piece in pieces]


def lines_of(block: str) -> Iterator[str]:
    """Yield commands of a block, those over several lines as one."""
    waiting = ""
    for line in block.splitlines():
        waiting += line
        if line.endswith("\\"):
            waiting = waiting[:-1] + " "
        elif waiting.count("'") % 2:
            waiting += " "
        else:
            yield waiting
            waiting = ""
    yield waiting


def words_of(line: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        return []


def requests_in(text: str) -> Iterator[Asked]:
    blocks, pieces = code_in(text)
    for piece in pieces:
        found = list(REQUEST.finditer(piece))
        yield from (Asked(each[1], each[2], each[3] or "") for each in found)
        if not found:
            yield from (Asked(None, each[1], each[2] or "") for each in ALONE.finditer(piece))
    for line in (line for block in blocks for line in lines_of(block)):
        words = words_of(line)
        if words[:1] == ["curl"]:
            yield from _curled(words)


def _curled(words: list[str]) -> Iterator[Asked]:
    body = next((b for a, b in pairwise(words) if a == "-d"), None)
    method = words[words.index("-X") + 1] if "-X" in words else "POST" if body else "GET"
    for word in words:
        if found := re.match(r"https?://[\w.:]+(/[^?]*)(?:\?(.*))?$", word):
            yield Asked(method, found[1], found[2] or "", body)


def operations(asked: Asked) -> list[dict[str, Any]]:
    """Return the operations that a request may be: several where no method is said."""
    parts = asked.path.strip("/").split("/")
    found = []
    for path, methods in described().items():
        own = path.strip("/").split("/")
        if len(own) == len(parts) and all(
            a == b or (a.startswith("{") and _is_some_id(b))
            for a, b in zip(own, parts, strict=True)
        ):
            found += [op for name, op in methods.items() if asked.method in (None, name)]
    return found


def _is_some_id(part: str) -> bool:
    return bool(re.search(r"[{…$]", part)) or part.isupper()


def faults(asked: Asked) -> Iterator[str]:
    """Yield what is wrong with a request."""
    if not asked.path.startswith("/v1/"):
        if asked.path.partition("…")[0].rstrip("/") not in {o.rstrip("/") for o in OUTSIDE}:
            yield f"{asked.path} is nowhere"
        return
    if asked.path.rstrip("/…") == "/v1":
        return
    found = operations(asked)
    if not found:
        yield f"{asked.method} {asked.path} is no operation"
        return
    names_of = {name for op in found for name in op["parameters"]}
    for name, _ in parse_qsl(asked.query, keep_blank_values=True):
        if name not in names_of:
            yield f"{asked.path} takes no {name}"
    if asked.body and asked.body.startswith("{"):
        given = json.loads(asked.body.replace("{…}", "{}"))
        for name in given.keys() - {name for op in found for name in op["fields"]}:
            yield f"{asked.path} takes no field {name}"


@every_document
def test_every_request_that_a_document_tells_is_one_that_there_is(document: Path) -> None:
    wrong = [fault for asked in requests_in(document.read_text()) for fault in faults(asked)]
    assert wrong == []


def test_a_request_that_there_is_not_is_noticed() -> None:
    text = (
        "`GET /v1/findigs`, `/v1/findings?sevrity=high`, `DELETE /v1/findings/{id}`\n```sh\n"
        "curl -X PATCH http://x/v1/findings/fnd_… -d '{\n  \"triag\": null}'\n"
        "curl http://x/tokens/report-leek -d '{}'\n```\n"
    )
    found = [fault for asked in requests_in(text) for fault in faults(asked)]
    assert [fault.split()[-1] for fault in found] == [
        "operation",
        "sevrity",
        "operation",
        "triag",
        "nowhere",
    ]


def commands_in(text: str) -> Iterator[list[str]]:
    blocks, pieces = code_in(text)
    for line in [*pieces, *(line for block in blocks for line in lines_of(block))]:
        for part in re.split(r"&&|\||;|\$\(", line):
            words = words_of(part)
            if "cloudsealed" in words:
                yield words[words.index("cloudsealed") + 1 :]


def unknown_options(words: list[str]) -> list[str]:
    """Return the options that the command of these words does not have."""
    if not words or words[0] not in {*COMMANDS, *names()}:
        return []
    found: Any = command(words[0])
    known = set(_options(found))
    for word in words[1:]:
        if isinstance(found, TyperGroup) and (inner := _inner(found, word)):
            found = inner
            known |= set(_options(found))
    if isinstance(found, NounGroup):  # the noun alone
        known |= set(_options(found.made()[""]))
    words = [
        re.sub(r"^([a-z_]+)=.*", lambda f: "--" + f[1].replace("_", "-"), word)
        for before, word in pairwise(("", *words))
        if not before.startswith("-")  # else it is that option's value
    ]
    asked = [word.partition("=")[0] for word in words if re.match(r"--?[a-zA-Z]", word)]
    return [option for option in asked if option not in known]


def _inner(group: TyperGroup, word: str) -> Any:
    found = group.get_command(None, word)  # type: ignore[arg-type]  # none of ours asks for one
    if isinstance(group, NounGroup) and found is not None:
        return group.made()[str(found.name)]
    return found


def _options(found: Any) -> Iterator[str]:
    for parameter in found.params:
        yield from (*parameter.opts, *parameter.secondary_opts)
    yield from ("--help", "-h")


@every_document
def test_every_option_that_a_document_tells_is_one_of_its_command(document: Path) -> None:
    told = [(words, unknown_options(words)) for words in commands_in(document.read_text())]
    assert [(words, unknown) for words, unknown in told if unknown] == []


def test_an_option_that_there_is_not_is_noticed() -> None:
    text = "`cloudsealed serve --prot 1`\n```sh\ncloudsealed findings \\\n  --severty high\n```\n"
    assert [unknown_options(words) for words in commands_in(text)] == [["--prot"], ["--severty"]]


@every_document
def test_every_setting_that_a_document_names_is_read(document: Path) -> None:
    known = {item.metadata["name"] for item in fields(Settings)} | OTHERS
    assert set(re.findall(r"\bCLOUDSEALED_[A-Z_]*[A-Z](?![A-Z_*])", document.read_text())) <= known


@every_document
def test_every_code_that_stands_beside_a_status_is_of_the_catalogue(document: Path) -> None:
    told = re.findall(r"\b([45]\d\d)\s+`([a-z]+_[a-z_]+)`", document.read_text())
    known = {(str(entry["status"]), code) for code, entry in catalogue().items()}
    assert set(told) <= known


@every_document
def test_every_heading_that_a_link_leads_to_is_there(document: Path) -> None:
    missing = []
    for target, anchor in re.findall(r"\]\(([^)\s#]*)#([^)\s]+)\)", document.read_text()):
        if "://" in target:
            continue
        page = document.parent / target if target else document
        heads = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
        slugs = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
        if anchor not in slugs:
            missing.append(f"{target}#{anchor}")
    assert missing == []
