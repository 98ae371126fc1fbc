"""Which worker runs which tests: whole files, those of one estate together, longest first.

A file that starts late and takes long leaves the other workers idle, and an estate that two workers
need is built twice.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

from xdist.scheduler.loadscope import LoadScopeScheduling

_FIRST = (
    "tests/e2e",
    "tests/cli",
    "tests/storage",
    "tests/contract",
    "tests/browser",
    "tests/console",
)
_KINDS = r": (Any|Emulator|Deployed|Second)\b"
_ESTATES = {
    "the files that ask for the whole sample estate": re.compile(
        r"\b(deployed|whole_estate|audited_whole)" + _KINDS
    ),
    "the files that ask for what an audit of the sample estate found": re.compile(
        r"\baudited" + _KINDS
    ),
    "the files that ask for the sample estate": re.compile(r"\b(estate|second)" + _KINDS),
}
_ROOT = Path(__file__).parents[1]


class Together(LoadScopeScheduling):
    """Sends a file, or all that need the sample estate, to one worker."""

    def __init__(self, config: Any, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # it would begin with the most tests

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return needed_estate(path) or path


@functools.cache
def needed_estate(path: str) -> str | None:
    """Return for which sample estate a file has a parameter, or for what was found there."""
    file = _ROOT / path
    text = file.read_text() if file.is_file() else ""
    return next((name for name, asks in _ESTATES.items() if asks.search(text)), None)


@functools.cache
def rank(path: str) -> tuple[bool, int, str]:
    """Return the place of a file in the order of the run."""
    folder = next((n for n, first in enumerate(_FIRST) if path.startswith(first)), len(_FIRST))
    return needed_estate(path) is None, folder, path
