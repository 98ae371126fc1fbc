"""What pages say is in every language, and nothing else is."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from tools.words import of_module, of_template, used

from cloudsealed.console.language import LANGUAGES, words_of
from cloudsealed.settings import LANGUAGES as OF_REPORTS

OTHERS = [language for language in LANGUAGES if language != "en"]
NAMES = re.compile(r"\{\w+\}")
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def test_pages_speak_the_languages_of_reports() -> None:
    assert sorted(LANGUAGES) == sorted(OF_REPORTS)


def test_texts_are_found_where_they_are_handed_over() -> None:
    source = (
        '{{ t("One", a="no") }}{{ tn(n, "{n} two", "{n} three") }}{{ said("a_b") }}{{ x("no") }}'
    )
    assert list(of_template(source)) == ["One", "{n} two", "{n} three", "A b"]
    assert list(of_module('worded("A"); w.t("B", c="no"); w.tn(1, "C", "D"); other("E")')) == [
        "A",
        "B",
        "C",
        "D",
    ]
    assert len(used()) > 200


@pytest.mark.parametrize("language", OTHERS)
def test_a_language_has_a_word_for_every_text_and_for_nothing_else(language: str) -> None:
    known = words_of(language).catalogue.keys()
    assert sorted(used() - known) == []
    assert sorted(known - used()) == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_names_the_same_values(language: str) -> None:
    for text, said in words_of(language).catalogue.items():
        assert said.strip(), text
        assert sorted(NAMES.findall(text)) == sorted(NAMES.findall(said)), text


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "1,234 things"), ("de", "1.234 things"), ("fr", "1\u202f234 things")],
)
def test_numbers_are_written_as_the_language_does(language: str, said: str) -> None:
    assert words_of(language).tn(1234, "{n} thing", "{n} things") == said


def test_nothing_is_many_but_in_french() -> None:
    assert words_of("en").tn(0, "{n} thing", "{n} things") == "0 things"
    assert words_of("fr").tn(0, "{n} thing", "{n} things") == "0 thing"


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2026-11-29T11:59:58.000Z", "just now"),
        ("2026-11-29T11:59:20.000Z", "40 seconds ago"),
        ("2026-11-29T11:58:59.000Z", "1 minute ago"),
        ("2026-11-29T09:00:00.000Z", "3 hours ago"),
        ("2026-11-27T12:00:00.000Z", "2 days ago"),
        ("2026-08-01T12:00:00.000Z", "4 months ago"),
        ("2020-11-29T12:00:00.000Z", "6 years ago"),
        ("2026-11-30T13:00:00.000Z", "in 1 day"),
    ],
)
def test_times_are_said_from_now_in_their_largest_unit(moment: str, said: str) -> None:
    assert words_of("en").ago(moment, NOW) == said


def test_german_has_one_case_for_a_span_and_another_for_one_within_what_is_said() -> None:
    words, seconds = words_of("de"), 3 * 86400
    assert words.span(seconds) == "3 Tage"
    assert words.t("after {span}", span=words.within(seconds)) == "nach 3 Tagen"
    assert words.ago("2026-11-26T12:00:00.000Z", NOW) == "vor 3 Tagen"
    assert words_of("en").within(seconds) == words_of("en").span(seconds) == "3 days"
