"""Audits whose cloud is a recorded ledger, some of its answers mutated on the way."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from tests.e2e.installation import Document, Hasty, Installation
from tests.e2e.mutations import mutate

from cloudsealed.audits.records.ledger import Ledger, StoredCalls
from cloudsealed.audits.steps.run import Runner
from cloudsealed.collectors.model import Answer, CallRequest
from cloudsealed.vocabulary import CallOutcome


@dataclass
class Mutating:
    """A Caller that answers out of a ledger; one in `every` answers is mutated, and of lists one in
    ten: what they lack is asked for no more."""

    stored: StoredCalls
    seed: int
    every: int
    mutated: Counter[str] = field(default_factory=Counter)

    def call(self, request: CallRequest) -> Answer:
        answer = self.stored.call(request)
        chance = random.Random(f"{self.seed} {request.unit}")
        if answer.document is None or chance.randrange(10 if request.items else self.every):
            return answer
        self.mutated[request.unit.action] += 1
        document = mutate(answer.document, chance)
        return replace(answer, document=document, outcome=CallOutcome.OK)

    def close(self) -> None:
        """Nothing is open."""


class Fuzzer:
    """Runs audits of an installation over mutated answers of one audit, of it or of another."""

    def __init__(
        self, installation: Installation, recorded: Document, source: Installation | None = None
    ) -> None:
        self._installation, source = installation, source or installation
        database = source.services.database
        ledger = Ledger(database, tenant=source.tenant, audit_id=recorded["id"])
        self._stored = StoredCalls(ledger, recorded["started_at"])

    def audit(self, seed: int, every: int) -> tuple[Document, Counter[str]]:
        """Run an audit of mutated answers; return it, and how often each operation was mutated."""
        caller = Mutating(self._stored, seed, every)
        audit = self._installation.audit(_fuzzed(self._installation, caller))
        assert audit["status"] == "completed", (seed, audit["error"])
        assert sum(caller.mutated.values()) > 0
        return audit, caller.mutated

    def replayed(self, audit: Document) -> Document:
        """Return a reanalysis of an audit, which no cloud answers."""
        services, tenant = self._installation.services, self._installation.tenant
        made = services.audits.reanalyze(tenant=tenant, ident=audit["id"], body={}, queue=False)
        return self._installation.run(
            orjson.loads(made)["id"], AWS_ENDPOINT_URL="http://127.0.0.1:9"
        )


def _fuzzed(installation: Installation, caller: Mutating) -> Runner:
    services = installation.services

    class Fuzzed(Runner):
        def _caller(self, *_given: Any, **_named: Any) -> Any:
            return caller

    return Fuzzed(
        database=services.database,
        keys=services.keys,
        settings=services.settings,
        policies=services.policies,
        clock=services.clock,
        connections=Hasty(
            database=services.database,
            clock=services.clock,
            settings=services.settings,
            tenant_count=lambda: 1,
        ),
    )
