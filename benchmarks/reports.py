"""What reports cost: an executive summary and a remediation plan of 50,000 findings, as the worker
makes them, and a summary's PDF beside WeasyPrint's of the same contents.

    python benchmarks/reports.py [FINDINGS]

The job reads its findings from an SQLite store and renders in a process of its own; CPU is of both.
Memory is the most that is the job's own (RssAnon: mapped pages of the store's file are the system's
cache) and the renderer's greatest resident size. Limits, for 50,000 findings: a summary 1 s and
150 MiB, a plan 5 s and 300 MiB. WeasyPrint sets the summary's texts, tables and charts from HTML,
tagged as PDF/UA-1, in three runs that alternate with ours; bar: at least 4 times our CPU. It is
left out when it is not installed. Exits 1 when a limit or bar is missed.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from html import escape
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path
from typing import Any

import orjson
from _process import Memory, apart, cpu_of_all

from cloudsealed import working
from cloudsealed.audits.model import Audit
from cloudsealed.audits.sealing.seal import Tally, seal
from cloudsealed.audits.store import encode
from cloudsealed.findings.model import Finding
from cloudsealed.findings.store import insert, pin_to_audit
from cloudsealed.kit.batches import batches
from cloudsealed.policies.model import Policy
from cloudsealed.policies.store import PolicyStore
from cloudsealed.reports.render import render_pdf
from cloudsealed.reports.store import JOB
from cloudsealed.settings import Settings
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.migrate import migrate
from cloudsealed.storage.schema import audits
from cloudsealed.testing.factories import make_audit, make_finding
from cloudsealed.vocabulary import AuditStatus, Dimension, PolicyKind, Severity
from cloudsealed.wiring import Services, build_services

FINDINGS = 50_000
LIMITS = {"executive_summary": (1.0, 150), "remediation_plan": (5.0, 300)}
"""CPU seconds and MiB of each kind."""
RUNS, BAR = 3, 4.0
MOMENT = "2026-01-01T00:00:00.000Z"
MONTH = MOMENT[:7]
POINT = {"score": 61, "fail": 12, "pass": 340, "unknown": 7, "suppressed": 0}


def _audit(services: Services, tenant: str) -> Audit:
    chosen = services.policies.audit_set(tenant=tenant)
    return make_audit(
        status=AuditStatus.COMPLETED,
        policy_set=tuple(chosen.as_list()),
        clock=MOMENT,
        created_at=MOMENT,
        started_at=MOMENT,
        finished_at=MOMENT,
        verdict_digest="5f" * 32,
    )


def _completed(services: Services, tenant: str, idents: list[str]) -> str:
    """Store an audit in which these findings failed; return its id."""
    audit, key = _audit(services, tenant), services.keys.current("seal")
    result = {
        "coverage": 0.97,
        "cells": {"planned": 400, "with_verdict": 388},
        "counts": None,
        "verdicts": {
            "given": 388,
            "possible": 400,
            "unread": 12,
            "forbidden": 0,
            "out_of_scope": 0,
        },
        "dimensions": {d.value: POINT for d in Dimension},
        "resources": 0,
        "calls": None,
        "findings": len(idents),
    }
    row = encode(tenant, audit) | {
        "result": orjson.dumps(result).decode(),
        "finished_at": MOMENT,
        "started_at": MOMENT,
        "verdict_digest": audit.verdict_digest,
    }
    with services.database.write() as connection:
        connection.run(audits.insert(), row)
        pin_to_audit(connection, tenant=tenant, audit=audit.id, idents=idents, month=MONTH)
        seal(
            connection,
            tenant=tenant,
            audit=audit,
            root=bytes(32),
            tally=Tally(audit.id),
            verdict_digest="5f" * 32,
            finished_at=MOMENT,
            key=key,
        )
    return audit.id


def _finding(number: int, policies: list[Policy]) -> Finding:
    policy = policies[number % len(policies)]
    return make_finding(
        policy_id=policy.id,
        policy_version=policy.version,
        name=f"larkspur-{number:06d}",
        dimension=Dimension(policy.spec["dimension"]),
        severity=Severity(policy.spec["severity"]),
        title=f"{policy.spec['title']}: larkspur-{number:06d}",
        account=f"12345678901{number % 8}",
        resource_type=policy.spec["resource_types"][0],
        monthly_savings_cents=number % 9_000 if policy.spec["dimension"] == "cost" else None,
    )


def _filled(folder: Path, count: int, pipe: Any) -> None:
    """Fill a store with two audits, of which a tenth of the findings differ."""
    settings = Settings(data_dir=folder)
    ensure_keys(settings.key_path)
    migrate(settings)
    services = build_services(settings)
    tenant = services.tenants.ensure(name="Larkspur").id
    services.policies.synchronize(tenant=tenant)
    found = PolicyStore(services.database).all(tenant=tenant)
    policies = [policy for policy in found if policy.kind is PolicyKind.CHECK]
    idents: list[str] = []
    for numbers in batches(range(count + count // 10), 1_000):
        made = [_finding(number, policies) for number in numbers]
        with services.database.write() as connection:
            insert(connection, tenant=tenant, new=made)
        idents += [finding.id for finding in made]
    _completed(services, tenant, idents[:count])
    pipe.send((tenant, _completed(services, tenant, idents[count // 10 :])))
    services.database.close()


def _reported(folder: Path, tenant: str, audit: str, kind: str, pipe: Any) -> None:
    """Send CPU seconds and MiB of the job, MiB of its renderer and the report's JSON."""
    services = build_services(Settings(data_dir=folder))
    body = {"kind": kind, "audit_id": audit}
    ident = orjson.loads(services.reports.create(tenant=tenant, body=body))["id"]
    worker = working.worker(services)
    began = cpu_of_all()
    with Memory() as memory:
        worker.run_once(JOB)
    took = cpu_of_all() - began
    files = {
        name: b"".join(services.reports.file(tenant=tenant, ident=ident, format=name).content)
        for name in ("pdf", "json")
    }
    pipe.send((took, memory.own, memory.child, len(files["pdf"]), files["json"]))


