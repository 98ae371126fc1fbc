"""Which known name is written most like an unknown one. It refuses to know what they name."""

from __future__ import annotations

import difflib
from collections.abc import Collection

LONGEST = 100
"""Of a longer name nothing is looked for."""
_ALIKE, _REMOTELY = 0.6, 0.3


def nearest(value: str, known: Collection[str]) -> str | None:
    """Return the name that is written most like `value`, whatever the case, None when none is.

    Of those that are equally near the first in the order of characters counts.
    """
    if len(value) > LONGEST:
        return None
    folded = value.casefold()
    names = {name.casefold(): name for name in sorted(known, reverse=True)}
    found = _closest(folded, names, _ALIKE)
    found = found or min((name for name in names if folded and folded in name), default=None)
    found = found or _closest(folded, names, _REMOTELY)
    return names[found] if found else None


def did_you_mean(value: str, known: Collection[str]) -> str:
    """Return the end of a sentence that names the nearest, nothing when there is none."""
    found = nearest(value, known)
    return f"; did you mean {found!r}?" if found else ""


def _closest(value: str, names: Collection[str], cutoff: float) -> str | None:
    close = difflib.get_close_matches(value, names, n=len(names) or 1, cutoff=cutoff)
    if not close:
        return None
    matcher = difflib.SequenceMatcher(b=value)
    ratios = []
    for name in close:
        matcher.set_seq1(name)
        ratios.append((-matcher.ratio(), name))
    return min(ratios)[1]
