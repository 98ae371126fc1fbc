"""`cloudsealed policy`: check, try and describe policy files before they are used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import NoReturn

import typer

from cloudsealed.cli.explain import explain, read_file
from cloudsealed.cli.terminal import Terminal
from cloudsealed.packs import PolicyFileError
from cloudsealed.policies import files
from cloudsealed.policies.folder import NoPolicyFilesError, Read, files_of, read_files, tried
from cloudsealed.policies.page import page as page_of

app = typer.Typer(help="Check, try and describe policy files.", no_args_is_help=True)


class Format(StrEnum):
    """How what is wrong is told."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


_FILE = typer.Argument(exists=True, dir_okay=False, readable=True, help="A policy in YAML or JSON.")
PATHS = typer.Argument(exists=True, help="Policies in YAML or JSON, or folders of them.")
_FORMAT = typer.Option(
    Format.TEXT, "--format", help="Lines for people, one JSON document, or annotations of GitHub."
)

app.command("explain")(explain)


@app.command("push")
def push(
    paths: list[Path] = PATHS,
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would be done."),
) -> None:
    """Send policy files to the server CLOUDSEALED_URL: create what it lacks, change what differs.

    Nothing is sent unless every file is valid and its examples end as they say. What the server has
    and no file names stays; whether a policy is enabled stays, too.
    """
    from cloudsealed.cli.push import push_files  # with the client of servers

    found = read(paths)
    if errors := [*_all_errors(found)]:
        tell(found, errors)
    raise typer.Exit(0 if push_files(found, dry_run=dry_run) else 1)


def _all_errors(found: list[Read]) -> Iterator[PolicyFileError]:
    for each in found:
        yield from each.errors
        if each.policy is not None and not each.errors:
            yield from (error for _, error in tried(each) if error is not None)


@app.command("validate")
def validate(paths: list[Path] = PATHS, form: Format = _FORMAT) -> None:
    """Say whether policy files are well formed and their expressions compile, with everything that
    is wrong; exit 1 when something is."""
    found = read(paths)
    if form is Format.TEXT:
        for each in found:
            if each.policy is not None and not each.errors:
                Terminal().print(f"{each.file}: {each.policy.key} is valid")
    tell(found, [error for each in found for error in each.errors], form)


@app.command("test")
def try_examples(paths: list[Path] = PATHS, form: Format = _FORMAT) -> None:
    """Judge the examples of policy files; exit 1 when one has another outcome or severity than it
    says, or a file is not valid."""
    console, found = Terminal(), read(paths)
    errors = [error for each in found for error in each.errors]
    passed, failed = 0, 0
    for each in found:
        if each.policy is None or each.errors:
            continue
        if form is Format.TEXT and len(found) > 1:
            console.print(str(each.file))
        for number, (trial, error) in enumerate(tried(each), start=1):
            passed, failed = passed + trial.right, failed + (not trial.right)
            if form is Format.TEXT:
                state = "ok  " if trial.right else "FAIL"
                console.print(f"{state} example {number}: {trial.ended}")
            if error is not None:
                errors.append(error)
    if form is Format.TEXT:
        console.print(f"{passed} passed, {failed} failed")
    tell(found, errors, form)


def read(paths: list[Path]) -> list[Read]:
    """Return what files and folders say; raises the usage error of a folder without policies."""
    try:
        return read_files(files_of(paths))
    except NoPolicyFilesError as error:
        raise typer.BadParameter(error.message) from error


def tell(
    found: list[Read], errors: Iterable[PolicyFileError], form: Format = Format.TEXT
) -> NoReturn:
    """Print what is wrong, and exit."""
    errors = list(errors)
    match form:
        case Format.TEXT:
            for error in errors:
                Terminal(stderr=True).print(str(error), style="red")
        case Format.JSON:
            told = [_described(error) for error in errors]
            Terminal().document({"files": len(found), "valid": not told, "errors": told})
        case Format.GITHUB:
            for error in errors:
                Terminal().print(_annotation(error))
    raise typer.Exit(1 if errors else 0)


def _described(error: PolicyFileError) -> dict[str, object]:
    names = ("file", "line", "column", "message", "suggestion")
    return {name: getattr(error, name) for name in names}


def _annotation(error: PolicyFileError) -> str:
    """Return a line that GitHub's runner shows beside the file (its workflow commands)."""
    place = f"file={_escaped(error.file, ':,')},line={error.line},col={error.column}"
    message = str(error).removeprefix(f"{error.file}:{error.line}:{error.column}: ")
    return f"::error {place}::{_escaped(message)}"


def _escaped(text: str, more: str = "") -> str:
    for char in "%\r\n" + more:
        text = text.replace(char, f"%{ord(char):02X}")
    return text


@app.command("page")
def page(file: Path = _FILE) -> None:
    """Print a policy's page in Markdown: what it finds, why, how to fix it, how it decides."""
    spec = read_file(file)
    console = Terminal()
    for line in page_of(spec).splitlines():
        console.print(line)


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of policy files, for editors."""
    Terminal().document(files.schema())
