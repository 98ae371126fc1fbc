"""An audit: watched while it runs, then what it found, its calls, cells, gaps and seal."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

import orjson

from cloudsealed.auth.model import Scope
from cloudsealed.console.asking import ApiRefusedError, path_to
from cloudsealed.console.comparison import before, compared, deltas, is_later
from cloudsealed.console.language import worded
from cloudsealed.console.look import Look, Passage, View
from cloudsealed.console.matrix import matrix
from cloudsealed.console.views.audits import LIST, connections_of, names_of, seconds_of
from cloudsealed.kit.errors import MissingFieldError
from cloudsealed.vocabulary import AuditStatus, CallOutcome, Dimension, Outcome

_ONE = f"{LIST}/{{id}}"
CALL_FILTERS = {
    "outcome": worded("Outcome"),
    "service": worded("Service"),
    "operation": worded("Operation"),
    "account": worded("Account"),
    "region": worded("Region"),
}
CELL_FILTERS = {
    "outcome": worded("Outcome"),
    "dimension": worded("Dimension"),
    "account": worded("Account"),
    "region": worded("Region"),
}
_PHASES = (
    AuditStatus.QUEUED,
    AuditStatus.COLLECTING,
    AuditStatus.EVALUATING,
    AuditStatus.SEALING,
    AuditStatus.COMPLETED,
)
_GAPS = 8  # that are shown while an audit runs
_CANDIDATES = 100  # audits that one can be compared with


async def _framed(look: Look, *, told: bool = False) -> dict[str, Any]:
    """Return what every page of an audit shows; with `told` the audit is what the page is of."""
    path = path_to(_ONE, id=look.ident)
    audit = await (look.api.get(path) if told else look.api.value(path))
    return {
        "audit": audit,
        "is_over": AuditStatus(audit["status"]).is_final,
        "is_kept": audit["evidence"] == "kept",
        "may_write": look.may(Scope.AUDITS_WRITE),
        "may_see_evidence": look.may(Scope.EVIDENCE_READ),
    }


async def _gather(look: Look) -> Mapping[str, Any]:
    shown = await _framed(look, told=True)
    audit = shown["audit"]
    gaps = None
    if shown["is_kept"] and audit["status"] != AuditStatus.QUEUED:
        coverage = await look.api.value(f"{path_to(_ONE, id=look.ident)}/coverage")
        gaps = coverage["gaps"]
    return {
        **shown,
        "gaps": gaps[:_GAPS] if gaps is not None else None,
        "more_gaps": len(gaps) - _GAPS if gaps is not None else 0,
        "names": names_of(await connections_of(look)),
        "phases": _PHASES,
        "seconds": seconds_of(audit),
        "is_resumable": _is_resumable(audit),
    }


def _is_resumable(audit: Mapping[str, Any]) -> bool:
    """Say whether resuming is worth offering; the API decides whether it is possible."""
    code = str((audit["error"] or {}).get("code", ""))
    return audit["status"] == AuditStatus.FAILED and code.startswith("cloud_")


async def _act(look: Look) -> str:
    path, wanted = path_to(_ONE, id=look.ident), look.sent("do")
    if wanted == "delete":
        await look.api.send("DELETE", path)
        return "/audits"
    if wanted not in ("cancel", "resume", "reanalyze"):
        raise MissingFieldError("do")
    answer = await look.api.send("POST", f"{path}/{wanted}")
    return f"/audits/{answer['id']}"


async def _gather_calls(look: Look) -> Mapping[str, Any]:
    shown = await _framed(look)
    page = None
    if shown["is_kept"]:
        names = (*CALL_FILTERS, *(f"{name}_not" for name in CALL_FILTERS))
        filters = {name: look.query.get(name, ()) for name in names}
        page = await look.api.get(
            f"{path_to(_ONE, id=look.ident)}/calls",
            **filters,
            cursor=look.one("cursor"),
            limit=look.one("limit"),
        )
    counts = shown["audit"]["calls"] or {}
    return {
        **shown,
        "page": page,
        "asked": [_written(each["parameters"]) for each in page["data"]] if page else (),
        "filter_names": CALL_FILTERS,
        "outcomes": [(each.value, counts.get(each)) for each in CallOutcome],
    }


def _written(parameters: Any) -> str:
    return orjson.dumps(parameters).decode() if parameters else ""


async def _gather_coverage(look: Look) -> Mapping[str, Any]:
    shown = await _framed(look)
    coverage = None
    if shown["is_kept"]:
        coverage = await look.api.get(f"{path_to(_ONE, id=look.ident)}/coverage")
    names = names_of(await connections_of(look))
    return {**shown, "coverage": coverage, "names": names}


async def _gather_cells(look: Look) -> Mapping[str, Any]:
    shown = await _framed(look)
    page = None
    if shown["is_kept"]:
        filters = {name: look.query.get(name, ()) for name in (*CELL_FILTERS, *_NOT_CELLS)}
        page = await look.api.get(
            f"{path_to(_ONE, id=look.ident)}/cells",
            **filters,
            cursor=look.one("cursor"),
            limit=look.one("limit"),
        )
    return {
        **shown,
        "page": page,
        "matrix": matrix(page["data"]) if page else None,
        "filter_names": CELL_FILTERS,
        "outcomes": tuple(Outcome),
        "dimensions": tuple(Dimension),
    }


_NOT_CELLS = tuple(f"{name}_not" for name in CELL_FILTERS if name != "outcome")


async def _gather_compared(look: Look) -> Mapping[str, Any]:
    shown = await _framed(look, told=True)
    audit = shown["audit"]
    listed = await look.api.value(LIST, status="completed", limit=str(_CANDIDATES))
    others = [each for each in listed["data"] if each["id"] != audit["id"]]
    found: dict[str, Any] = {"others": others, "other": None, "difference": None, "deltas": None}
    found["is_later"] = False
    if audit["status"] != AuditStatus.COMPLETED:
        return {**shown, **found}
    previous = await before(look, audit["id"]) if shown["is_kept"] else None
    wanted = look.one("with") or previous or next((each["id"] for each in others), None)
    if wanted is not None:
        found["other"] = other = await look.api.get(path_to(_ONE, id=wanted))
        if all(each["id"] != other["id"] for each in others):
            others.append(other)
        found["difference"] = await compared(look, audit, found["other"])
        try:
            found["deltas"] = await deltas(look, audit, other["id"])
        except ApiRefusedError as error:
            if not is_later(error):
                raise
            found["is_later"] = True
    return {**shown, **found}


async def _gather_seal(look: Look) -> Mapping[str, Any]:
    shown = await _framed(look)
    envelope, statement = None, None
    if shown["audit"]["status"] == AuditStatus.COMPLETED:
        envelope = await look.api.get(f"{path_to(_ONE, id=look.ident)}/seal")
        statement = orjson.loads(b64decode(envelope["payload"]))
    return {**shown, "envelope": envelope, "statement": statement}


VIEWS = (
    View("/audits/{id}", "audits/one.html", _gather, _act),
    View("/audits/{id}/calls", "audits/calls.html", _gather_calls),
    View("/audits/{id}/coverage", "audits/coverage.html", _gather_coverage),
    View("/audits/{id}/cells", "audits/cells.html", _gather_cells),
    View("/audits/{id}/compare", "audits/compare.html", _gather_compared),
    View("/audits/{id}/seal", "audits/seal.html", _gather_seal),
)
PASSAGES = (
    Passage("/audits/{id}/events", f"{_ONE}/events"),
    Passage("/audits/{id}/bundle", f"{_ONE}/bundle"),
)
