"""Things that several patterns of resources are about, field by field of their ARNs.

Source: the AWS IAM user guide, "Amazon Resource Names": six fields, of which a wildcard stands for
text of its own field; a pattern of fewer fields is taken as text. Regions and accounts that no
pattern says are taken as open: whoever may do it anywhere may do it. Refuses to know actions.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from cloudsealed.engine.access.patterns import Texts, covers
from cloudsealed.engine.access.statements import in_one_partition
from cloudsealed.engine.meter import Meter

OWN_ACCOUNT: Final = "000000000000"
"""Stands for the holder's account, and for whatever a pattern leaves open."""

_FIELDS: Final = 6
_WILD: Final = re.compile(r"[*?]")
_VARIABLE: Final = re.compile(r"\$\{[^}]*\}")
_ONE_BY_ITS_FIRST_NAME: Final = frozenset({"stack", "function", "stateMachine"})
"""Types whose ARNs go on after the name: by an id, a version or an alias of the same thing."""


class Things(NamedTuple):
    """What fits all patterns so far: the fields before the last, None where it is open; what the
    last fits; what the whole text fits; and what it does not."""

    head: tuple[str | None, ...] = ()
    tails: tuple[str, ...] = ()
    wholes: tuple[str, ...] = ()
    never: tuple[str, ...] = ()

    def texts(self) -> Texts:
        """The set of their ARNs."""
        head = ":".join(OWN_ACCOUNT if each is None else each for each in self.head)
        fits = (*(f"{head}:{tail}" for tail in self.tails), *self.wholes)
        return fits, self.never

    def fitting(self, meter: Meter, pattern: str) -> Things | None:
        """Those of them that fit one more pattern, None where none can."""
        *first, last = in_one_partition(pattern).split(":", _FIELDS - 1)
        if len(first) < _FIELDS - 1:
            return self._replace(wholes=(*self.wholes, pattern))
        head: list[str | None] = []
        for said, wanted in zip(self.head or (None,) * len(first), first, strict=True):
            if said is not None and not covers(meter, wanted, said):
                return None
            head.append(said if said is not None else _filled(wanted))
        return self._replace(head=tuple(head), tails=(*self.tails, last))

    def outside(self, patterns: tuple[str, ...]) -> Things:
        """Those of them that fit none of these patterns."""
        return self._replace(never=self.never + patterns)


def _filled(field: str) -> str | None:
    return None if field == "*" else _WILD.sub("x", field)


def names_one(pattern: str) -> bool:
    """Whether a pattern of resources is about one thing: its name has no wildcard.

    A thing of IAM has one name in its account, whatever its path; a region or an account that is
    left open does not make a name a pattern.
    """
    parts = _VARIABLE.sub("x", pattern).split(":", _FIELDS - 1)
    if len(parts) < _FIELDS:
        return not _WILD.search(parts[-1])
    kind, _, name = re.sub("[/:]", "\0", parts[-1], count=1).partition("\0")
    if not name or _WILD.search(kind):
        return not _WILD.search(kind)
    if kind in _ONE_BY_ITS_FIRST_NAME:
        return not _WILD.search(re.split("[/:]", name)[0])
    shown = name.rpartition("/")[2] if parts[2] == "iam" else name
    return not _WILD.search(shown)
