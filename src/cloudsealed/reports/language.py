"""The words of reports in other languages: a catalogue a language, from the English text.

English is in the templates and in what Python hands them, and is what a report's JSON says. What
customers and policies write is never translated.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import orjson


def catalogue(language: str) -> Mapping[str, str]:
    """Return the words of a language by the English text; none for English."""
    if language == "en":
        return {}
    folder = files("cloudsealed.reports").joinpath("words")
    words: dict[str, str] = orjson.loads(folder.joinpath(f"{language}.json").read_bytes())
    return words


def said(text: str, **values: Any) -> dict[str, Any]:
    """Return a sentence for a document: an English text with `{names}`, and what they stand for.

    A template shows it by `say`; a value may itself be such a sentence.
    """
    return {"text": text, "values": values}


def worded(text: str) -> str:
    """Return `text`: marks one that a template shows by `t`, so that every catalogue has it."""
    return text
