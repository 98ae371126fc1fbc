"""Commands with a resource's own names in the place of their `<PLACEHOLDER>`s.

Names come from the cloud and end in somebody's shell: one that a shell, or the AWS command line,
would read as more than a name is quoted or left out. It refuses to guess: what the resource does
not say stays a placeholder.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from functools import cache, lru_cache

from cloudsealed.packs.names import OWN, PLACEHOLDER, PLAIN, Resource, has_no_namespace, names_of

_MORE = re.compile(r"-|(?i:fileb?|http)://")  # an option, or what the command line reads first
_ALONE = re.compile(r"\s*(?:$|[\s;|&>])")
_CALL = re.compile(r"aws (?:<[A-Z0-9_]+>|[^|;&><\\])*(?:<[A-Z0-9_]+>|[^|;&><\\\s])")
_OF_NAMESPACE = re.compile(r" (?:-n|--namespace)[ =]<NAMESPACE>")
_ANOTHER_LINE = re.compile(r"(?<!\\)\n")  # what a backslash ends goes on
_OUTSIDE_QUOTES = re.compile(
    rf"""(?:[^'"\\`$\#<]|(?<=\S)\#|\\\n|'[^']*'|"[^"\\`$]*"|{PLACEHOLDER.pattern})*"""
)
"""What leaves a shell where a quoted word is a word: no text, substitution, comment or document is
open after it (POSIX, Shell Command Language, 2.2 and 2.7.4)."""


def filled(commands: str | None, resource: Resource) -> str | None:
    """Return `commands` with the resource's own names, and its region where it has one.

    Of commands for several types of a service, the lines for another type alone are left out, and
    of those for an object of a whole cluster the namespace.
    """
    if commands is None:
        return None
    names = names_of(resource)
    if has_no_namespace(resource):
        commands = _OF_NAMESPACE.sub("", commands)
    text = _of_place(commands, resource["type"], names.get("REGION"))
    return PLACEHOLDER.sub(lambda found: _value(found, names), text)


@lru_cache(maxsize=4096)
def _of_place(commands: str, kind: str, region: str | None) -> str:
    """Return the commands for a type of resource in a region."""
    lines = _of_type(_ANOTHER_LINE.split(commands), kind)
    return "\n".join(_placed(line, region) for line in lines)


def _of_type(lines: list[str], kind: str) -> list[str]:
    """Return the lines that are not for another type of the same service alone."""
    own = OWN.get(kind, {}).keys()
    held = [set(PLACEHOLDER.findall(line)) for line in lines]
    if not any(names & own for names in held):
        return lines
    others = _beside(kind)
    return [
        line for line, names in zip(lines, held, strict=True) if names & own or not names & others
    ]


@cache
def _beside(kind: str) -> frozenset[str]:
    service = kind.rpartition(".")[0]
    beside = (names for other, names in OWN.items() if other.rpartition(".")[0] == service)
    return frozenset(name for names in beside for name in names) - OWN[kind].keys()


def _value(found: re.Match[str], names: Mapping[str, str]) -> str:
    value = names.get(found[1])
    if value is None or _MORE.match(value):
        return found[0]
    if PLAIN.fullmatch(value):
        return value
    before, after = found.string[: found.start()], found.string[found.end() :]
    if before.endswith(" ") and _ALONE.match(after) and _OUTSIDE_QUOTES.fullmatch(before):
        return shlex.quote(value)
    return found[0]


def _placed(line: str, region: str | None) -> str:
    """Return an AWS command with the region of its resource, unless it names one."""
    call = _CALL.match(line)
    if region is None or call is None or "--region" in line or "-region " in line:
        return line
    if not PLAIN.fullmatch(region) or not _OUTSIDE_QUOTES.fullmatch(call[0]):
        return line
    return f"{call[0]} --region {region}{line[call.end() :]}"
