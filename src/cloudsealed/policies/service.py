"""What one does with policies: list, read, write, validate, and fix the set that an audit uses."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, lru_cache, partial
from typing import Any

import orjson

from cloudsealed.collectors.asked import NotAsked
from cloudsealed.events import acting_user
from cloudsealed.jobs import enqueue
from cloudsealed.jobs.store import has_open_job
from cloudsealed.kit.clock import Clock, rfc3339
from cloudsealed.kit.cursor import Position
from cloudsealed.kit.errors import CloudSealedError, InvalidFieldError
from cloudsealed.kit.ids import derived_id, new_id
from cloudsealed.packs import PolicyBody, PolicySpec, load_policies
from cloudsealed.policies.body import (
    read_adjustment,
    read_change,
    read_policy_body,
    refuse_strangers,
)
from cloudsealed.policies.frameworks import controls_of
from cloudsealed.policies.model import (
    BuiltinPolicyImmutableError,
    NameAlreadyExistsError,
    Policy,
    PolicyNotFoundError,
    PolicyVersion,
    QuotaExceededError,
    finding_part,
    public,
)
from cloudsealed.policies.needs import not_asked
from cloudsealed.policies.ordering import ORDERS, page_of
from cloudsealed.policies.rules import refuse_broken
from cloudsealed.policies.selecting import resolve_filters
from cloudsealed.policies.store import PolicyStore, decode
from cloudsealed.policies.trial import refuse_wrong_examples
from cloudsealed.policies.yielding import Yields
from cloudsealed.storage.database import Connection, Database, ReadDeadlineError
from cloudsealed.storage.keyset import Page, numbered
from cloudsealed.storage.tenancy import turn
from cloudsealed.vocabulary import PolicyKind, PolicySource

MOST_CHECKS = 1_000  # of a tenant's own
MOST_CLASSIFICATIONS = 200  # enabled
_CHECK = PolicyKind.CHECK
JOB = "classification"
"""The kind of job that classifies a tenant's open findings anew."""


@dataclass(frozen=True, slots=True)
class PolicySet:
    """The policies of one audit, fixed when it starts, by key."""

    checks: tuple[PolicyVersion, ...]
    classifications: tuple[PolicyVersion, ...]

    def as_list(self) -> list[dict[str, Any]]:
        """Return it as JSON values."""
        return [version.as_dict() for version in (*self.checks, *self.classifications)]


def policy_set(documents: Sequence[Mapping[str, Any]]) -> PolicySet:
    """Return the set that `PolicySet.as_list` described."""
    versions = [PolicyVersion.of(document) for document in documents]
    checks = tuple(v for v in versions if v.kind is PolicyKind.CHECK)
    return PolicySet(checks, tuple(v for v in versions if v.kind is PolicyKind.CLASSIFICATION))