def page(document: Mapping[str, Any]) -> str:
    """Return a summary as HTML for WeasyPrint: the same texts, tables and charts."""
    return (
        f'<!doctype html><html lang="en"><head><title>{escape(document["title"])}</title><style>'
        "@page{size:A4;margin:16mm 18mm 20mm;@bottom-right{content:'Page ' counter(page) ' of '"
        " counter(pages)}} body{font:9pt sans-serif} table{width:100%;border-collapse:collapse}"
        " th,td{text-align:left;border-bottom:.4pt solid #ccc;padding:3pt} .card{display:inline-"
        "block;width:23%;background:#f3f5f8} .bar span{display:inline-block;height:8pt}</style>"
        f"</head><body>{''.join(_sections(document))}</body></html>"
    )


def _sections(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h1>{escape(document['title'])}</h1><p>{escape(document['tenant'])}</p><h2>Scores</h2>"
    for item in document["dimensions"]:
        scores = [point["scores"][item["dimension"]] or 0 for point in document["trend"]]
        yield (
            f'<div class="card"><b>{item["dimension"]}</b> {item["score"]} of 100{_line(scores)}'
            f"{item['findings']} open, {item['pass']} passed, {item['unknown']} unknown</div>"
        )
    yield "<h2>Open findings</h2>" + _table(
        ["", *document["severities"]],
        [[d["dimension"], *d["severities"].values()] for d in document["dimensions"]],
    )
    yield "".join(_bars(d["severities"].values()) for d in document["dimensions"])
    changes = document["changes"]
    yield "<h2>What changed</h2>" + _table(
        ["", *document["severities"]],
        [[name, *changes[name].values()] for name in ("opened", "reopened", "resolved")],
    )
    yield _table(
        ["Severity", "Finding", "Account"],
        [[f["severity"], f["title"], f["resource"]["account"]] for f in changes["worst"]],
    )
    yield "<h2>What matters first</h2>"
    for item in document["priorities"]:
        why = " ".join(w["text"].format(**w["values"]) for w in item["why"])
        named = ", ".join(f["resource"]["name"] for f in item["worst"])
        yield f"<h3>{escape(item['title'])}</h3><p>{escape(item['reason'] or '')}</p>"
        yield f"<p>{item['severity']} {escape(why)} <code>{escape(named)}</code></p>"
    yield "<h2>Money on the table</h2>" + _table(
        ["Policy", "Findings", "Saves a month"],
        [[p["title"], p["findings"], p["monthly"]] for p in document["waste"]["policies"]],
    )
    yield "<h2>Evidence</h2>" + _table(["", ""], [list(i) for i in document["seal"].items()])


def _table(head: list[str], rows: list[list[Any]]) -> str:
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _line(scores: list[int]) -> str:
    step = 100 / max(1, len(scores) - 1)
    points = " ".join(f"{5 + n * step:.1f},{52 - score / 2}" for n, score in enumerate(scores))
    grid = "".join(
        f'<line x1="5" x2="105" y1="{y}" y2="{y}" stroke="#ccc"/><text x="0" y="{y}" '
        f'font-size="4">{104 - 2 * y}</text>'
        for y in (2, 27, 52)
    )
    drawn = f'<polyline points="{points}" fill="none" stroke="#1f4e8c"/>'
    return f'<svg viewBox="0 0 110 56" width="100%">{grid}{drawn}</svg>'


def _bars(counts: Any) -> str:
    values = list(counts)
    starts = [0, *accumulate(values)]
    scale = 400 / max(1, starts[-1])
    drawn = "".join(
        f'<rect x="{start * scale:.1f}" y="0" width="{value * scale:.1f}" height="10"/>'
        for start, value in zip(starts, values, strict=False)
    )
    return f'<svg viewBox="0 0 400 12" width="100%">{drawn}</svg>'


def _weasyprint(html: str) -> float:
    """Return the CPU seconds of a process in which WeasyPrint sets the page."""
    program = (
        "import sys, weasyprint\n"
        "pdf = weasyprint.HTML(string=sys.stdin.read()).write_pdf(pdf_variant='pdf/ua-1')\n"
        "assert pdf.startswith(b'%PDF-')\n"
    )
    began = cpu_of_all()
    subprocess.run([sys.executable, "-c", program], input=html.encode(), check=True)
    return cpu_of_all() - began


def _ours(document: dict[str, Any]) -> float:
    began = cpu_of_all()
    render_pdf(document)
    return cpu_of_all() - began


def compare(document: dict[str, Any]) -> bool:
    """Set a summary by both, in turn; say whether the bar is met."""
    if find_spec("weasyprint") is None:
        print("  WeasyPrint is not installed: left out")
        return True
    html = page(document)
    pairs = [(_weasyprint(html), _ours(document)) for _ in range(RUNS)]
    theirs, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"  a summary's PDF: WeasyPrint {theirs:.2f} s, ours {ours:.2f} s of CPU")
    print(f"  {theirs / ours:.1f} times (bar {BAR:g})")
    return theirs / ours >= BAR


def measure(kind: str, *given: Any) -> tuple[bool, dict[str, Any]]:
    """Make a report; say whether it keeps its limits, and return its document."""
    took, own, renderer, size, document = apart(_reported, *given[:3], kind)
    seconds, mebibytes = LIMITS[kind]
    print(
        f"  {kind}: {took:.2f} s of CPU (limit {seconds:g}); {own:.0f} MiB to build and"
        f" {renderer:.0f} MiB to render (limit {mebibytes}); PDF of {size >> 10} KiB"
    )
    return took <= seconds and max(own, renderer) <= mebibytes, orjson.loads(document)


def main() -> int:
    """Measure both kinds, and compare."""
    count = int(sys.argv[1].replace("_", "")) if len(sys.argv) > 1 else FINDINGS
    with tempfile.TemporaryDirectory(prefix="cloudsealed-reports-") as folder:
        tenant, audit = apart(_filled, Path(folder), count)
        print(f"  {count:,} findings, {os.cpu_count()} cores")
        results = {kind: measure(kind, Path(folder), tenant, audit) for kind in LIMITS}
    met = all(kept for kept, _document in results.values())
    met &= compare(results["executive_summary"][1])
    print("limits and bar kept" if met else "LIMIT OR BAR MISSED")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
