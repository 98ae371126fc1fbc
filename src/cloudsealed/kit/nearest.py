"""Which known name is written most like an unknown one. It refuses to know what they name."""

from __future__ import annotations

import difflib
from collections.abc import Collection

LONGEST = 100
"""Of a longer name nothing is looked for."""
_ALIKE, _REMOTELY = 0.6, 0.3


def closest(value: str, known: Collection[str], alike: float = _ALIKE) -> str | None:
    """Return the name that is written so much like `value`, whatever the case, that it was probably
    meant; None when none is. `alike` is from 0, of nothing in common, to 1, of the same letters.

    Of those that are equally near one of the same letters counts, then one that begins alike, then
    the first in the order of characters.
    """
    if len(value) > LONGEST:
        return None
    folded = value.casefold()
    names = {name.casefold(): name for name in sorted(known, reverse=True)}
    close = difflib.get_close_matches(folded, names, n=len(names) or 1, cutoff=alike)
    if not close:
        return None
    matcher = difflib.SequenceMatcher(b=folded)
    ratios = []
    for name in close:
        matcher.set_seq1(name)
        other = sorted(name) != sorted(folded), name[:1] != folded[:1]
        ratios.append((-matcher.ratio(), *other, name))
    return names[min(ratios)[-1]]


def nearest(value: str, known: Collection[str]) -> str | None:
    """Return the name that is most like `value`: the closest, one that it is a part of, or one that
    it is remotely like; None when none is."""
    found = closest(value, known)
    if found is None and value and len(value) <= LONGEST:
        folded = value.casefold()
        found = min((name for name in known if folded in name.casefold()), default=None)
    return found or closest(value, known, _REMOTELY)


def did_you_mean(value: str, known: Collection[str]) -> str:
    """Return the end of a sentence that names the nearest, nothing when there is none."""
    return suggested(nearest(value, known))


def suggested(name: str | None) -> str:
    """Return the end of a sentence that names what was probably meant, nothing if nothing was."""
    return f"; did you mean {name!r}?" if name else ""
