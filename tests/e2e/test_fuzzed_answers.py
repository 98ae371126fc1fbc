"""Whatever is in answers, the audit ends, its seal holds, and its ledger says the same again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.e2e.fuzzing import Fuzzer


def test_an_audit_of_hundreds_of_mutated_answers_completes_and_replays_the_same(
    estate: Any, install: Any, tmp_path: Path
) -> None:
    installation = install(tmp_path, estate)
    fuzzer = Fuzzer(installation, installation.audit())
    audit, mutated = fuzzer.audit(seed=1, every=2)
    assert sum(mutated.values()) > 200
    again = fuzzer.replayed(audit)
    assert (again["status"], again["verdict_digest"]) == ("completed", audit["verdict_digest"])
