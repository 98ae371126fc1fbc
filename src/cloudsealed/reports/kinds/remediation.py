"""A remediation plan: what to repair, the severest first, of these the most risk per effort.

The PDF shows what can be read: the first steps with their worst resources, more steps as lines. The
JSON has every finding under its step, and the CSV every finding as a row, in the same order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from cloudsealed.kit.batches import batches
from cloudsealed.kit.spreadsheet import csv_pieces
from cloudsealed.packs import EFFORTS
from cloudsealed.packs.danger import caution_of
from cloudsealed.reports.kinds.parts import WORST_FIRST, Savings, counted, heading
from cloudsealed.reports.kinds.plan import Plan, Step
from cloudsealed.reports.kinds.rank import EFFORT_WEIGHTS, RISK_WEIGHTS
from cloudsealed.reports.model import Built, Document, ReportSource
from cloudsealed.vocabulary import ReportKind

DETAILED = 50
"""Steps of a PDF that are described."""
LISTED = 25
"""Resources shown at most of a step in a PDF."""
LISTED_IN_ALL = 500
"""Resources that its described steps share: a PDF needs about 0.1 MB each."""
LINES = 150
"""Steps of a PDF that are a line of its overview, the described ones among them."""
OWNERS = 20
"""Owners of a PDF that are named in its overview."""
_MILESTONES = (0.5, 0.8)
_POINTS = 100
_FIRST = 5
_ROWS = 500


class Column(NamedTuple):
    """A column of the CSV: its name, what it holds, and that of a step and a finding's brief."""

    name: str
    doc: str
    value: Callable[[Document, Document], object]


def _money(name: str) -> Callable[[Document, Document], object]:
    return lambda _step, row: (row["monthly_savings"] or {}).get(name)


COLUMNS = (
    Column("step", "Number of the step", lambda s, _: s["step"]),
    Column("policy", "Key of the policy", lambda s, _: s["policy"]["key"]),
    Column("title", "What is wrong", lambda _, f: f["title"]),
    Column("severity", "Of the finding", lambda _, f: f["severity"]),
    Column("dimension", "Of the policy", lambda s, _: s["dimension"]),
    Column("risk", "The severity's weight in a score", lambda _, f: RISK_WEIGHTS[f["severity"]]),
    Column("effort", "Of the step: low, medium or high", lambda s, _: s["effort"]),
    Column("owner", "Of the resource, by its tags", lambda s, _: s["owner"]),
    Column("account", "Of the resource", lambda _, f: f["resource"]["account"]),
    Column("region", "Of the resource, or global", lambda _, f: f["resource"]["region"]),
    Column("resource_type", "Such as aws.s3.bucket", lambda _, f: f["resource"]["type"]),
    Column("native_id", "ARN or full id", lambda _, f: f["resource"]["native_id"]),
    Column("name", "Of the resource", lambda _, f: f["resource"]["name"]),
    Column("finding_id", "Id of the finding", lambda _, f: f["finding_id"]),
    Column("first_seen_at", "When it was first found", lambda _, f: f["first_seen_at"]),
    Column("monthly_savings", "What the repair saves a month", _money("amount")),
    Column("currency", "Of the savings", _money("currency")),
    Column("triage", "What people decided", lambda _, f: f["triage"]),
    Column("remediation", "What to do", lambda s, _: s["summary"]),
    Column("caution", "What that deletes, cuts off or writes over", lambda s, _: caution_of(s)),
    Column("first", "Commands to run before, with the resource's names", lambda _, f: f["first"]),
    Column("cli", "The commands, with the resource's names", lambda _, f: f["cli"]),
    Column("terraform", "The same in Terraform", lambda _, f: f["terraform"]),
    Column(
        "controls",
        "Framework and control; between several a semicolon",
        lambda s, _: "; ".join(f"{c['framework']} {c['control']}" for c in s["controls"]),
    ),
)
"""The columns of the CSV, in order."""


def build(source: ReportSource, filters: Mapping[str, tuple[str, ...]] | None = None) -> Built:
    """Return what to repair, the severest first, of these what removes the most for the effort."""
    plan = Plan(source, filters or {})
    owners = _owners(plan)
    front = {
        **heading(ReportKind.REMEDIATION_PLAN, source, filters),
        "findings": counted(plan.statuses),
        "weights": {"risk": RISK_WEIGHTS, "effort": EFFORT_WEIGHTS},
        "totals": _totals(plan),
        "milestones": _milestones(plan),
    }
    document = {**front, **_shown(plan), **_shown_owners(owners)}
    files = {"json": _json({**front, "owners": owners}, plan), "csv": _csv(plan)}
    return Built(document, files)


def _totals(plan: Plan) -> Document:
    savings = Savings()
    for step in plan.steps:
        savings.merge(step.savings)
    efforts = Counter(map(plan.effort, plan.steps))
    return {
        "steps": len(plan.steps),
        "policies": len({step.policy for step in plan.steps}),
        "owners": len({step.owner for step in plan.steps if step.owner is not None}),
        "risk": plan.risk,
        "efforts": {effort: efforts[effort] for effort in EFFORTS},
        "monthly_savings": savings.total(),
    }


