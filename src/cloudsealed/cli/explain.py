"""`cloudsealed policy explain`: why a policy judges a document as it does, drawn as a tree.

Reads a policy file and at most two documents. Refuses to evaluate: the engine explains.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NoReturn

import typer
from rich.tree import Tree

from cloudsealed.cli.terminal import Line, Terminal
from cloudsealed.engine import Explanation, Step
from cloudsealed.engine import explain as explain_rule
from cloudsealed.kit.clock import utc_now
from cloudsealed.kit.visible import shown
from cloudsealed.packs import EXAMPLES_AT, PolicyFileError, PolicySpec
from cloudsealed.policies import files
from cloudsealed.policies.rules import compile_check

_OUTCOMES: Final = {
    "fail": "bold red",
    "pass": "bold green",
    "error": "bold magenta",
    "unknown": "bold magenta",
}
_SOURCE, _VALUE = 64, 48
_Case = tuple[str, Mapping[str, Any], Mapping[str, Any], datetime]

_FILE = typer.Argument(exists=True, dir_okay=False, readable=True, help="A policy in YAML.")
_DOCUMENT = typer.Option(
    None, "--resource", exists=True, dir_okay=False, help="A resource's document in JSON."
)
_RELATED = typer.Option(
    None,
    "--related",
    exists=True,
    dir_okay=False,
    help="Its relations in JSON: {name: [document]}.",
)
_EXAMPLE = typer.Option(None, "--example", min=1, help="The number of one of the file's examples.")


def read_file(file: Path) -> PolicySpec:
    """Return the policy of a file, or say what is wrong with it and exit 1."""
    try:
        return files.read_policy(files.read_text(file), file=str(file))
    except PolicyFileError as error:
        for each in error.every:
            Terminal(stderr=True).print(str(each), style="red")
        raise typer.Exit(1) from error


def explain(
    file: Path = _FILE,
    resource: Path | None = _DOCUMENT,
    related: Path | None = _RELATED,
    example: int | None = _EXAMPLE,
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Show each part of a policy with its value: for a document, or its first example that fails.

    What decided is marked. An example is judged at the time of examples, a document now.
    """
    spec = read_file(file)
    name, document, relations, at = (
        _example(file, spec, example) if resource is None else _document(spec, resource, related)
    )
    explanation = explain_rule(compile_check(spec.as_dict()), document, relations, at)
    if as_json:
        Terminal().document(explanation.as_json())
        return
    console = Terminal()
    (_draw if console.is_terminal else _write)(console, name, explanation)


def _refuse(message: str) -> NoReturn:
    Terminal(stderr=True).print(message, style="red")
    raise typer.Exit(1)


def _example(file: Path, spec: PolicySpec, number: int | None) -> _Case:
    if number is None:
        failing = (n for n, each in enumerate(spec.examples, 1) if each.outcome == "fail")
        number = next(failing, 1)
    if number > len(spec.examples):
        _refuse(f"{file}: there is no example {number}, the file has {len(spec.examples)}")
    found = spec.examples[number - 1]
    if found.unread:
        unread = ", ".join(found.unread)
        _refuse(f"{file}: example {number} is one of which {unread} was not read: none explains it")
    return f"example {number}", found.resource, found.related, EXAMPLES_AT


def _document(spec: PolicySpec, resource: Path, related: Path | None) -> _Case:
    relations = {} if related is None else _load(related)
    for name, documents in relations.items():
        if not isinstance(documents, list):
            _refuse(f"{related}: {name} must be a list of documents")
    missing: dict[str, Any] = {name: [] for name in spec.related}
    return str(resource), _load(resource), missing | relations, utc_now()


def _load(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        _refuse(f"{file}:{error.lineno}:{error.colno}: {error.msg}")
    except UnicodeDecodeError as error:
        _refuse(f"{file}: byte {error.start} is not UTF-8")
    except RecursionError:
        _refuse(f"{file}: the document is nested too deeply")
    if not isinstance(found, dict):
        _refuse(f"{file}:1:1: a document is a JSON object")
    return found


def _head(name: str, explanation: Explanation) -> Line:
    judgement = explanation.judgement
    said = judgement.message or (judgement.error and judgement.error.message) or ""
    outcome = (judgement.outcome.replace("_", " "), _OUTCOMES.get(judgement.outcome, "bold"))
    severity = f", {judgement.severity}" if judgement.severity else ""
    return Line.assemble(outcome, severity, f"  {said}" if said else "", (f"  ({name})", "dim"))


def _left_out(explanation: Explanation) -> Iterator[str]:
    if explanation.left_out:
        yield f"{explanation.left_out} more steps are not shown"


def _draw(console: Terminal, name: str, explanation: Explanation) -> None:
    console.print(_head(name, explanation))
    for field, step in explanation.conditions.items():
        tree = Tree(Line(field, style="cyan"), guide_style="dim")
        _grow(tree, step)
        console.print(tree, soft_wrap=False)
    for line in _left_out(explanation):
        console.print(line, style="dim")


def _grow(tree: Tree, step: Step) -> None:
    below = tree.add(_line(step, _SOURCE, _VALUE))
    for each in step.steps:
        _grow(below, each)


def _write(console: Terminal, name: str, explanation: Explanation) -> None:
    console.print(_head(name, explanation).plain)
    for field, step in explanation.conditions.items():
        console.print(field)
        for line in _indented(step, 1):
            console.print(line)
    for line in _left_out(explanation):
        console.print(line)


def _indented(step: Step, depth: int) -> Iterator[str]:
    mark = "* " if step.decided else "  "
    yield "  " * depth + mark + _line(step, 2 * _SOURCE, 5 * _VALUE).plain
    for each in step.steps:
        yield from _indented(each, depth + 1)


def _line(step: Step, source: int, value: int) -> Line:
    """A step as one line: the item it is about, its source, its value and what it read."""
    line = Line(overflow="fold")
    if step.item is not None:
        line.append(f"{step.item.number + 1} of {step.item.of}: ", style="dim")
    line.append(_abridged(step, source), style="bold" if step.decided else "")
    line.append(" → ", style="dim")
    line.append_text(_result(step, value))
    if step.path and step.path not in step.source:
        line.append(f"  {step.path}", style="dim")
    if step.state == "not_looked_at":
        line.stylize("dim")
    return line


def _abridged(step: Step, most: int) -> str:
    """A step's source on one line; too long a one leaves out what stands below it anyway."""
    text = _flat(step.source)
    for below in sorted(step.steps, key=lambda each: -len(each.source)):
        if len(text) > most:
            text = text.replace(_flat(below.source), "…", 1)
    return _short(text, most)


def _flat(source: str) -> str:
    return " ".join(source.split())


def _result(step: Step, most: int) -> Line:
    match step.state, step.value:
        case "not_looked_at", _:
            return Line("not looked at")
        case "error", _:
            inherited = any(each.error is not None for each in step.steps if each.decided)
            said = "" if inherited or step.error is None else f": {step.error.message}"
            return Line(f"error{said}", style="magenta")
        case "unknown", _:
            return Line("unknown", style="magenta")
        case _, bool(truth):
            return Line(str(truth).lower(), style="green" if truth else "red")
        case _, str(text) if step.shortened:
            return Line(_short(text, most), style="yellow")
    return Line(_short(json.dumps(step.value, ensure_ascii=False), most), style="yellow")


def _short(text: str, most: int) -> str:
    text = shown(text)
    return text if len(text) <= most else text[: most - 1] + "…"