class PolicyService:
    """The use cases of policies; `now` is the moment of a tenant that says what is over."""

    def __init__(
        self, *, database: Database, clock: Clock, now: Callable[[str], datetime] | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._now = now or (lambda _tenant: clock())
        self._store = PolicyStore(database)
        self._part = lru_cache(maxsize=20_000)(self._finding_part)

    def list(
        self,
        *,
        tenant: str,
        filters: Mapping[str, tuple[str, ...]],
        sort: str = "-id",
        after: Position | None = None,
        limit: int = 50,
        deadline: float | None = None,
    ) -> Page:
        """Return a page of policies."""
        if sort in ORDERS and deadline is not None:
            raise ReadDeadlineError  # every policy is read for it
        resolved = self.resolve_filters(tenant, filters)
        if sort in ORDERS:
            found = self._store.matching(tenant=tenant, filters=resolved)
            shown, following = page_of(found, sort=sort, after=after, limit=limit)
            return Page([self._public(policy) for policy in shown], following)
        rows = self._store.page(
            tenant=tenant, filters=resolved, sort=sort, after=after, limit=limit, deadline=deadline
        )
        return Page([self._public(decode(row[2:])) for row in rows.rows], rows.next)

    def get(self, *, tenant: str, ident: str, deadline: float | None = None) -> bytes:
        """Return a policy by id or key."""
        return self._public(self._store.get(tenant=tenant, ident=ident))

    def many(self, *, tenant: str, idents: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return the policies that there are of some ids, by id."""
        wanted = set(idents)
        found = (p for p in self._store.all(tenant=tenant) if p.id in wanted)
        return {policy.id: orjson.loads(self._public(policy)) for policy in found}

    def create(self, *, tenant: str, body: Any) -> bytes:
        """Add a policy of the tenant's own; it counts from the next audit."""
        said = _tried(read_policy_body(body))
        now = rfc3339(self._clock())
        policy = Policy(
            new_id("pol"),
            said.key,
            said.kind,
            PolicySource.CUSTOM,
            said.enabled,
            1,
            said.words,
            now,
            now,
            created_by=acting_user(),
            updated_by=acting_user(),
        )
        with turn(self._database, tenant=tenant) as connection:
            try:
                self._store.get_in(connection, tenant=tenant, ident=said.key)
            except PolicyNotFoundError:
                own = partial(self._store.all_in, connection, tenant=tenant)
                refuse_strangers(said.key, said.words, own)
                self._store.insert(connection, policy, tenant=tenant)
                self._refuse_too_many(connection, tenant)
                self._apply(connection, tenant, policy)
            else:
                raise NameAlreadyExistsError(f"A policy with the key {said.key} exists")
        return self._public(policy)

    def update(self, *, tenant: str, ident: str, body: Any) -> bytes:
        """Change a policy: a built-in one only in `enabled` and `params`."""
        seen = self._store.get(tenant=tenant, ident=ident)
        said = _changed(seen, body)
        with turn(self._database, tenant=tenant) as connection:
            policy = self._store.get_in(connection, tenant=tenant, ident=ident)
            changed = said if policy == seen else _changed(policy, body)
            if changed == policy:
                return self._public(policy)
            self._refuse_strangers(connection, tenant, policy, changed)
            new = changed.effective != policy.effective
            says_other = new or changed.enabled != policy.enabled
            changed = replace(
                changed,
                version=policy.version + new,
                updated_at=rfc3339(self._clock()),
                applied_at=None if says_other else policy.applied_at,
                updated_by=acting_user(),
            )
            self._store.update(connection, tenant=tenant, policy=changed, new_version=new)
            if says_other:
                self._apply(connection, tenant, changed)
            if changed.enabled and not policy.enabled:
                self._refuse_too_many(connection, tenant)
        return self._public(changed)

    def lend(self, *, tenant: str, specs: Sequence[PolicySpec]) -> Sequence[str]:
        """Keep checks that come from files, disabled, for the audits that name them; return their
        ids. One that is gone next time resolves its findings as any disabled check does.

        Raises BuiltinPolicyImmutableError and NameAlreadyExistsError for a key that is taken, by
        what says something else.
        """
        now = rfc3339(self._clock())
        with turn(self._database, tenant=tenant) as connection:
            idents = [self._lent(connection, tenant, spec, now) for spec in specs]
            for spec in specs:
                own = partial(self._store.all_in, connection, tenant=tenant)
                refuse_strangers(spec.key, spec.words, own)
            self._refuse_too_many(connection, tenant)
        return idents

    def _lent(self, connection: Connection, tenant: str, spec: PolicySpec, now: str) -> str:
        """Bring the row of a check to what its file says; return its id."""
        try:
            known = self._store.get_in(connection, tenant=tenant, ident=spec.key)
        except PolicyNotFoundError:
            own = (spec.key, PolicyKind.CHECK, PolicySource.CUSTOM, False, 1, spec.words, now, now)
            policy = Policy(new_id("pol"), *own)
            self._store.insert(connection, policy, tenant=tenant)
            return policy.id
        if known.source is PolicySource.BUILTIN:
            raise BuiltinPolicyImmutableError(f"{spec.key} is built in: choose another key")
        if known.effective != spec.words:
            if known.enabled or known.kind is not PolicyKind.CHECK:
                raise NameAlreadyExistsError(
                    f"A policy with the key {spec.key} says something else"
                )
            changed = replace(known, spec=spec.words, version=known.version + 1, updated_at=now)
            self._store.update(connection, tenant=tenant, policy=changed, new_version=True)
        return known.id

    def serving(self, *, tenant: str, framework: str) -> Sequence[str]:
        """Return the keys of the enabled checks that serve controls of a framework."""
        checks = [p for p in self._store.all(tenant=tenant) if p.enabled and p.kind is _CHECK]
        return [
            p.key
            for p in checks
            if any(each["framework"] == framework for each in controls_of(p.key, p.spec))
        ]

    def keys(self, *, tenant: str) -> Sequence[str]:
        """Return the keys of the tenant's policies, deleted ones too."""
        return [key for _ident, key in self._store.keys(tenant=tenant)]

    def _refuse_too_many(self, connection: Connection, tenant: str) -> None:
        """Raise QuotaExceededError when what was written is more than a tenant can have."""
        count = partial(self._store.count_own, connection, tenant=tenant)
        if count(kind=PolicyKind.CHECK, enabled=False) > MOST_CHECKS:
            raise QuotaExceededError(f"A tenant has at most {MOST_CHECKS} checks of its own")
        if count(kind=PolicyKind.CLASSIFICATION, enabled=True) > MOST_CLASSIFICATIONS:
            most = f"at most {MOST_CLASSIFICATIONS} classifications enabled"
            raise QuotaExceededError(f"A tenant has {most}: disable or delete one")

    def delete(self, *, tenant: str, ident: str) -> None:
        """Delete a custom policy: a check's findings resolve as policy_changed at the next audit,
        what a classification did to findings is undone at once."""
        with turn(self._database, tenant=tenant) as connection:
            policy = self._store.get_in(connection, tenant=tenant, ident=ident)
            if policy.source is PolicySource.BUILTIN:
                raise BuiltinPolicyImmutableError(
                    f"{policy.key} is built in: disable it with PATCH {{enabled: false}} instead"
                )
            self._store.delete(
                connection, tenant=tenant, policy=policy, moment=rfc3339(self._clock())
            )
            self._apply(connection, tenant, policy)

    def _apply(self, connection: Connection, tenant: str, policy: Policy) -> None:
        """Have the open findings classified anew when a classification came, changed or went."""
        if policy.kind is PolicyKind.CLASSIFICATION:
            enqueue(connection, tenant=tenant, kind=JOB, subject=policy.id)

    def versions(
        self, *, tenant: str, ident: str, after: Position | None = None, limit: int = 50
    ) -> Page:
        """Return a page of a policy's versions, newest first."""
        policy = self._store.get(tenant=tenant, ident=ident)
        below = {"before": int(after.id)} if after is not None else {}
        rows = self._store.versions(tenant=tenant, ident=policy.id, most=limit + 1, **below)
        shown = [
            {
                "object": "policy_version",
                "policy_id": policy.id,
                "version": row[0],
                "created_at": row[2],
                "created_by": row[3],
                "spec": orjson.loads(row[1]),
            }
            for row in rows
        ]
        return numbered([(each["version"], orjson.dumps(each)) for each in shown], limit)

    def draft(self, *, tenant: str, value: Any) -> PolicyVersion:
        """Return the version that a policy would have: one that exists, by id or key, as it stands,
        or a body as `create` and `update` take it, which is stored nowhere.

        Raises as they do, and PolicyNotFoundError.
        """
        if isinstance(value, str):
            return self._store.get(tenant=tenant, ident=value).pinned
        said = _compiled(read_policy_body(value))
        refuse_strangers(said.key, said.words, partial(self._store.all, tenant=tenant))
        try:
            known = self._store.get(tenant=tenant, ident=said.key)
        except PolicyNotFoundError:
            return PolicyVersion(new_id("pol"), said.key, 1, said.kind, said.words)
        if known.source is PolicySource.BUILTIN:
            raise BuiltinPolicyImmutableError(f"{said.key} is built in: simulate it by its key")
        if known.kind is not said.kind:
            raise InvalidFieldError("kind", "kind cannot be changed")
        version = known.version + (known.spec != said.words)
        return PolicyVersion(known.id, said.key, version, said.kind, said.words)

    def validate(self, *, tenant: str, body: Any) -> dict[str, Any]:
        """Say whether `create` would take a body, and if not, why."""
        try:
            said = _tried(read_policy_body(body))
            refuse_strangers(said.key, said.words, partial(self._store.all, tenant=tenant))
        except CloudSealedError as error:
            return {"object": "policy_validation", "valid": False, "errors": list(error.details)}
        return {"object": "policy_validation", "valid": True, "errors": []}

    def resolve(self, *, tenant: str, ident: str) -> str:
        """Return the id of a policy given by id or key; raises PolicyNotFoundError."""
        return self._store.get(tenant=tenant, ident=ident).id

    def resolve_filters(
        self, tenant: str, filters: Mapping[str, tuple[str, ...]]
    ) -> dict[str, tuple[str, ...]]:
        """Replace the filters that name policies, or what they serve, by ids of policies; raises
        UnknownValueError."""
        return resolve_filters(self._store, tenant=tenant, filters=filters)

    def described(self, *, tenant: str) -> Callable[[str], tuple[str, Sequence[dict[str, str]]]]:
        """Return a function from a policy's id to its key and the controls that it serves, deleted
        policies too; the policies are read when it is first asked."""

        @cache
        def known() -> Mapping[str, tuple[str, Sequence[dict[str, str]]]]:
            rows = self._store.serving(tenant=tenant)
            return {ident: (key, controls_of(key, spec)) for ident, key, spec in rows}

        return lambda ident: known().get(ident, (ident, ()))

    def audit_set(
        self, *, tenant: str, only: Sequence[str] | None = None, lent: Collection[str] = ()
    ) -> PolicySet:
        """Return the enabled policies as they stand; `only` names checks by id or key. Those with
        the ids `lent` count besides, enabled or not."""
        wanted = None if only is None else {self.resolve(tenant=tenant, ident=i) for i in only}
        checks = [
            p
            for p in self._store.all(tenant=tenant)
            if p.kind is PolicyKind.CHECK
            and (p.id in lent or (p.enabled and (wanted is None or p.id in wanted)))
        ]
        return PolicySet(tuple(p.pinned for p in checks), self.classifications(tenant=tenant))

    def classifications(self, *, tenant: str) -> tuple[PolicyVersion, ...]:
        """Return the classifications in force, oldest first."""
        with self._database.read() as connection:
            return self.classifications_in(connection, tenant=tenant)

    def classifications_in(
        self, connection: Connection, *, tenant: str
    ) -> tuple[PolicyVersion, ...]:
        """Return the classifications in force within a transaction, oldest first."""
        now = rfc3339(self._now(tenant))
        everything = self._store.classifications(connection, tenant=tenant)
        return tuple(p.pinned for p in everything if p.enabled and _expiry(p) > now)

    def classifications_with(
        self, other: PolicyVersion, *, tenant: str
    ) -> tuple[PolicyVersion, ...]:
        """Return the classifications in force, with `other` in its place unless it is over."""
        used = [v for v in self.classifications(tenant=tenant) if v.id != other.id]
        if (other.spec["expires_at"] or "~") > rfc3339(self._now(tenant)):
            used.append(other)
        return tuple(sorted(used, key=lambda version: version.id))

    def moment(self, *, tenant: str) -> str:
        """Return the moment by which classifications are in force."""
        return rfc3339(self._now(tenant))

    def applied(self, *, tenant: str, began: str, moment: str) -> None:
        """Record that the open findings are classified by what was in force at `moment`, as it
        was written until `began` by this machine's clock."""
        self._store.applied(tenant=tenant, began=began, moment=moment)

    def classify_again(
        self, connection: Connection, *, tenant: str, used: Sequence[PolicyVersion]
    ) -> bool:
        """Have the open findings classified anew unless `used` is what is in force now; say whether
        that is to be done."""
        present = self.classifications_in(connection, tenant=tenant)
        stale = [(v.id, v.version) for v in used] != [(v.id, v.version) for v in present]
        if stale:
            enqueue(connection, tenant=tenant, kind=JOB, subject=tenant)
        return stale

    def expire(self, *, tenant: str) -> None:
        """Have the open findings classified anew when a classification that was applied expired,
        or was applied by a clock that ran ahead."""
        with self._database.read() as connection:
            if not self._over(connection, tenant):
                return
        with turn(self._database, tenant=tenant) as connection:
            over = self._over(connection, tenant)
            for policy in over:
                again = replace(policy, applied_at=None)
                self._store.update(connection, tenant=tenant, policy=again, new_version=False)
            if over and not has_open_job(connection, tenant=tenant, subject=over[0].id):
                self._apply(connection, tenant, over[0])

    def _over(self, connection: Connection, tenant: str) -> Sequence[Policy]:
        everything = self._store.classifications(connection, tenant=tenant)
        applied = [policy for policy in everything if policy.enabled and policy.applied_at]
        if not applied:
            return applied  # the moment takes longer to find
        now = self.moment(tenant=tenant)
        return [policy for policy in applied if _is_over(policy, now)]

    def not_asked(self, *, tenant: str) -> NotAsked:
        """Return the attributes that no policy reads: none that ships and none of the tenant's,
        enabled or not."""
        own = self._store.all(tenant=tenant)
        keys = {policy.key for policy in own}
        shipped = [spec.words for spec in load_policies() if spec.key not in keys]
        return not_asked(
            [*((p.kind, p.spec) for p in own), *((PolicyKind.CHECK, words) for words in shipped)]
        )

    def yields(self, *, tenant: str, draft: PolicyVersion | None = None) -> Yields:
        """Return which checks yield to which, as they stand; with `draft` in its place."""
        checks = (p for p in self._store.all(tenant=tenant) if p.kind is PolicyKind.CHECK)
        stand = {check.key: check.pinned for check in checks}
        return Yields.of({**stand, draft.key: draft}.values() if draft else stand.values())

    def withdrawn(self, *, tenant: str) -> Sequence[str]:
        """Return the ids of checks that are disabled or deleted: their findings resolve."""
        return self._store.unused(tenant=tenant)

    def version(self, *, tenant: str, ident: str, number: int) -> PolicyVersion:
        """Return one version of a policy, deleted or not; raises PolicyNotFoundError."""
        spec = self._store.version_spec(tenant=tenant, ident=ident, number=number)
        return PolicyVersion(ident, spec["key"], number, PolicyKind(spec["kind"]), spec)

    def author(self, *, tenant: str, ident: str, number: int) -> tuple[str, str | None]:
        """Return when a version was written, and the id of the user who did, None for nobody or
        not known; raises PolicyNotFoundError."""
        return self._store.version_author(tenant=tenant, ident=ident, number=number)

    def named(self, *, tenant: str, key: str, number: int) -> PolicyVersion:
        """Return one version of the policy that has a key; raises PolicyNotFoundError."""
        policy = self._store.get(tenant=tenant, ident=key)
        return self.version(tenant=tenant, ident=policy.id, number=number)

    def finding_part(self, *, tenant: str, ident: str, version: int) -> bytes:
        """Return the policy's part of a finding's JSON, without braces; kept per version."""
        return self._part(tenant, ident, version)

    def synchronize(self, *, tenant: str) -> None:
        """Bring the tenant's rows of built-in policies to what this program ships."""
        if not self._stale(self._store.all(tenant=tenant)):
            return
        with turn(self._database, tenant=tenant) as connection:
            stale = self._stale(self._store.all_in(connection, tenant=tenant))
            new = [self._shipped(spec) for spec, row in stale if row is None]
            self._store.insert(connection, *new, tenant=tenant)
            for spec, row in stale:
                if row is not None:
                    self._renew(connection, tenant, spec, row)

    def _stale(self, policies: Sequence[Policy]) -> Sequence[tuple[PolicySpec, Policy | None]]:
        """Pair what ships with the row that does not say it; a tenant's own keeps its key."""
        known = {policy.key: policy for policy in policies}
        pairs = [(spec, known.get(spec.key)) for spec in load_policies()]
        return [
            (spec, row)
            for spec, row in pairs
            if row is None or (row.source is PolicySource.BUILTIN and row.spec != spec.words)
        ]

    def _shipped(self, spec: PolicySpec) -> Policy:
        now = rfc3339(self._clock())
        return Policy(
            derived_id("pol", spec.key),
            spec.key,
            PolicyKind.CHECK,
            PolicySource.BUILTIN,
            True,
            spec.version,
            spec.words,
            now,
            now,
        )

    def _renew(self, connection: Any, tenant: str, spec: PolicySpec, known: Policy) -> None:
        version = max(spec.version, known.version + 1)
        now = rfc3339(self._clock())
        policy = replace(known, spec=spec.words, version=version, updated_at=now)
        self._store.update(connection, tenant=tenant, policy=policy, new_version=True)

    def _refuse_strangers(
        self, connection: Connection, tenant: str, policy: Policy, changed: Policy
    ) -> None:
        if policy.source is PolicySource.CUSTOM:
            known = partial(self._store.all_in, connection, tenant=tenant)
            refuse_strangers(changed.key, changed.spec, known, policy.spec.get("yields_to", ()))

    def _public(self, policy: Policy) -> bytes:
        return public(policy, controls_of(policy.key, policy.spec))

    def _finding_part(self, tenant: str, ident: str, number: int) -> bytes:
        version = self.version(tenant=tenant, ident=ident, number=number)
        return finding_part(version, controls_of(version.key, version.spec))


def _is_over(policy: Policy, now: str) -> bool:
    """Say whether what was applied of a classification is not what is in force now."""
    if policy.applied_at is None:
        return False
    return policy.applied_at < _expiry(policy) <= now or policy.applied_at > now


def _expiry(policy: Policy) -> str:
    """Return when a classification ends; after every moment when it does not."""
    return policy.spec["expires_at"] or "~"


def _compiled(said: PolicyBody) -> PolicyBody:
    """Return what compiles; raises InvalidPolicyExpressionError for what does not."""
    refuse_broken(said.kind, said.words)
    return said


def _tried(said: PolicyBody) -> PolicyBody:
    """Return what compiles and whose examples end as they say; raises as `_compiled` does, and
    InvalidPolicyExampleError."""
    _compiled(said)
    refuse_wrong_examples(said.words)
    return said


def _changed(policy: Policy, body: Any) -> Policy:
    """Return a policy as a body changes it, compiled; not yet seen beside the others."""
    if policy.source is PolicySource.BUILTIN:
        return _adjusted(policy, body)
    said = _tried(read_change(body, policy))
    return replace(policy, spec=said.words, enabled=said.enabled)


def _adjusted(policy: Policy, body: Any) -> Policy:
    """Return a built-in policy as a tenant changed it."""
    said = read_adjustment(body, policy)
    return replace(
        policy,
        enabled=said.get("enabled", policy.enabled),
        params=said.get("params", policy.params),
    )
