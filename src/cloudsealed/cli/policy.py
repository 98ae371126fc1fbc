"""`cloudsealed policy`: check, try and describe a policy file before it is used."""

from __future__ import annotations

from pathlib import Path

import typer

from cloudsealed.cli.explain import explain, read_file
from cloudsealed.cli.terminal import Terminal
from cloudsealed.packs import EXAMPLES_AT
from cloudsealed.policies import files
from cloudsealed.policies.page import page as page_of

app = typer.Typer(help="Check, try and describe policy files.", no_args_is_help=True)
_FILE = typer.Argument(exists=True, dir_okay=False, readable=True, help="A policy in YAML or JSON.")


app.command("explain")(explain)


@app.command("validate")
def validate(file: Path = _FILE) -> None:
    """Say whether a policy file is well formed and its expressions compile."""
    spec = read_file(file)
    Terminal().print(f"{file}: {spec.key} is valid")


@app.command("test")
def try_examples(file: Path = _FILE) -> None:
    """Judge a policy file's own examples; exit 1 when one has another outcome or
    severity than it says."""
    spec = read_file(file)
    rule = files.rule_of(spec)
    console, wrong = Terminal(), 0
    for number, example in enumerate(spec.examples, start=1):
        judgement = rule.judge(example.resource, example.related, now=EXAMPLES_AT)
        outcome = "unknown" if judgement.outcome == "error" else judgement.outcome
        severity = judgement.severity or spec.severity
        good = outcome == example.outcome and example.severity in (None, severity)
        wrong += not good
        detail = judgement.message or (str(judgement.error) if judgement.error else "")
        said = f"{outcome}, {severity}" if example.severity else outcome
        console.print(f"{'ok  ' if good else 'FAIL'} example {number}: {said} {detail}".rstrip())
    console.print(f"{len(spec.examples) - wrong} passed, {wrong} failed")
    raise typer.Exit(1 if wrong else 0)


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
