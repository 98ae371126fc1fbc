"""A live view of an audit on a terminal; on anything else, one line a phase. Always on stderr."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Protocol, Self

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column

from cloudsealed.cli.terminal import Terminal
from cloudsealed.kit.logs import say
from cloudsealed.vocabulary import AuditStatus

_WORDS = {
    "queued": "Planning",
    "collecting": "Collecting",
    "evaluating": "Evaluating",
    "sealing": "Sealing",
    "completed": "Completed",
    "failed": "Failed",
    "canceled": "Canceled",
}
_ENDED_OTHERWISE = (AuditStatus.FAILED, AuditStatus.CANCELED)
"""Phases of which the reason that follows says more."""
_WIDE, _LONG_BAR, _SHORT_BAR = 90, 28, 8
_STEPS = 100
"""Of a collection, of how many a log tells."""

log = logging.getLogger(__name__)


class Told(Protocol):
    """What hears of an audit's progress while its block lasts."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def update(self, phase: str, counts: Mapping[str, Any]) -> None:
        """Hear where the audit stands."""
        ...

    def waiting(self) -> None:
        """Hear that another process holds the audit."""
        ...


class AuditProgress:
    """Shows the reports of an audit's runner; unless `live`, as lines on a terminal too."""

    def __init__(self, console: Terminal, *, live: bool = True) -> None:
        self._console = console
        self._live = live and console.is_terminal
        self._phase = ""
        wide = console.width >= _WIDE
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓[/green]"),
            TextColumn("{task.description:<10}", markup=False, table_column=Column(no_wrap=True)),
            BarColumn(bar_width=_LONG_BAR if wide else _SHORT_BAR),
            TimeElapsedColumn(table_column=Column(no_wrap=True, min_width=7)),
            TextColumn(
                "{task.fields[detail]}",
                markup=False,
                table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
            ),
            console=console,
            expand=True,
            disable=not self._live,
        )
        self._task = self._progress.add_task("Planning", total=None, detail="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def update(self, phase: str, counts: Mapping[str, Any]) -> None:
        """Show where the audit stands."""
        total = counts["tasks_total"] or None
        done = counts["tasks_done"] if phase == "collecting" else total
        detail = _detail(phase, counts)
        self._progress.update(
            self._task,
            description=_WORDS[phase],
            total=total,
            completed=done or 0,
            detail=detail,
            visible=phase not in _ENDED_OTHERWISE,
        )
        if phase != self._phase and not self._live and phase not in _ENDED_OTHERWISE:
            ended = phase == AuditStatus.COMPLETED
            self._console.print(f"{_WORDS[phase]}: {detail}" if ended else _WORDS[phase])
        self._phase = phase

    def waiting(self) -> None:
        """Show that another process holds the audit."""
        self._progress.update(
            self._task, description="Waiting", detail="another worker holds the audit"
        )


class LoggedProgress:
    """Logs the phases of an audit, and a hundred steps of what it collects."""

    def __init__(self) -> None:
        self._phase = ""
        self._step = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def update(self, phase: str, counts: Mapping[str, Any]) -> None:
        """Log where the audit stands, if that is another phase or step."""
        step = _STEPS * counts["tasks_done"] // (counts["tasks_total"] or 1)
        if (phase, step) != (self._phase, self._step):
            self._phase, self._step = phase, step
            say(log, f"audit {phase}", **counts)

    def waiting(self) -> None:
        """Log that another process holds the audit, once."""
        if self._phase != "waiting":
            self._phase = "waiting"
            say(log, "another worker holds the audit")


def _detail(phase: str, counts: Mapping[str, Any]) -> str:
    """Return what was done so far; what comes first is what a narrow terminal still shows."""
    names = ["resources", "calls", "observations"]
    if phase in (AuditStatus.QUEUED, AuditStatus.COLLECTING):
        names.remove("observations")
    return " · ".join(f"{counts[name]} {name}" for name in names)
