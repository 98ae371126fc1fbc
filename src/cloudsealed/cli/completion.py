"""`cloudsealed completion`: a script that completes commands, options and choices in a shell.

The script holds all that it knows, so that a completion starts no program; it is printed anew after
an upgrade. It refuses to complete what only a server or a cloud knows.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any

import typer

from cloudsealed.cli.client.nouns import NounGroup
from cloudsealed.cli.client.table import names
from cloudsealed.cli.commands import COMMANDS, command
from cloudsealed.cli.terminal import Terminal

_PROGRAM = "cloudsealed"


class Shell(StrEnum):
    """A shell that can be completed in."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


@dataclass(frozen=True, slots=True)
class Word:
    """What may stand next. `choices` are the values of an option, None for a flag or command, empty
    for any value."""

    text: str
    help: str
    choices: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """What may follow the words `at`; with `takes_more` also what is no word of ours, as a file."""

    at: str
    words: tuple[Word, ...]
    takes_more: bool


def completion(shell: Shell = typer.Argument(help="The shell that the script is for.")) -> None:
    """Print a script that completes commands and options in a shell."""
    lines = {Shell.BASH: _bash, Shell.ZSH: _zsh, Shell.FISH: _fish}[shell](list(places()))
    Terminal().file.write("\n".join(lines) + "\n")


def places() -> Iterator[Place]:
    """Yield every place where a word of the program is typed."""
    commands = {name: text for name, (_, text) in COMMANDS.items()} | names()
    words = [Word(name, text) for name, text in commands.items()]
    yield Place(_PROGRAM, (*words, Word("--version", "Print the version and exit."), _HELP), False)
    for name in commands:
        yield from _below(_PROGRAM, command(name))


_HELP = Word("--help", "Show what can be given, and exit.")


def _below(before: str, found: Any) -> Iterator[Place]:
    at = f"{before} {found.name}"
    inner = found.made() if isinstance(found, NounGroup) else dict(getattr(found, "commands", {}))
    alone = inner.pop("", found)
    words = [Word(name, _first_line(each.help)) for name, each in inner.items()]
    takes_more = False
    for given in alone.params:
        if given.opts[0].startswith("-"):
            words += [] if given.hidden else _options(given, getattr(alone, "choices", {}))
        else:
            takes_more = True
            words += [Word(choice, "") for choice in _choices(given)]
    yield Place(at, (*words, _HELP), takes_more)
    for each in inner.values():
        yield from _below(at, each)


def _options(given: Any, known: Mapping[str, tuple[str, ...]]) -> Iterator[Word]:
    for text in (*given.opts, *given.secondary_opts):
        values = None if given.is_flag else known.get(text) or _choices(given)
        yield Word(text, _first_line(given.help), values)


def _choices(given: Any) -> tuple[str, ...]:
    kind = given.type_descriptor.annotation
    is_enum = isinstance(kind, type) and issubclass(kind, Enum)
    return tuple(str(each.value) for each in kind) if is_enum else ()


def _first_line(text: str | None) -> str:
    return " ".join((text or "").split("\n\n")[0].split())


def _below_root(found: list[Place]) -> str:
    """Return the shell pattern of the places that a word can lead to."""
    return "|".join(shlex.quote(place.at) for place in found[1:])


def _with_values(found: list[Place]) -> list[str]:
    words = (word for place in found for word in place.words)
    return sorted({word.text for word in words if word.choices is not None})


def _values(found: list[Place]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the place and option of each list of choices."""
    for place in found:
        for word in place.words:
            if word.choices:
                yield f"{place.at} {word.text}", word.choices


def _walk(found: list[Place], words: str) -> list[str]:
    """Return lines of bash and zsh that find the place, and the word before the cursor."""
    return [
        "  local at=cloudsealed previous='' word",
        f"  for word in {words}; do",
        '    case "$previous" in',
        f"      {'|'.join(_with_values(found))}) ;;",
        f'      *) case "$at $word" in {_below_root(found)}) at="$at $word" ;; esac ;;',
        "    esac",
        '    previous="$word"',
        "  done",
    ]


def _bash(found: list[Place]) -> Iterator[str]:
    yield "_cloudsealed() {"
    yield from _walk(found, '"${COMP_WORDS[@]:1:COMP_CWORD-1}"')
    yield "  local words=''"
    yield '  case "$at $previous" in'
    for at, choices in _values(found):
        yield f"    {shlex.quote(at)}) words={shlex.quote(' '.join(choices))} ;;"
    yield f'    *) case "$previous" in {"|".join(_with_values(found))}) ;; *) case "$at" in'
    for place in found:
        words = " ".join(word.text for word in place.words)
        yield f"      {shlex.quote(place.at)}) words={shlex.quote(words)} ;;"
    yield "    esac ;; esac ;;"
    yield "  esac"
    yield '  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))'
    yield "}"
    yield "complete -o default -F _cloudsealed cloudsealed"


def _zsh(found: list[Place]) -> Iterator[str]:
    yield "#compdef cloudsealed"
    yield "_cloudsealed() {"
    yield from _walk(found, '"${(@)words[2,CURRENT-1]}"')
    yield "  local -a found"
    yield '  case "$at $previous" in'
    for at, choices in _values(found):
        yield f"    {shlex.quote(at)}) found=({shlex.join(choices)}) ;;"
    yield f'    *) case "$previous" in {"|".join(_with_values(found))}) _files; return ;; esac'
    yield '    case "$at" in'
    for place in found:
        words = shlex.join(_described(word) for word in place.words)
        files = " _files;" if place.takes_more else ""
        yield f"      {shlex.quote(place.at)}) found=({words});{files} ;;"
    yield "    esac ;;"
    yield "  esac"
    yield "  _describe -V cloudsealed found"
    yield "}"
    yield 'if [ "$funcstack[1]" = _cloudsealed ]; then _cloudsealed "$@"'
    yield "else compdef _cloudsealed cloudsealed; fi"


def _described(word: Word) -> str:
    """Return a word as zsh's `_describe` reads it."""
    text = word.text.replace(":", "\\:")
    return f"{text}:{word.help}" if word.help else text


def _fish(found: list[Place]) -> Iterator[str]:
    yield "function __cloudsealed_at"
    yield "  set -l at cloudsealed"
    yield "  set -l previous ''"
    yield "  for word in (commandline -opc)[2..-1]"
    yield f"    if not contains -- $previous {' '.join(_with_values(found))}"
    yield f'      and contains -- "$at $word" {" ".join(_fished(p.at) for p in found[1:])}'
    yield '      set at "$at $word"'
    yield "    end"
    yield "    set previous $word"
    yield "  end"
    yield '  test "$at" = "$argv"'
    yield "end"
    yield "complete -c cloudsealed -f"
    for place in found:
        begin = f"complete -c cloudsealed -n {_fished('__cloudsealed_at ' + place.at)}"
        if place.takes_more:
            yield f"{begin} -F"
        for word in place.words:
            yield f"{begin} {_fish_word(word)} -d {_fished(word.help)}"


def _fish_word(word: Word) -> str:
    if not word.text.startswith("-"):
        return f"-a {_fished(word.text)}"
    name = f"-l {word.text[2:]}" if word.text.startswith("--") else f"-s {word.text[1:]}"
    if word.choices is None:
        return name
    return f"{name} -x -a {_fished(' '.join(word.choices))}" if word.choices else f"{name} -r -F"


def _fished(text: str) -> str:
    """Return a text in quotes, as fish reads them."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
