"""Which checks yield to which more general ones, and which of them ask for attention. Pure.

One that yields is judged like any other: what changes is only which of several findings on one
resource asks. Refuses to leave none to ask: of checks that yield in a circle, which only a key
taken over can make, one does not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from cloudsealed.packs import leads
from cloudsealed.policies.model import Policy, PolicyVersion


@dataclass(frozen=True)
class Yields:
    """By key, what each check that yields yields to, in the order of its list; `keys` are those of
    all checks, by id."""

    others: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, checks: Iterable[Policy | PolicyVersion]) -> Yields:
        """Return what these checks say."""
        found = sorted(checks, key=lambda check: check.key)
        others: dict[str, tuple[str, ...]] = {}
        for check in found:
            said = check.spec.get("yields_to") or ()
            straight = tuple(other for other in said if not leads(other, check.key, others))
            if straight:
                others[check.key] = straight
        return cls(others, {check.id: check.key for check in found})

    @cached_property
    def above(self) -> Mapping[str, frozenset[str]]:
        """Every check that one yields to, directly or through others; of those that yield."""
        found: dict[str, frozenset[str]] = {}

        def climb(key: str) -> frozenset[str]:
            if key not in found:
                direct = self.others.get(key, ())
                found[key] = frozenset(direct).union(*map(climb, direct))
            return found[key]

        return {key: climb(key) for key in self.others}

    @cached_property
    def below(self) -> Mapping[str, frozenset[str]]:
        """Every check that yields to one, directly or through others; of those yielded to."""
        generals = frozenset().union(*self.above.values())
        return {
            general: frozenset(key for key, above in self.above.items() if general in above)
            for general in generals
        }

    def asking(
        self, key: str, failing: Collection[str], silent: Collection[str] = ()
    ) -> str | None:
        """Return which check asks for attention in the place of one that fails, None for itself.

        `failing` fail on the same resource, those of them in `silent` do not count. It is the first
        of its list that fails, or what that one yields to in turn.
        """
        seen = {key}

        def ask(other: str) -> str | None:
            if other in seen or other not in failing:
                return None
            seen.add(other)
            return first(other) or (None if other in silent else other)

        def first(one: str) -> str | None:
            return next(
                (found for other in self.others.get(one, ()) if (found := ask(other))), None
            )

        return first(key)


NO_YIELDS = Yields()
"""Nothing yields."""
