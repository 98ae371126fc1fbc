"""Whatever is in answers, the audit ends, its seal holds, and its ledger says the same again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.e2e.fuzzing import Fuzzer

from cloudsealed.audits.sealing.verify import verify_bundle
from cloudsealed.settings import Settings


def test_an_audit_of_hundreds_of_mutated_answers_completes_and_replays_the_same(
    audited: Any, install: Any, storage_settings: Settings, tmp_path: Path
) -> None:
    url = storage_settings.database_url
    installation = install(tmp_path, audited.emulator, database_url=url)
    fuzzer = Fuzzer(installation, audited.audits[0], audited.installation)
    audit, mutated = fuzzer.audit(seed=1, every=2)
    assert mutated.total() > 50
    again = fuzzer.replayed(audit)
    assert (again["status"], again["verdict_digest"]) == ("completed", audit["verdict_digest"])
    path = tmp_path / "bundle.zip"
    pieces = installation.services.evidence.bundle(tenant=installation.tenant, ident=audit["id"])
    path.write_bytes(b"".join(pieces))
    assert verify_bundle(path).problems == []
