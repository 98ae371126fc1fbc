"""Texts of others as they are shown: what does not stand for itself is written by its number.

Unicode's controls, line ends, marks of direction and other invisible characters could hide text,
turn it round, or begin a line of ours.
"""

from __future__ import annotations


def shown(text: str) -> str:
    """Return `text` with each character that is not printable (Unicode's controls, line ends,
    marks of direction and other invisible ones) as `[U+001B]`."""
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(char: str) -> str:
    return char if char.isprintable() else f"[U+{ord(char):04X}]"
