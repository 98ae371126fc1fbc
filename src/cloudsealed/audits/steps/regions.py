"""What all calls of a region say together, once they are made: it denies everything, or is not
enabled.

One denied call is a missing permission. Where nothing is answered, and the same calls are answered
in other regions, it is the region that is denied: no permission cures that. A region that is not
enabled knows nobody's credentials. It refuses to ask: it reads the ledger and names the outcomes of
calls in it anew, the same however often it is done. A service without regions may have its one
endpoint in a region that is denied, and is denied with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cloudsealed.audits.records.tally import Tallied, rename, tally
from cloudsealed.audits.shard_store import Lease
from cloudsealed.collectors.model import GLOBAL
from cloudsealed.collectors.providers import provider_of
from cloudsealed.storage.database import Database
from cloudsealed.vocabulary import CallOutcome

_Ended = tuple[CallOutcome, str]
"""An outcome and its error code."""
_Renamed = tuple[tuple[str, str], str | None, _Ended, CallOutcome]
"""Account and region, the service if not all, how its calls ended, and the outcome that this is."""


@dataclass(slots=True)
class _Region:
    """One account's region: whether anything answered there, which operations did and which were
    denied, how those ended, and how calls did whose credentials were not recognised."""

    answers: bool = False
    answered: set[tuple[str, str]] = field(default_factory=set)
    denied: set[tuple[str, str]] = field(default_factory=set)
    denials: set[_Ended] = field(default_factory=set)
    unrecognised: set[_Ended] = field(default_factory=set)

    def add(self, call: Tallied) -> None:
        operation, code = (call.service, call.operation), call.error_code or ""
        provider = provider_of(call.provider)
        exempt = not provider.exempt.isdisjoint({operation, (call.service, None)})
        if call.outcome.answered:
            self.answers = True
            self.answered |= set() if exempt else {operation}
        elif call.outcome.denied:
            self.denied |= set() if exempt else {operation}
            self.denials.add((call.outcome, code))
        elif call.outcome is CallOutcome.FAILED and provider.is_stranger(code):
            self.unrecognised.add((call.outcome, code))

    def is_denied(self, others: Iterable[_Region]) -> bool:
        """Say whether it denies whatever it was asked, although another allows some of that, or by
        the organisation's own word, of several services."""
        if self.answered or not self.denied:
            return False
        services = {service for service, _ in self.denied}
        told = len(services) > 1 and all(outcome.forbidden for outcome, _ in self.denials)
        return told or any(self.denied & other.answered for other in others)


def settle_regions(database: Database, lease: Lease, account: str | None = None) -> None:
    """Name the outcomes of an audit's calls, or of those of one account, anew where those of their
    region say more."""
    audit = {"tenant": lease.tenant, "audit_id": lease.audit_id}
    for place, service, was, becomes in list(_settled(tally(database, **audit, account=account))):
        with lease.write() as connection:
            rename(connection, **audit, place=place, service=service, was=was, becomes=becomes)


def _settled(calls: Iterable[Tallied]) -> Iterator[_Renamed]:
    accounts: dict[str, dict[str, _Region]] = {}
    everywhere: list[Tallied] = []
    for call in calls:
        if call.region == GLOBAL:
            everywhere.append(call)
        else:
            accounts.setdefault(call.account, {}).setdefault(call.region, _Region()).add(call)
    denied = {
        (account, name): region
        for account, regions in accounts.items()
        for name, region in regions.items()
        if region.is_denied([each for other, each in regions.items() if other != name])
    }
    # What has its endpoint there comes first: a region that was renamed no longer looks denied.
    for call in everywhere:
        endpoint = provider_of(call.provider).endpoints.get(call.service, GLOBAL)
        if call.outcome.denied and (call.account, endpoint) in denied:
            was = (call.outcome, call.error_code or "")
            yield (call.account, GLOBAL), call.service, was, CallOutcome.REGION_DENIED
    for place, region in denied.items():
        for was in sorted(region.denials):
            yield place, None, was, CallOutcome.REGION_DENIED
    for account, regions in accounts.items():
        for name, region in regions.items():
            for was in () if region.answers else sorted(region.unrecognised):
                yield (account, name), None, was, CallOutcome.UNSUPPORTED
