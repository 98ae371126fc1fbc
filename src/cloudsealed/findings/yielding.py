"""Which findings of one resource ask for attention, by which policy yields to which.

It is derived of findings as they stand, one by one: so audits, classifications and removals may
change any of them in any order, and what comes of it is the same. Refuses to resolve anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from cloudsealed.findings import store as finding_rows
from cloudsealed.findings.model import Finding, fingerprint
from cloudsealed.kit.batches import batches
from cloudsealed.policies.yielding import Yields
from cloudsealed.storage.database import Connection

Place = tuple[str, str, str, str]
_BATCH = 500


def settle(
    yields: Yields, findings: Sequence[Finding], others: Iterable[Finding] = ()
) -> list[Finding]:
    """Return findings, each suppressed by one that it yields to or no longer so, as all of these
    and the others now stand. Pure."""
    failing: dict[Place, dict[str, Finding]] = {}
    for each in (*others, *findings):
        key = yields.keys.get(each.policy_id)
        if key is not None and not each.is_resolved:
            failing.setdefault(_place(each), {})[key] = each
    return [_settled(finding, yields, failing.get(_place(finding), {})) for finding in findings]


def settled(
    connection: Connection, yields: Yields, findings: Sequence[Finding], *, tenant: str
) -> list[Finding]:
    """Return findings settled among themselves and what else they may yield to."""
    return settle(yields, findings, above(connection, yields, findings, tenant=tenant))


def with_yielding(
    connection: Connection,
    yields: Yields,
    changed: Sequence[tuple[Finding, Finding]],
    *,
    tenant: str,
) -> list[tuple[Finding, Finding]]:
    """Return findings and what they become, settled, with what yields to them or no longer does;
    nothing of which nothing becomes."""
    news = [new for _old, new in changed]
    others = below(connection, yields, news, tenant=tenant)
    olds = [*(old for old, _new in changed), *others]
    stand = settled(connection, yields, [*news, *others], tenant=tenant)
    return [(old, new) for old, new in zip(olds, stand, strict=True) if old != new]


def above(
    connection: Connection, yields: Yields, findings: Iterable[Finding], *, tenant: str
) -> list[Finding]:
    """Return what these findings may yield to, without themselves."""
    return _related(connection, yields, findings, yields.above, tenant)


def below(
    connection: Connection, yields: Yields, findings: Iterable[Finding], *, tenant: str
) -> list[Finding]:
    """Return what may yield to one of these findings, without themselves."""
    return _related(connection, yields, findings, yields.below, tenant)


def _settled(finding: Finding, yields: Yields, failing: Mapping[str, Finding]) -> Finding:
    key = yields.keys.get(finding.policy_id)
    if key is None or finding.is_resolved or finding.is_silenced:
        return finding
    silent = [other for other, found in failing.items() if found.is_silenced]
    asking = yields.asking(key, failing, silent)
    return finding.asking() if asking is None else finding.behind(failing[asking])


def _place(finding: Finding) -> Place:
    ref = finding.resource
    return ref.provider, ref.account, ref.region, ref.native_id


def _related(
    connection: Connection,
    yields: Yields,
    findings: Iterable[Finding],
    related: Mapping[str, Iterable[str]],
    tenant: str,
) -> list[Finding]:
    own = {finding.fingerprint: finding for finding in findings}
    prints = dict.fromkeys(p for each in own.values() for p in _prints(each, yields, related))
    return [
        finding
        for batch in batches((p for p in prints if p not in own), _BATCH)
        for finding in finding_rows.load(connection, tenant=tenant, fingerprints=batch).values()
    ]


def _prints(
    finding: Finding, yields: Yields, related: Mapping[str, Iterable[str]]
) -> Iterator[str]:
    """Yield the fingerprints, on the same resource, of what is related to a finding's policy."""
    provider, account, region, native_id = _place(finding)
    for key in related.get(yields.keys.get(finding.policy_id, ""), ()):
        yield fingerprint(
            policy_key=key, provider=provider, account=account, region=region, native_id=native_id
        )
