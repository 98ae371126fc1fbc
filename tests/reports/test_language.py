"""What the templates and the kinds say is in every language, and nothing else is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from cloudsealed.policies.frameworks import STATUSES
from cloudsealed.reports.language import catalogue
from cloudsealed.reports.model import FILTERS
from cloudsealed.settings import LANGUAGES
from cloudsealed.vocabulary import Dimension, Severity, TriageState

REPORTS = Path(str(files("cloudsealed.reports")))
OTHERS = [language for language in LANGUAGES if language != "en"]
CALL = re.compile(r"(?<![\w-])tn?\(")
TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
NAMED = re.compile(r"[\w-]+:\s*$")
NAMES = re.compile(r"\{\w+\}")


def template_texts(source: str) -> Iterator[str]:
    """Yield the texts that a template hands to `t` and `tn`: literals that are not named."""
    for call in CALL.finditer(source):
        at, depth = call.end(), 1
        while depth:
            text = TEXT.match(source, at)
            if text is not None:
                if depth == 1 and not NAMED.search(source, call.end(), at):
                    yield text[1].replace('\\"', '"')
                at = text.end()
                continue
            depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(source[at], 0)
            at += 1


def python_texts(source: str) -> Iterator[str]:
    """Yield the texts of every `said("…")` and `worded("…")`."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id in ("said", "worded") and isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value)


def words(names: Iterable[str]) -> set[str]:
    """Return names as a template's `words` shows them."""
    return {(name[0].upper() + name[1:]).replace("_", " ") for name in names}


def used() -> set[str]:
    """Return every text that a report can show."""
    shown = words([*Severity, *Dimension, *TriageState, *STATUSES, *FILTERS])
    templates = {t for f in REPORTS.rglob("*.typ") for t in template_texts(f.read_text())}
    return {
        *shown,
        *map(str, Severity),
        *templates,
        *(text for file in REPORTS.rglob("*.py") for text in python_texts(file.read_text())),
    }


def test_texts_are_found_where_they_are_handed_over() -> None:
    source = 't("One", a: "no") + tn(f("no", ("x",)), "{n} two", "{n} \\"three\\"") + at("no")'
    assert list(template_texts(source)) == ["One", "{n} two", '{n} "three"']
    assert set(python_texts('said("A", b=said("B")); worded("C"); other("D")')) == {"A", "B", "C"}
    assert len(used()) > 100


@pytest.mark.parametrize("language", OTHERS)
def test_a_language_has_a_word_for_every_text_and_for_nothing_else(language: str) -> None:
    known = catalogue(language).keys()
    assert sorted(used() - known) == []
    assert sorted(known - used()) == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_names_the_same_values(language: str) -> None:
    differs = {
        text: said
        for text, said in catalogue(language).items()
        if sorted(set(NAMES.findall(text))) != sorted(set(NAMES.findall(said)))
    }
    assert differs == {}


def test_english_needs_no_catalogue() -> None:
    assert catalogue("en") == {}
