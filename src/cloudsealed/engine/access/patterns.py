"""Patterns of actions and resources as sets of texts.

Source: the AWS IAM user guide, "IAM JSON policy elements: Action", "Resource" and "Policy
variables": `*` is any text, `?` one character, `${*}`, `${?}` and `${$}` are those characters
themselves, and any other `${...}` stands for what the request says. All questions are one:
whether a text fits all of some patterns and none of others (`is_any`). It is answered exactly, by
walking the patterns' automata side by side, or ends in an error at a bound; it never guesses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from cloudsealed.engine.errors import BUDGET, EvaluationError
from cloudsealed.engine.meter import Meter

Texts: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]
"""A set of texts: those that fit all of the first patterns and none of the second."""

EVERY: Final[Texts] = ((), ())
MAX_STATES: Final = 4_000
"""Steps of the walk that answers one question."""

_OTHER: Final = "\ue000"
"""Stands for a character that no pattern names."""
_STAR: Final = "\ue001"
"""Stands, in what a pattern is run over, for any text of another pattern."""
_LITERAL: Final = {"${*}": "\ue002", "${?}": "\ue003", "${$}": "$"}
_VARIABLE: Final = re.compile(r"\$\{[^}]*\}")
_WILD: Final = re.compile(r"[*?]")
_CACHED_LENGTH: Final = 512
MAX_PATTERN: Final = 2_048
"""Characters of a pattern; AWS takes no longer ARN."""


def literal(text: str) -> str:
    """The pattern that only this text fits."""
    return text.replace("*", _LITERAL["${*}"]).replace("?", _LITERAL["${?}"])


def widest(pattern: str) -> str:
    """The pattern with each policy variable taken for any text: what it may stand for."""
    return _VARIABLE.sub(lambda found: _LITERAL.get(found[0], "*"), pattern)


def surest(pattern: str) -> str | None:
    """The pattern, or None where it has a policy variable: what it stands for is not known."""
    plain = widest(pattern)
    unknown = any(found not in _LITERAL for found in _VARIABLE.findall(pattern))
    return None if unknown else plain


class _Automaton(NamedTuple):
    """Where a pattern's characters take it: bit i of a state is "i of the characters are read"."""

    accepts: dict[str, int]
    any_one: int
    loops: int
    last: int

    def step(self, state: int, character: str) -> int:
        """The state after one more character; 0 fits nothing any more."""
        moves = self.accepts.get(character, self.any_one)
        return ((state & moves) << 1) | (state & self.loops)


def _automaton(pattern: str) -> _Automaton:
    return _cached(pattern) if len(pattern) <= _CACHED_LENGTH else _built(pattern)


def _built(pattern: str) -> _Automaton:
    if len(pattern) > MAX_PATTERN:
        raise EvaluationError(f"a pattern of a policy is longer than {MAX_PATTERN:,} characters")
    named: dict[str, int] = {}
    any_one = loops = at = 0
    for character in pattern:
        if character == "*":
            loops |= 1 << at
            continue
        if character == "?":
            any_one |= 1 << at
        else:
            named[character] = named.get(character, 0) | 1 << at
        at += 1
    accepts = {character: bits | any_one for character, bits in named.items()}
    return _Automaton(accepts | {_STAR: 0}, any_one, loops, 1 << at)


_cached = lru_cache(maxsize=8_192)(_built)


