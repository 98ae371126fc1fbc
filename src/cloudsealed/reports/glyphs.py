"""Which characters a PDF can show, and how the others are written: as [U+XXXX].

PDF/UA and PDF/A refuse a character that no font has, and a control or bidirectional character
would let a resource's name change how a page reads. It refuses to drop or replace any silently.
"""

from __future__ import annotations

import struct
import unicodedata
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

FONTS = Path(str(files("fontpkg_inter").joinpath("files")))
"""The folder of the fonts that a PDF may use, beside those that Typst has."""

FONT = FONTS / "Inter[opsz,wght].ttf"
"""The font, with every weight, of text and, where the monospaced one lacks a character, of code."""

MULTILINE = frozenset({"summary", "description", "caution", "first", "cli", "terraform"})
"""The keys of a document whose texts have lines."""

_UNSHOWABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_FULL_UNICODE = (3, 10)  # platform Windows, encoding UCS-4
_SEGMENTED = 12  # format of the subtable


def showable(value: Any, *, lines: bool = False) -> Any:
    """Return JSON `value` with every text in it, keys aside, fit to be shown.

    Only texts that people write in several lines keep their line ends; tabs in them are widened.
    """
    if isinstance(value, str):
        return (
            "\n".join(map(_showable, value.expandtabs(4).splitlines()))
            if lines
            else _showable(value)
        )
    if isinstance(value, dict):
        return {key: showable(item, lines=key in MULTILINE) for key, item in value.items()}
    if isinstance(value, list):
        return [showable(item) for item in value]
    return value


def _showable(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    shown = _characters()
    return "".join(c if c in shown else f"[U+{ord(c):04X}]" for c in text)


@lru_cache(maxsize=1)
def _characters() -> frozenset[str]:
    characters = map(chr, covered(FONT.read_bytes()))
    return frozenset(c for c in characters if unicodedata.category(c) not in _UNSHOWABLE)


def covered(font: bytes) -> set[int]:
    """Return the code points that an OpenType font maps to a glyph (OpenType, `cmap`, format 12).

    Raises ValueError for a font without such a table.
    """
    tables = struct.unpack_from(">H", font, 4)[0]
    for index in range(tables):
        tag, _checksum, offset, _length = struct.unpack_from(">4sIII", font, 12 + 16 * index)
        if tag == b"cmap":
            return _covered(font, offset)
    raise ValueError("the font has no cmap table")


def _covered(font: bytes, start: int) -> set[int]:
    for index in range(struct.unpack_from(">H", font, start + 2)[0]):
        platform, encoding, offset = struct.unpack_from(">HHI", font, start + 4 + 8 * index)
        table = start + offset
        if (platform, encoding) == _FULL_UNICODE:
            form, _reserved, _length, _language, groups = struct.unpack_from(">HHIII", font, table)
            if form == _SEGMENTED:
                ranges = struct.iter_unpack(">III", font[table + 16 : table + 16 + 12 * groups])
                return {point for first, last, _ in ranges for point in range(first, last + 1)}
    raise ValueError("the font has no table of all of Unicode")
