"""Parts of a recorded audit: what a narrower one would have said of the same snapshots."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.audits.kept import Kept, judged
from tests.e2e.installation import REGIONS, Installation

from cloudsealed.audits.model import Scope, Target
from cloudsealed.audits.records.observation import Observation
from cloudsealed.audits.records.snapshots import Snapshots
from cloudsealed.audits.steps.plan import tasks_of
from cloudsealed.audits.store import AuditStore
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.kit.clock import utc_now
from cloudsealed.policies.model import PolicyVersion
from cloudsealed.policies.service import policy_set

SERVICES = sorted({row.service_name for row in RESOURCE_TYPES.values()})


@dataclass(frozen=True)
class Recorded:
    """An audit of everything, kept in memory, with what its policies said."""

    kept: Kept
    targets: tuple[Target, ...]
    policies: tuple[PolicyVersion, ...]
    clock: str

    @classmethod
    def of(cls, installation: Installation, ident: str) -> Recorded:
        database, tenant = installation.services.database, installation.tenant
        audit = AuditStore(database, utc_now).get(tenant=tenant, ident=ident)
        assert audit.targets is not None
        assert audit.clock is not None
        snapshots = Snapshots(database, tenant=tenant, audit_id=ident)
        checks = policy_set(audit.policy_set).checks
        return cls(Kept.of_audit(snapshots), audit.targets, checks, audit.clock)

    def said(self, scopes: Sequence[Scope]) -> list[dict[tuple[str, str], Observation]]:
        """Return what an audit of each scope says, by the policy's key and the resource's id; they
        are judged together, each as that of an account of its own."""
        lists, targets = [], []
        for number, scope in enumerate(scopes):
            account = f"{number:012}"
            planned = [_narrowed(target, scope.regions) for target in self.targets]
            tasks = tasks_of(planned, scope)
            places = {(task.row.type, task.place.account, task.place.region) for task in tasks}
            lists += self.kept.copied(places, account)
            targets += [replace(target, account=account) for target in planned]
        found: list[dict[tuple[str, str], Observation]] = [{} for _ in scopes]
        said = judged(self.policies, Kept(lists), targets, self.clock)
        for (account, policy, native_id), observation in said.items():
            found[int(account)][policy, native_id] = observation
        return found

    def only(self, policies: Iterable[PolicyVersion]) -> Recorded:
        return replace(self, policies=tuple(policies))


def _narrowed(target: Target, regions: tuple[str, ...] | None) -> Target:
    """The target of a plan that is limited to some regions."""
    if regions is None:
        return target
    left_out = tuple(sorted({*target.regions} - {*regions}))
    return replace(target, regions=regions, left_out=left_out)


def scopes(subsets: int, seed: int = 0) -> Iterator[Scope]:
    """Each region and service alone, each left out, and so many random subsets."""
    for region in REGIONS:
        yield Scope(regions=(region,))  # of two regions, one alone is the other left out
    for service in SERVICES:
        yield Scope(services=(service,))
        yield Scope(services=tuple(each for each in SERVICES if each != service))
    source = random.Random(seed)
    for _ in range(subsets):
        types = source.sample(sorted(RESOURCE_TYPES), source.randint(1, len(RESOURCE_TYPES)))
        yield Scope(
            regions=source.choice([None, *((region,) for region in REGIONS)]),
            services=source.choice([None, tuple(source.sample(SERVICES, source.randint(1, 20)))]),
            resource_types=source.choice([None, tuple(types)]),
        )


def differences(recorded: Recorded, parts: Iterable[Scope]) -> Iterator[tuple[Any, ...]]:
    """Yield (scope, what it said, what the whole audit said) where a part decided otherwise, or
    did not know for another reason than its scope. A severity that depends on what was left out is
    the policy's own."""
    scopes = list(parts)
    whole, *said = recorded.said([Scope(), *scopes])
    for scope, part in zip(scopes, said, strict=True):
        for key, observation in part.items():
            kinds = {reason["kind"] for reason in observation.reasons}
            if _differs(observation, whole[key]) and kinds != {"out_of_scope"}:
                yield scope, observation, whole[key]


def _differs(part: Observation, whole: Observation) -> bool:
    left_out = part.base_severity is None and whole.base_severity is not None
    same = left_out or part.severity == whole.severity
    return not same or (part.outcome, part.title) != (whole.outcome, whole.title)
