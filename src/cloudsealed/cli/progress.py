"""A live view of an audit on a terminal; on anything else, one line a phase. Always on stderr."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cloudsealed.cli.terminal import Terminal

_WORDS = {
    "queued": "Planning",
    "collecting": "Collecting",
    "evaluating": "Evaluating",
    "sealing": "Sealing",
    "completed": "Completed",
    "failed": "Failed",
    "canceled": "Canceled",
}


class AuditProgress:
    """Shows the reports of an audit's runner."""

    def __init__(self, console: Terminal) -> None:
        self._console = console
        self._phase = ""
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓[/green]"),
            TextColumn("{task.description:<11}", markup=False),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[detail]}", markup=False),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("Planning", total=None, detail="")

    def __enter__(self) -> AuditProgress:
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
        done_so_far = ("calls", "resources", "observations")
        detail = " · ".join(f"{counts[name]} {name}" for name in done_so_far)
        ended = phase == "completed"
        self._progress.update(
            self._task, description=_WORDS[phase], total=total, completed=done or 0, detail=detail
        )
        if phase != self._phase and not self._console.is_terminal:
            self._console.print(f"{_WORDS[phase]}: {detail}" if ended else _WORDS[phase])
        self._phase = phase

    def waiting(self) -> None:
        """Show that another process holds the audit."""
        self._progress.update(
            self._task, description="Waiting", detail="another worker holds the audit"
        )
