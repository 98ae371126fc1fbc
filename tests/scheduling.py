"""Which worker runs which tests: whole files, those of one estate together, longest first.

A file that starts late and takes long leaves the other workers idle, and an estate that two workers
need is built twice.
"""

from __future__ import annotations

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
_ESTATE = (
    "tests/e2e/test_audited_estate.py",
    "tests/e2e/test_bundles.py",
    "tests/e2e/test_canaries.py",
    "tests/e2e/test_evidence.py",
    "tests/e2e/test_fuzzed_answers.py",
    "tests/e2e/test_killed_audit.py",
    "tests/e2e/test_policies_of_ones_own.py",
    "tests/e2e/test_proofs.py",
    "tests/e2e/test_reports.py",
    "tests/testing/test_estate.py",
    "tests/testing/test_estate_mutations.py",
)


class Together(LoadScopeScheduling):
    """Sends a file, or all of `_ESTATE`, to one worker."""

    def __init__(self, config: Any, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # it would begin with the most tests

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return _ESTATE[0] if path in _ESTATE else path


def rank(path: str) -> tuple[bool, int, str]:
    """Return the place of a file in the order of the run."""
    folder = next((n for n, first in enumerate(_FIRST) if path.startswith(first)), len(_FIRST))
    return path not in _ESTATE, folder, path
