"""Memory, time and files of the API's process for `/metrics`, under the names that Prometheus's own
clients give them. They are read from Linux's /proc."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from cloudsealed.kit.exposition import Family, Kind

_USER, _SYSTEM, _STARTED, _VIRTUAL, _RESIDENT = 10, 11, 18, 19, 20
"""Numbers of /proc/self/stat from `ppid` on (proc(5)): what is before them is text."""


class Process:
    """The figures of this process; none where there is no /proc."""

    def collect(self) -> Iterator[Family]:
        """Yield them, all or none."""
        with suppress(OSError):
            yield from list(_families())


def _families() -> Iterator[Family]:
    stat = list(map(int, Path("/proc/self/stat").read_text().rpartition(") ")[2].split()[1:]))
    tick, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    figures: dict[str, tuple[str, float]] = {
        "cpu_seconds_total": ("Processor time", (stat[_USER] + stat[_SYSTEM]) / tick),
        "max_fds": ("Most files that it may open", resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
        "open_fds": ("Open files", len(os.listdir("/proc/self/fd"))),  # noqa: PTH208 - a number
        "resident_memory_bytes": ("Resident memory", stat[_RESIDENT] * page),
        "virtual_memory_bytes": ("Virtual memory", stat[_VIRTUAL]),
    }
    if (booted := _booted()) is not None:
        began = booted + stat[_STARTED] / tick
        figures["start_time_seconds"] = ("When it began", began)
    for name, (text, value) in sorted(figures.items()):
        kind: Kind = "counter" if name.endswith("_total") else "gauge"
        found = Family(f"process_{name}", kind, text)
        found.add((), value)
        yield found


def _booted() -> float | None:
    """Return when the machine began, in seconds since the epoch; None where it does not say, as in
    some sandboxes."""
    lines = Path("/proc/stat").read_text().splitlines()
    found = next((line for line in lines if line.startswith("btime ")), None)
    return None if found is None else float(found.split()[1])
