"""Whatever a text holds, a page shows it: the oracle is a Markdown parser that others wrote."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from cloudsealed.kit.markdown import code, fence, paragraphs, table, text

PARSER = MarkdownIt("commonmark").enable("table").enable("strikethrough")
CHARACTERS = st.sampled_from(
    [*"\\`*_[](){}<>#+-=.!|~&$:;'\"/ \n019aZé", "&amp;", "<b>", "```", "1."]
)
TEXTS = st.lists(CHARACTERS, max_size=30).map("".join)


def folded(value: str) -> str:
    return " ".join(value.split())


def inline(tokens: list[Token]) -> list[Token]:
    return [child for token in tokens for child in token.children or ()]


def shown(tokens: list[Token]) -> str:
    return "".join(token.content for token in inline(tokens))


@given(TEXTS)
def test_a_text_is_one_paragraph_that_says_what_it_holds(value: str) -> None:
    tokens = PARSER.parse(text(value))
    expected = ["paragraph_open", "inline", "paragraph_close"] if value.strip() else []
    assert [token.type for token in tokens] == expected
    assert {token.type for token in inline(tokens)} <= {"text"}
    assert shown(tokens) == folded(value)


@given(TEXTS)
def test_a_heading_says_what_it_holds(value: str) -> None:
    tokens = PARSER.parse(f"# {text(value)}")
    assert [token.type for token in tokens] == ["heading_open", "inline", "heading_close"]
    assert shown(tokens) == folded(value)


@given(TEXTS, TEXTS)
def test_a_cell_says_what_it_holds(one: str, two: str) -> None:
    tokens = PARSER.parse(table(("a", "b"), [(text(one), text(two))]))
    cells = [t.children for before, t in pairwise(tokens) if before.type == "td_open"]
    assert ["".join(c.content for c in cell or ()) for cell in cells] == [folded(one), folded(two)]


@given(TEXTS.filter(str.strip))
def test_code_says_what_it_holds(value: str) -> None:
    [token] = inline(PARSER.parse(f"- x {code(value)}"))[1:]
    assert (token.type, token.content) == ("code_inline", folded(value))


@given(TEXTS)
def test_a_fence_ends_where_its_body_does(body: str) -> None:
    tokens = PARSER.parse(f"{fence('json', body)}\n\nafter")
    assert [token.type for token in tokens][:2] == ["fence", "paragraph_open"]
    assert tokens[0].content == f"{body.rstrip()}\n"


def test_paragraphs_stay_apart_and_lines_do_not() -> None:
    assert paragraphs("one\ntwo\n\n# three\n") == "one two\n\n\\# three"


def test_nothing_is_a_dash() -> None:
    assert code("") == "–"


@pytest.mark.parametrize("word", ["snake_case", "C#", "a - b", "1.5 GB", "use (this)"])
def test_what_means_nothing_is_not_escaped(word: str) -> None:
    assert text(word) == word