def _run(meter: Meter, pattern: str, characters: str) -> bool:
    meter.charge((len(pattern) + len(characters) * (1 + len(pattern) // 256)) // 8)
    machine, state = _automaton(pattern), 1
    for character in characters:
        state = machine.step(state, character)
        if not state:
            return False
    return bool(state & machine.last)


def covers(meter: Meter, pattern: str, text: str) -> bool:
    """Whether all of the text fits the pattern; case counts."""
    return _run(meter, pattern, literal(text))


def _takes_in(meter: Meter, outer: str, inner: str) -> bool:
    """Whether every text of `inner` surely fits `outer`: each `*` of it meets one there.

    False may be said of what is within by another way.
    """
    if outer == "*" or outer == inner:
        return True
    return _run(meter, outer, inner.replace("?", _OTHER).replace("*", _STAR))


def is_any(meter: Meter, texts: Texts) -> bool:
    """Whether there is a text that fits all of the first patterns and none of the second.

    Exact; raises `EvaluationError` where that takes more than `MAX_STATES` steps.
    """
    short = sum(map(len, texts[0])) + sum(map(len, texts[1])) <= _CACHED_LENGTH
    found, units = _remembered(texts) if short else _found(texts)
    meter.charge(units)
    if found.__class__ is str:
        raise EvaluationError(str(found))
    return bool(found)


def _found(texts: Texts) -> tuple[bool | str, int]:
    """The answer of `is_any` or why there is none, and what it costs, which is always paid."""
    meter = Meter()
    found: bool | str
    try:
        found = _is_any(meter, _reduced(meter, texts[0] or ("*",)), texts[1])
    except EvaluationError as error:
        found = error.message
    return found, BUDGET - meter.left


_remembered = lru_cache(maxsize=8_192)(_found)


def _is_any(meter: Meter, fits: tuple[str, ...], never: tuple[str, ...]) -> bool:
    exact = next((each for each in fits if not _WILD.search(each)), None)
    if exact is not None:
        inside = all(_run(meter, each, exact) for each in fits)
        return inside and not any(_run(meter, each, exact) for each in never)
    if len(fits) == 1:
        only = fits[0]
        if any(_takes_in(meter, each, only) for each in never):
            return False
        fresh = only.replace("?", _OTHER).replace("*", _OTHER * 2)
        if not any(_run(meter, each, fresh) for each in never):
            return True
    elif _begin_otherwise(fits):
        return False
    return _walk(meter, fits, never)


def _begin_otherwise(fits: Sequence[str]) -> bool:
    """Whether the texts of two patterns surely begin in different ways."""
    heads = sorted((_WILD.split(each, maxsplit=1)[0] for each in fits), key=len)
    return any(
        not longer.startswith(shorter)
        for at, shorter in enumerate(heads)
        for longer in heads[at + 1 :]
    )


def _reduced(meter: Meter, fits: tuple[str, ...]) -> tuple[str, ...]:
    """The patterns without those that take in another of them."""
    if len(fits) == 1:
        return fits
    kept: list[str] = []
    for number, each in enumerate(fits):
        others = kept + list(fits[number + 1 :])
        if not any(_takes_in(meter, each, other) for other in others):
            kept.append(each)
    return tuple(kept)


def _walk(meter: Meter, fits: Sequence[str], never: Sequence[str]) -> bool:
    """Look for a text, character by character, through what all patterns make of it."""
    inside, outside = [_automaton(each) for each in fits], [_automaton(each) for each in never]
    start = (1,) * (len(inside) + len(outside))
    seen, waiting = {start}, [start]
    while waiting:
        state = waiting.pop()
        within, without = state[: len(inside)], state[len(inside) :]
        if _ends(inside, within) == len(inside) and not _ends(outside, without):
            return True
        for character in _next(inside, within, outside):
            meter.charge(len(state))
            after = tuple(
                machine.step(each, character)
                for machine, each in zip((*inside, *outside), state, strict=True)
            )
            if after not in seen and all(after[: len(inside)]):
                seen.add(after)
                waiting.append(after)
        if len(seen) > MAX_STATES:
            raise EvaluationError("these patterns are too many to weigh against each other")
    return False


def _ends(machines: Sequence[_Automaton], states: Sequence[int]) -> int:
    pairs = zip(machines, states, strict=True)
    return sum(bool(state & machine.last) for machine, state in pairs)


def _next(
    inside: Sequence[_Automaton], within: Sequence[int], outside: Iterable[_Automaton]
) -> Iterator[str]:
    """The characters worth trying; the last is the first to be tried."""
    for machine, state in zip(inside, within, strict=True):
        if not state & (machine.loops | machine.any_one):
            moving = machine.accepts.items()
            yield from [character for character, bits in moving if bits & state]
            return
    named = {character for machine in (*inside, *outside) for character in machine.accepts}
    yield from sorted(named - {_STAR})
    yield _OTHER


def within(meter: Meter, pattern: str, patterns: Iterable[str]) -> bool:
    """Whether every text of the pattern fits at least one of the others."""
    return not is_any(meter, ((pattern,), tuple(patterns)))
