"""Ten thousand mutated answers over every operation, hundreds an audit: none fails, none hangs.

CLOUDSEALED_FUZZ_ANSWERS is how many, CLOUDSEALED_FUZZ_SEED where to begin.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

from tests.e2e.fuzzing import Fuzzer

ANSWERS = int(os.environ.get("CLOUDSEALED_FUZZ_ANSWERS", "10000"))
SEED = int(os.environ.get("CLOUDSEALED_FUZZ_SEED", "100"))
REPLAYED = 10
"""One audit in so many is replayed."""


def test_no_audit_of_mutated_answers_fails_or_hangs(
    estate: Any, install: Any, tmp_path: Path
) -> None:
    installation = install(tmp_path, estate)
    recorded = installation.audit()
    fuzzer, mutated, seed = Fuzzer(installation, recorded), Counter[str](), SEED
    while mutated.total() < ANSWERS:
        audit, changed = fuzzer.audit(seed, every=2)
        mutated += changed
        if (seed - SEED) % REPLAYED == 0:
            assert fuzzer.replayed(audit)["verdict_digest"] == audit["verdict_digest"]
        seed += 1
        print(f"{mutated.total()} answers of {len(mutated)} operations, {seed - SEED} audits")
    undisturbed = installation.audit()
    assert undisturbed["verdict_digest"] == recorded["verdict_digest"]
