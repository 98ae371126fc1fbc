"""Our functions on the programs that a workload starts and their flags: `runs`, `flag`,
`flag_list`, `flag_on`.

Source: the references of the command lines of kube-apiserver, kube-controller-manager,
kube-scheduler (whose flags may be written with `_` for `-`) and etcd. Refuses to guess: a flag that
a variable, a shell or a file of configuration fills is an error.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.functions.documents import maps_at
from cloudsealed.engine.functions.kubernetes.workloads import written_containers
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.signature import Function, Steps, kinds
from cloudsealed.engine.values import Value, describe

_Map = dict[Any, Value]
_VARIABLE: Final = re.compile(r"\$\([A-Za-z_]")
_PARTS: Final = ("command", "args")
_BEFORE: Final = re.compile(
    r"(?:^|[;&|({\n]|\b(?:do|else|exec|nohup|then)\s|\s--\s)\s*(?:\w+=\S*\s+)*(?:hyperkube\s+)?"
)
"""What stands before a command in a script."""
_WRAPPERS: Final = frozenset({"dumb-init", "go-runner", "kube-go-runner", "tini"})
"""What starts the program that its own arguments name, and hands on the rest of them unchanged."""
_STARTS_NONE: Final = frozenset(
    {"chmod", "chown", "cp", "install", "journalctl", "kops-utils-cp", "ln", "mv", "pgrep", "pkill"}
    | {"systemctl"}
)
"""What takes the name or the file of a program and does not start it in its own container."""
_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})
"""The words that Go's ParseBool takes, which reads the flags of these programs."""


class _File(NamedTuple):
    """A flag that names a file, which says what other flags say."""

    flag: str
    says: frozenset[str] | None
    """The flags whose meaning it has; None is every other flag."""
    wins: bool
    """Whether it counts, not the flag, where both are given."""


_FILES: Final = {
    "etcd": (_File("config-file", None, wins=True),),
    "kube-apiserver": (
        _File("authentication-config", frozenset({"anonymous-auth"}), wins=False),
        _File("authorization-config", frozenset({"authorization-mode"}), wins=False),
    ),
    "kube-scheduler": (
        _File("config", frozenset({"contention-profiling", "profiling"}), wins=True),
    ),
}
_VARIABLES: Final = {"etcd": "ETCD_"}
"""The programs that take the flags which are not given from variables, and how those begin."""


class _Word(NamedTuple):
    """A word of a command line: the list that it is in, its number there, and it."""

    part: str
    number: int
    text: str


class _Started(NamedTuple):
    """How a container starts a program: the way to it, it, and the command line."""

    place: Steps
    container: _Map
    words: list[_Word]


def runs(meter: Meter, resource: _Map, program: str) -> bool:
    """`runs(resource, "kube-apiserver")`: whether a container of a workload's pods starts this
    program. A shell that starts it is an error, since its flags are the shell's text."""
    return _started(meter, resource, program) is not None


def flag(meter: Meter, resource: _Map, program: str, name: str) -> Value:
    """`flag(resource, "kube-apiserver", "audit-log-path")`: the text of a flag with which a
    workload's pods start a program; null where it is not given.

    `--name=value`, `--name value` and `-name` are read, a flag without a value is "true", one with
    an empty value is not given, and of one that is given twice the last counts. A program that no
    container starts, one that a shell starts, and a flag that a variable or a file of configuration
    may fill are errors.
    """
    found = _given(meter, resource, program, name)
    return found[-1] or None if found else None


def flag_list(meter: Meter, resource: _Map, program: str, name: str) -> list[Value]:
    """`flag_list(resource, "kube-apiserver", "enable-admission-plugins")`: what a flag lists with
    commas between, of every time that it is given; empty where it is not. Errors as of `flag`."""
    found = [
        part.strip()
        for value in _given(meter, resource, program, name)
        for part in value.split(",")
        if part.strip()
    ]
    meter.charge(len(found))
    return list(found)


def flag_on(meter: Meter, resource: _Map, program: str, name: str, default: bool) -> bool:
    """`flag_on(resource, "kube-apiserver", "profiling", true)`: whether a flag that is true or
    false is true; the default where it is not given. Errors as of `flag`, and another word."""
    found = _given(meter, resource, program, name)
    if not found:
        return default
    if found[-1] not in _TRUE | _FALSE:
        raise EvaluationError(f"the flag {name[:64]!r} is neither true nor false")
    return found[-1] in _TRUE


def _flag_at(
    meter: Meter, resource: _Map, program: str, name: str, default: bool = False
) -> Steps | None:
    """The way to the word that gives a flag, or to the beginning of the command line."""
    started = _started(meter, resource, program)
    if started is None:
        return None
    found = _flags(started.words).get(name)
    word = started.words[found[-1][1] if found else 0]
    return (*started.place, word.part, word.number)


