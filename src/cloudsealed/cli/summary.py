"""The summary of an audit on a terminal: four dimensions, the worst findings, what was not read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from cloudsealed.cli.terminal import Line, Terminal
from cloudsealed.findings.exceptions import is_accepted
from cloudsealed.kit.percent import percent
from cloudsealed.vocabulary import CallOutcome, Severity

STYLES = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan", "info": "dim"}
"""Of severities."""
_WORST = 10
_BAR = 10
_LONGEST_ACCOUNT = 16
_SHORT = {"critical": "Crit", "high": "High", "medium": "Med", "low": "Low", "info": "Info"}


def show_summary(
    console: Terminal,
    audit: Mapping[str, Any],
    findings: Sequence[Mapping[str, Any]],
    coverage: Mapping[str, Any],
) -> None:
    """Print an audit's summary."""
    accounts = ", ".join(filter(None, map(_account, audit["accounts"])))
    regions = sorted({region for t in audit["accounts"] for region in t["regions"]})
    calls, verdicts = sum(audit["calls"].values()), sum(audit["counts"].values())
    console.print()
    console.print(f"Audit {audit['id']}", style="bold")
    where = f" · regions {', '.join(regions)}" if regions else ""
    console.print(f"Accounts {accounts}{where}", soft_wrap=True)
    console.print(
        f"{audit['resources']} resources · {calls} calls · {verdicts} verdicts · "
        f"coverage {percent(audit['coverage'])}"
    )
    console.print(_dimensions(audit["dimensions"]))
    at = audit["finished_at"]
    asking = [f for f in findings if f["status"] == "open"]
    open_findings = [f for f in asking if not is_accepted(f, at)]
    worst = sorted(open_findings, key=lambda f: (-Severity(f["severity"]).rank, f["title"]))[
        :_WORST
    ]
    if worst:
        names = {t["account"]: t["alias"] for t in audit["accounts"] if t["account"]}
        console.print(_findings(worst, len(open_findings), names))
    if accepted := len(asking) - len(open_findings):
        console.print(
            Line.assemble(("Accepted risks", "magenta"), f" {accepted}, which do not count")
        )
    _unread(console, coverage)
    console.print(Line.assemble("Verdict digest ", (str(audit["verdict_digest"]), "dim")))


def show_rest(
    console: Terminal, findings: Sequence[Mapping[str, Any]], written: Sequence[Path]
) -> None:
    """Print where the rest of the findings is to be seen: in files, here, and with a server."""
    for path in written:
        console.print(f"Written  {path}")
    if not findings:
        return
    everything = f"All {len(findings)}" if len(findings) > 1 else "It"
    ways = {
        f"{everything} here, without a server": "cloudsealed findings list",
        "As a page to search and filter": "the same command with --output report.html",
        "With a server": "cloudsealed init && cloudsealed serve",
    }
    if any(path.suffix == ".html" for path in written):
        del ways["As a page to search and filter"]
    for label, command in ways.items():
        console.print(Line.assemble((f"{label}: ", "dim"), command))


def _account(target: Mapping[str, Any]) -> str | None:
    account, alias = target["account"], target["alias"]
    return f"{alias} ({account})" if account and alias else account


def _dimensions(dimensions: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("Dimension", no_wrap=True)
    table.add_column("Score", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for name in (*(_SHORT[severity] for severity in reversed(Severity)), "Pass", "Unknown"):
        table.add_column(name, justify="right", no_wrap=True)
    for dimension, figures in dimensions.items():
        score = figures["score"]
        counts = [_count(figures["severities"][s], STYLES[s]) for s in reversed(Severity)]
        table.add_row(
            dimension.capitalize(),
            "-" if score is None else str(score),
            _bar(score),
            *counts,
            str(figures["pass"]),
            _count(figures["unknown"], "magenta"),
        )
    return table


def _bar(score: int | None) -> Line:
    if score is None:
        return Line("too little read", style="dim")
    filled = score * _BAR // 100
    style = "green" if score >= 80 else "yellow" if score >= 50 else "red"
    return Line.assemble(("█" * filled, style), ("░" * (_BAR - filled), "dim"))


def _count(number: int, style: str) -> Line:
    return Line(str(number), style=style if number else "dim")


def _findings(worst: Sequence[Mapping[str, Any]], total: int, names: Mapping[str, str]) -> Table:
    table = Table(
        title=f"The {len(worst)} worst of {total} open findings",
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("Severity")
    table.add_column("Finding", overflow="fold")
    table.add_column("Where", overflow="fold")
    for finding in worst:
        resource = finding["resource"]
        where = f"{_short(resource['account'], names)} {resource['region']}"
        table.add_row(
            Line(finding["severity"], style=STYLES[finding["severity"]]), finding["title"], where
        )
    return table


def _short(account: str, names: Mapping[str, str]) -> str:
    """Return an account for a narrow column: what people call it where its id is long."""
    if len(account) <= _LONGEST_ACCOUNT:
        return account
    return names.get(account) or f"{account[: _LONGEST_ACCOUNT - 1]}…"


def _unread(console: Terminal, coverage: Mapping[str, Any]) -> None:
    gaps = [gap for gap in coverage["gaps"] if gap["outcome"] != CallOutcome.REGION_DENIED]
    for target in coverage["accounts_not_entered"]:
        console.print(Line.assemble(("Not entered", "magenta"), f" {target['error']['message']}"))
    for denied in (gap for gap in coverage["gaps"] if gap not in gaps):
        words = f" {_regions(denied['places'])} · outside the scores"
        console.print(Line.assemble(("Regions that deny everything", "magenta"), words))
    if away := coverage["regions_not_enabled"]:
        console.print(
            Line.assemble(("Regions that are not enabled", "magenta"), f" {_regions(away)}")
        )
    if gaps:
        shown = ", ".join(f"{g['service']}:{g['operation']} ({g['outcome']})" for g in gaps[:5])
        more = f" and {len(gaps) - 5} more" if len(gaps) > 5 else ""
        console.print(Line.assemble(("Could not be read", "magenta"), f" {shown}{more}"))
    for number, why in _without(coverage["verdicts"]):
        console.print(f"{_verdicts(number)} {why}: outside of coverage and scores")
    for cure in coverage["cures"]:
        console.print(f"Grant {', '.join(cure['permissions'][:8])} to read more")


def _without(verdicts: Mapping[str, int]) -> Iterator[tuple[int, str]]:
    """Yield how many verdicts are not possible, and why."""
    for name, why in (
        ("forbidden", "unknown for what the organisation forbids to read"),
        ("out_of_scope", "unknown for what the scope left out"),
    ):
        if verdicts[name]:
            yield verdicts[name], why


def _verdicts(number: int) -> str:
    return "1 verdict is" if number == 1 else f"{number} verdicts are"


def _regions(places: Sequence[str]) -> str:
    return ", ".join(sorted({place.partition("/")[2] for place in places}))
