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
_NEEDS_ESTATE = re.compile(r"\b(estate|audited|deployed|second): (Any|Emulator|Deployed|Second)\b")
_ESTATE = "the files that ask for the sample estate"
_ROOT = Path(__file__).parents[1]


class Together(LoadScopeScheduling):
    """Sends a file, or all that need the sample estate, to one worker."""

    def __init__(self, config: Any, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # it would begin with the most tests

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return _ESTATE if needs_estate(path) else path


@functools.cache
def needs_estate(path: str) -> bool:
    """Return whether a file has a parameter for the sample estate, or for what was found there."""
    file = _ROOT / path
    return file.is_file() and _NEEDS_ESTATE.search(file.read_text()) is not None


def rank(path: str) -> tuple[bool, int, str]:
    """Return the place of a file in the order of the run."""
    folder = next((n for n, first in enumerate(_FIRST) if path.startswith(first)), len(_FIRST))
    return not needs_estate(path), folder, path
