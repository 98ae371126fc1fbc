"""What pages say, and what the catalogues of other languages lack of it.

python tools/words.py            counts of each language
python tools/words.py LANGUAGE   the texts that it lacks, as a JSON object to be filled in
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from enum import EnumType, StrEnum
from importlib.resources import files
from pathlib import Path

import orjson
from jinja2 import Environment, nodes

from cloudsealed import vocabulary
from cloudsealed.console.language import LANGUAGES, words_of
from cloudsealed.console.words import happening
from cloudsealed.policies.frameworks import STATUSES

CONSOLE = Path(str(files("cloudsealed.console")))
_SAID = {"t": 1, "tn": 3, "worded": 1}
"""How many of a function's first arguments may be texts."""


def used() -> set[str]:
    """Return every text that a page can show, in English."""
    templates = (path.read_text() for path in (CONSOLE / "templates").rglob("*.html"))
    modules = (path.read_text() for path in CONSOLE.rglob("*.py"))
    return {
        *(text for source in templates for text in of_template(source)),
        *(text for source in modules for text in of_module(source)),
        *(value.replace("_", " ").capitalize() for value in _own_words()),
    }


def of_template(source: str) -> Iterator[str]:
    """Yield the texts that a template hands to `t` and `tn`, and the words to `said`."""
    parsed = Environment(autoescape=True).parse(source)
    for call in parsed.find_all(nodes.Call):
        if not isinstance(call.node, nodes.Name):
            continue
        for part in call.args[: _SAID.get(call.node.name, 0)]:
            yield from (each.value for each in _constants(part))
        if call.node.name == "said":
            for each in _constants(call.args[0]):
                yield each.value.replace("_", " ").capitalize()


def _constants(part: nodes.Node) -> Iterator[nodes.Const]:
    found = [part] if isinstance(part, nodes.Const) else part.find_all(nodes.Const)
    return (each for each in found if isinstance(each.value, str))


def of_module(source: str) -> Iterator[str]:
    """Yield the texts that Python hands to `worded`, `t` and `tn`."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        for part in node.args[: _SAID.get(name, 0)]:
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                yield part.value


def _own_words() -> Iterator[str]:
    yield from STATUSES
    yield from map(happening, vocabulary.EventType)
    for found in vars(vocabulary).values():
        if (
            isinstance(found, EnumType)
            and issubclass(found, StrEnum)
            and found is not vocabulary.EventType
        ):
            yield from found


def lacking(language: str) -> list[str]:
    """Return what the catalogue of a language lacks."""
    return sorted(used() - words_of(language).catalogue.keys())


def main(arguments: list[str]) -> int:
    """Print what is lacking; exit 1 when something is."""
    wanted = arguments or [language for language in LANGUAGES if language != "en"]
    missing = {language: lacking(language) for language in wanted}
    if arguments:
        for texts in missing.values():
            found = orjson.dumps(dict.fromkeys(texts, ""), option=orjson.OPT_INDENT_2)
            print(found.decode())
    else:
        for language, texts in missing.items():
            print(f"{language}: {len(used())} texts, {len(texts)} lacking")
    return 1 if any(missing.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