def _milestones(plan: Plan) -> list[Document]:
    """Return after how many steps which part of the risk is gone, for some parts."""
    shares = [step["cumulative_risk_share"] for _, step in plan.described()]
    reached = [
        next((n for n, share in enumerate(shares, start=1) if share >= part), None)
        for part in _MILESTONES
    ]
    found = {steps: shares[steps - 1] for steps in reached if steps is not None}
    return [{"steps": steps, "risk_share": share} for steps, share in found.items()]


@dataclass(slots=True)
class _Owner:
    """What the steps of one owner come to."""

    steps: list[int] = field(default_factory=list)
    findings: int = 0
    risk: int = 0
    severities: Counter[str] = field(default_factory=Counter)
    efforts: Counter[str] = field(default_factory=Counter)
    savings: Savings = field(default_factory=Savings)

    def add(self, number: int, step: Step, effort: str) -> None:
        self.steps.append(number)
        self.findings += step.findings
        self.risk += step.risk
        self.severities[step.severity] += step.findings
        self.efforts[effort] += 1
        self.savings.merge(step.savings)


def _owners(plan: Plan) -> list[Document]:
    """Return who has how much to do, whoever can remove the most risk first."""
    found: dict[str | None, _Owner] = {}
    for number, step in enumerate(plan.steps, start=1):
        found.setdefault(step.owner, _Owner()).add(number, step, plan.effort(step))
    documents = [
        {
            "owner": name,
            "steps": len(owner.steps),
            "first_steps": owner.steps[:_FIRST],
            "findings": owner.findings,
            "severities": {s.value: owner.severities[s] for s in WORST_FIRST},
            "risk": owner.risk,
            "risk_share": plan.share(owner.risk),
            "efforts": {effort: owner.efforts[effort] for effort in EFFORTS},
            "monthly_savings": owner.savings.total(),
        }
        for name, owner in found.items()
    ]
    return sorted(documents, key=lambda o: (-o["risk"], -o["findings"], o["owner"] or ""))


def _shown_owners(owners: list[Document]) -> Document:
    rest = owners[OWNERS:]
    more = {"owners": len(rest), "findings": sum(owner["findings"] for owner in rest)}
    return {"owners": owners[:OWNERS], "more_owners": more}


def _shown(plan: Plan) -> Document:
    """Return the steps as a PDF shows them, and what it leaves out."""
    steps, lines, points = [], [], []
    most = _most(plan.steps[:DETAILED])
    every = max(1, len(plan.steps) // _POINTS)
    for step, document in plan.described():
        number = document["step"]
        if number <= DETAILED:
            resources = list(plan.rows(step, most))
            document |= {"resources": resources, "more": step.findings - len(resources)}
            steps.append(document)
        elif number <= LINES:
            lines.append(_line(document))
        if number % every == 0 or number in (1, len(plan.steps)):
            points.append([number, document["cumulative_risk_share"]])
    rest = plan.steps[LINES:]
    more = {
        "steps": len(rest),
        "findings": sum(step.findings for step in rest),
        "risk_share": plan.share(sum(step.risk for step in rest)),
    }
    return {"steps": steps, "lines": lines, "more": more, "curve": points}


def _most(steps: Sequence[Step]) -> int:
    """Return how many resources of each step may be shown for all to find room."""
    counts = [step.findings for step in steps]
    return next(n for n in range(LISTED, -1, -1) if sum(min(n, c) for c in counts) <= LISTED_IN_ALL)


def _line(step: Document) -> Document:
    told = (
        "step",
        "title",
        "owner",
        "severity",
        "findings",
        "effort",
        "monthly_savings",
        "risk_share",
        "cumulative_risk_share",
    )
    return {name: step[name] for name in told}


def _json(front: Document, plan: Plan) -> Iterator[bytes]:
    """Yield the plan with every finding, one a line."""
    yield orjson.dumps(front)[:-1] + b',"steps":['
    for step, document in plan.described():
        yield b",\n" if document["step"] > 1 else b"\n"
        yield orjson.dumps(document)[:-1] + b',"resources":['
        yield from _joined(map(orjson.dumps, plan.rows(step)))
        yield b"]}"
    yield b"]}\n"


def _joined(rows: Iterable[bytes]) -> Iterator[bytes]:
    between = b"\n"
    for batch in batches(rows, _ROWS):
        yield between + b",\n".join(batch)
        between = b",\n"


def _csv(plan: Plan) -> Iterator[bytes]:
    rows = (
        [column.value(document, finding) for column in COLUMNS]
        for step, document in plan.described()
        for finding in plan.rows(step)
    )
    return csv_pieces([column.name for column in COLUMNS], rows)
