"""What an audit hands out for others to check: its bundle, and proofs of its findings."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from cloudsealed.audits.sealing.bundle import bundle
from cloudsealed.audits.sealing.proof import prove
from cloudsealed.audits.service import AuditService
from cloudsealed.findings.service import FindingService
from cloudsealed.storage.database import Database
from cloudsealed.storage.keys import KeyRing
from cloudsealed.storage.spools import Spooled, Spools


class EvidenceService:
    """Bundles and proofs of audits that have ended."""

    def __init__(
        self,
        *,
        database: Database,
        audits: AuditService,
        findings: FindingService,
        keys: KeyRing,
        folder: Path,
    ) -> None:
        """`folder` is where bundles are kept until they are sent."""
        self._database = database
        self._audits = audits
        self._findings = findings
        self._keys = keys
        self._folder = folder
        self._spools = Spools()

    def purge(self) -> None:
        """Remove bundles that nobody took."""
        self._spools.purge()

    def bundle(self, *, tenant: str, ident: str) -> Iterator[bytes]:
        """Return the pieces of an audit's bundle; raises AuditNotFoundError and
        AuditNotFinishedError."""
        audit = self._audits.with_evidence(tenant=tenant, ident=ident)
        return bundle(self._database, tenant=tenant, audit=audit, keys=self._keys)

    def bundle_file(self, *, tenant: str, ident: str) -> Spooled | None:
        """Return an audit's bundle as a file, whose size is known; None when there is no room for
        one. Raises as `bundle`."""
        self._audits.with_evidence(tenant=tenant, ident=ident)
        make = partial(self.bundle, tenant=tenant, ident=ident)
        return self._spools.get((tenant, ident), self._folder, make)

    def proof(self, *, tenant: str, ident: str, audit_id: str | None) -> dict[str, Any]:
        """Return the proof of a finding in an audit, the last one that looked at it if None.

        Raises FindingNotFoundError, AuditNotFoundError, AuditNotFinishedError and
        ObservationNotFoundError.
        """
        finding = orjson.loads(self._findings.get(tenant=tenant, ident=ident))
        audit = self._audits.with_evidence(tenant=tenant, ident=audit_id or finding["audit_id"])
        return prove(
            self._database, tenant=tenant, audit_id=audit.id, finding=finding, keys=self._keys
        )
