"""Who is an administrator, and by which ways a holder of documents can become one.

The ways are facts (`packs/facts/iam_escalation.csv`): permissions that are needed together, one of
which, the `subject`, must reach more than things that are named (a user, a role to pass, a function
whose code is changed), since what a named thing may do is not said in the document. Two permissions
on the same named thing are a way too where the facts say so (`together`). Refuses to guess which
roles there are to pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple

from cloudsealed.engine.access.rights import Holder, Want
from cloudsealed.packs.facts import facts

_ADMINISTRATOR: Final = (
    "arn:aws:iam::aws:policy/AdministratorAccess",
    "arn:aws:iam::000000000000:policy/of-ones-own",
)
_CATEGORIES: Final = ("self-escalation", "principal-access", "new-passrole", "existing-passrole")
_UNLISTED: Final = ("aaa", "mmm", "zzz")
"""Services that there are not: who may use these too was given everything, not a list."""


class Way(NamedTuple):
    """One way to become administrator; see the facts."""

    name: str
    needs: frozenset[str]
    subjects: tuple[Want, ...]
    others: tuple[Want, ...]
    together: tuple[Want, ...]
    is_of_iam: bool
    is_borrowed: bool

    def is_open(self, holder: Holder) -> bool:
        """Whether the holder can go it."""
        if any(map(holder.may, self.subjects)) and all(map(holder.may, self.others)):
            return True
        return bool(self.together) and holder.may_on_one(self.together)


@cache
def ways() -> tuple[Way, ...]:
    """All known ways, those that need the fewest permissions first."""
    rows = sorted(facts("iam_escalation"), key=lambda row: _CATEGORIES.index(row["category"]))
    found = [_way(row["category"], **{name: row[name] for name in _READ}) for row in rows]
    return tuple(sorted(found, key=lambda way: len(way.needs)))


_READ: Final = ("permissions", "subject", "reach", "together", "passed_to")


def _way(
    category: str, permissions: str, subject: str, reach: str, together: str, passed_to: str
) -> Way:
    chosen = (("iam:passedtoservice", tuple(passed_to.split())), ("iam:policyarn", _ADMINISTRATOR))
    own = category == "self-escalation"
    home = subject.startswith("iam:")
    subjects = tuple(Want(subject, each, "several", own, home, chosen) for each in reach.split())
    others = tuple(Want(each) for each in permissions.split() if each != subject)
    both = tuple(Want(each, reach, at_home=home, facts=chosen) for each in together.split())
    name = " + ".join(permissions.split())
    is_of_iam = own and not others
    is_borrowed = category == "existing-passrole" or subject == "sts:AssumeRole"
    needs = frozenset(permissions.split())
    return Way(name, needs, subjects, others, both, is_of_iam, is_borrowed)


def open_ways(holder: Holder) -> Iterator[str]:
    """The names of the ways that are open, without those that only need more than another."""
    found: list[Way] = []
    for way in ways():
        if not any(each.needs <= way.needs for each in found) and way.is_open(holder):
            found.append(way)
            yield way.name


def borrowed() -> frozenset[str]:
    """The names of the ways that lead to no more rights than something has that is there: a role
    that trusts the holder, a function, an instance or a stack that runs with one."""
    return frozenset(way.name for way in ways() if way.is_borrowed)


def is_administrator(holder: Holder) -> bool:
    """Whether the holder was given everything, or all but some services that matter less.

    That is a service that nobody lists, and a way to change the rights in IAM.
    """
    everything = (
        Want(f"{name}:anything", f"arn:aws:{name}:*:*:*", extent="several") for name in _UNLISTED
    )
    return all(map(holder.may, everything)) and any(
        way.is_open(holder) for way in ways() if way.is_of_iam
    )


def reaches_every_role(holder: Holder) -> bool:
    """Whether the holder may assume all roles of an account, or all but some that are denied."""
    return holder.may(Want("sts:AssumeRole", "arn:aws:iam::*:role/*", extent="all"))
