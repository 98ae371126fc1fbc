from __future__ import annotations

from importlib.metadata import metadata

import pytest

from cloudsealed.reports.glyphs import FONT, FONTS, covered, showable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain -> ascii", "plain -> ascii"),
        ("Zürich – Łódź · Ελλάδα · Москва · €", "Zürich – Łódź · Ελλάδα · Москва · €"),
        ("a\u202eb", "a[U+202E]b"),
        ("zero\u200bwidth\u00ad", "zero[U+200B]width[U+00AD]"),
        ("nul\x00bel\x07tab\t", "nul[U+0000]bel[U+0007]tab[U+0009]"),
        ("バ", "[U+30D0]"),
        ("🔒", "[U+1F512]"),
        ("שלום", "[U+05E9][U+05DC][U+05D5][U+05DD]"),
        ("\ue000", "[U+E000]"),
        ("two\nlines\u2028", "two[U+000A]lines[U+2028]"),
    ],
)
def test_a_character_without_a_safe_glyph_is_shown_by_its_number(text: str, shown: str) -> None:
    assert showable(text) == shown


def test_every_text_of_a_document_is_made_showable_and_nothing_else() -> None:
    document = {"a": ["\x00", {"b": "\u202e", "n": 1.5, "t": True, "z": None}]}
    assert showable(document) == {
        "a": ["[U+0000]", {"b": "[U+202E]", "n": 1.5, "t": True, "z": None}]
    }


def test_only_texts_of_several_lines_keep_their_line_ends() -> None:
    document = {"cli": "a \\\r\n\tb\x00", "name": "a\nb", "groups": [{"terraform": "x {\n}"}]}
    assert showable(document) == {
        "cli": "a \\\n    b[U+0000]",
        "name": "a[U+000A]b",
        "groups": [{"terraform": "x {\n}"}],
    }


def test_what_the_font_covers_is_read_from_its_file() -> None:
    characters = covered(FONT.read_bytes())
    assert {ord("A"), ord("€"), ord("Ж")} <= characters
    assert ord("日") not in characters


def test_the_package_of_the_font_is_under_the_open_font_license() -> None:
    assert metadata("fontpkg-inter")["License-Expression"] == "OFL-1.1"
    assert list(FONTS.glob("*")) == list(FONTS.glob("Inter*.ttf"))


def test_bytes_that_are_no_font_are_refused() -> None:
    with pytest.raises(ValueError, match="no cmap"):
        covered(b"OTTO" + bytes(60))