def _given(meter: Meter, resource: _Map, program: str, name: str) -> list[str]:
    """The texts of a flag, one for each time that it is given."""
    started = _started(meter, resource, program)
    if started is None:
        raise EvaluationError(f"no container starts {program[:64]!r}")
    flags = _flags(started.words)
    found = [value for value, _ in flags.get(name, ())]
    for file in _FILES.get(program, ()):
        concerned = file.flag != name and (file.says is None or name in file.says)
        named = file.flag in flags and flags[file.flag][-1][0]
        if concerned and named and (file.wins or not found):
            raise EvaluationError(f"the file of --{file.flag} says it, not the flag")
    if not found and program in _VARIABLES:
        _refuse_variable(started.container, _VARIABLES[program], name)
    if any(_VARIABLE.search(value) for value in found):
        raise EvaluationError(f"the flag {name[:64]!r} is filled by a variable")
    return found


def _refuse_variable(container: _Map, prefix: str, name: str) -> None:
    """Raise EvaluationError where a variable of the container says, or may say, a flag."""
    wanted = prefix + name.upper().replace("-", "_")
    named = {each.get("name") for each in maps_at(container, "env")}
    if wanted in named or maps_at(container, "envFrom"):
        raise EvaluationError(f"the variable {wanted[:64]} may say it")


def _started(meter: Meter, resource: _Map, program: str) -> _Started | None:
    """How the first container starts a program that does."""
    for place, each in written_containers(resource):
        lines = [(part, _texts(each, part)) for part in _PARTS if each.get(part)]
        meter.charge(sum(len(texts) for _, texts in lines))
        # Most containers are nobody's whom a policy asks for, and every policy asks for each.
        if not any(program in text for _, texts in lines for text in texts):
            continue
        words = [_Word(part, n, text) for part, texts in lines for n, text in enumerate(texts)]
        if _base(words[0].text) in _WRAPPERS:
            at = (n for n, word in enumerate(words) if _base(word.text) == program)
            words = words[next(at, 0) :]
        if _base(words[0].text) == program:
            return _Started(place, each, words)
        if _starts_otherwise(words, program):
            raise EvaluationError(f"{program} is started by another program, which has its flags")
    return None


def _starts_otherwise(words: list[_Word], program: str) -> bool:
    """Say whether a command line that begins with another program starts this one: a word is it, or
    it stands in the text of a script where a command does. A directory of its name is none."""
    if any(_base(word.text) in _STARTS_NONE for word in words):
        return False
    name = rf"(?:(?!-)\S*bin/)?{re.escape(program)}"
    alone, inside = re.compile(name), re.compile(_BEFORE.pattern + name + r"(?=[\s;&|)]|$)")
    return any(
        inside.search(word.text) if re.search(r"\s", word.text) else alone.fullmatch(word.text)
        for word in words
    )


def _base(word: str) -> str:
    return word.rpartition("/")[2]


def _texts(container: _Map, name: str) -> list[str]:
    found = container.get(name) or []
    if found.__class__ is not list:
        raise EvaluationError(f"{name} must be a list, and it is {describe(found)}")
    if any(not isinstance(each, str) for each in found):
        raise EvaluationError(f"{name} must hold texts alone")
    return found


def _flags(words: list[_Word]) -> dict[str, list[tuple[str, int]]]:
    """Of each flag its texts, each with the number of the word that names it."""
    found: dict[str, list[tuple[str, int]]] = {}
    for number, word in enumerate(words[1:], 1):
        if not word.text.startswith("-") or not word.text.strip("-"):
            continue
        name, sign, value = word.text.lstrip("-").partition("=")
        after = words[number + 1].text if number + 1 < len(words) else "-"
        if not sign:
            value = "true" if after.startswith("-") else after
        found.setdefault(name.replace("_", "-"), []).append((value, number))
    return found


_MAP, _TEXT = kinds("map"), kinds("string")
_FIELDS: Final = ("metadata", "spec")
_OF_FLAGS: Final = (_MAP, _TEXT, _TEXT)

FLAGS: Final = (
    Function("runs", (_MAP, _TEXT), "bool", runs, metered=True, fields=_FIELDS),
    Function("flag", _OF_FLAGS, "dyn", flag, metered=True, fields=_FIELDS, witness=_flag_at),
    Function(
        "flag_list", _OF_FLAGS, "list", flag_list, metered=True, fields=_FIELDS, witness=_flag_at
    ),
    Function(
        "flag_on",
        (*_OF_FLAGS, kinds("bool")),
        "bool",
        flag_on,
        metered=True,
        fields=_FIELDS,
        witness=_flag_at,
    ),
)
