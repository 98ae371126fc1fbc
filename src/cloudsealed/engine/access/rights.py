"""What somebody may do who holds some documents, within some boundaries.

Source: the AWS IAM user guide, "Policy evaluation logic": what a document allows and none denies,
and only what each boundary allows too. A right on one thing that is named is told from a right on
all that a pattern covers. Refuses the documents of resources, organizations and sessions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from cloudsealed.engine.access.limits import denies, left_by
from cloudsealed.engine.access.patterns import EVERY, Texts, covers, is_any, widest, within
from cloudsealed.engine.access.statements import (
    Element,
    Region,
    Statement,
    escapes,
    in_one_partition,
    raw_statements,
    statement_of,
    texts,
)
from cloudsealed.engine.access.things import OWN_ACCOUNT, Things, names_one
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.values import Value

Extent: TypeAlias = Literal["one", "several", "all"]

_ACCOUNT: Final = re.compile(r"(arn:[^:]*:iam:[^:]*:)\d{12}:")
_SOME_ACCOUNT: Final = re.compile(r":(\d{12}):")
_OWN_NAME: Final = "${aws:username}"
_WILD: Final = re.compile(r"[*?]")


class Want(NamedTuple):
    """An action on things that fit a pattern: on one, on more than patterns name, or on all.

    `all` are those of an account. With `own`, the holder itself is as good as several; `at_home`
    says that the things are of the holder's account. `facts` are what the holder can choose keys of
    the request to be.
    """

    action: str
    reach: str = "*"
    extent: Extent = "one"
    own: bool = False
    at_home: bool = False
    facts: tuple[tuple[str, tuple[str, ...]], ...] = ()


class Patterns(NamedTuple):
    """The resources that fit one of the patterns, or (`negated`) none."""

    patterns: tuple[str, ...]
    negated: bool


class _Said(NamedTuple):
    """A statement; `wild` are its patterns of actions by service, "" those of several services."""

    effect: str
    exact: frozenset[str]
    wild: Mapping[str, Sequence[str]]
    negated: bool
    text: dict[str, Any]

    def is_about(self, meter: Meter, action: str) -> bool:
        patterns = (*self.wild.get("", ()), *self.wild.get(action.partition(":")[0], ()))
        found = action in self.exact or any(covers(meter, each, action) for each in patterns)
        return found != self.negated


class Holder:
    """The rights of some documents within some boundaries; no boundary limits nothing."""

    def __init__(
        self, meter: Meter, documents: Sequence[Value], boundaries: Sequence[Value]
    ) -> None:
        self._meter = meter
        self._layers = [[*self._read(documents)], *([*self._read([each])] for each in boundaries)]
        self._known: dict[Want, bool] = {}
        self._there: dict[Texts, bool] = {}
        self._left: dict[tuple[Texts, tuple[Element, ...]], bool] = {}

    def _read(self, documents: Sequence[Value]) -> Iterator[_Said]:
        for document in documents:
            for _, text in raw_statements(self._meter, document):
                negated = "Action" not in text and "NotAction" in text
                name = "NotAction" if negated else "Action"
                actions = [each.lower() for each in texts(self._meter, text.get(name), name)]
                wild: dict[str, list[str]] = {}
                for each in filter(_WILD.search, map(widest, actions)):
                    service = each.partition(":")[0]
                    wild.setdefault("" if _WILD.search(service) else service, []).append(each)
                yield _Said(text["Effect"], frozenset(actions), wild, negated, text)

    def may(self, want: Want) -> bool:
        """Whether the holder may do it."""
        if want not in self._known:
            self._known[want] = self._may((want,))
        return self._known[want]

    def may_on_one(self, wants: Sequence[Want]) -> bool:
        """Whether the holder may do all of it on one and the same thing, which may be named."""
        return self._may(wants)

    def _may(self, wants: Sequence[Want]) -> bool:
        alone = len(wants) == 1
        pairs = [(want, layer) for want in wants for layer in self._layers]
        if any(next(self._about(want, layer, "Allow"), None) is None for want, layer in pairs):
            return False
        found = [each for each in [Things().fitting(self._meter, wants[0].reach)] if each]
        for want, layer in pairs:
            found = self._joined(found, self._allowed(want, layer, alone=alone))
        denied: list[Statement] = []
        for want, layer in pairs:
            for said in self._denying(want, layer):
                if "NotResource" in said.text:
                    found = self._joined(found, [self._patterns(said, want, alone=True)])
                else:
                    denied.append(_denial(said, want, self._meter))
        return any(self._is_left(each.texts(), denied) for each in found)

    def _joined(self, found: Sequence[Things], sets: Iterable[Patterns]) -> list[Things]:
        """What of each is in each of the sets, without what is nothing."""
        joined: dict[Things, None] = {}
        for patterns, negated in sets:
            for each in found:
                if negated:
                    joined[each.outside(patterns)] = None
                    continue
                fitting = (each.fitting(self._meter, pattern) for pattern in patterns)
                joined |= dict.fromkeys(filter(None, fitting))
        return [each for each in joined if self._is_there(each.texts())]

    def _is_there(self, things: Texts) -> bool:
        if things not in self._there:
            self._there[things] = is_any(self._meter, things)
        return self._there[things]

    def _is_left(self, things: Texts, denied: Sequence[Statement]) -> bool:
        key = (things, tuple(each.resources for each in denied))
        if key not in self._left:
            self._left[key] = escapes(self._meter, Region(EVERY, things), denied)
        return self._left[key]

    def _about(self, want: Want, layer: Sequence[_Said], effect: str) -> Iterator[_Said]:
        action = want.action.lower()
        for said in layer:
            if said.effect == effect and said.is_about(self._meter, action):
                yield said

    def _allowed(self, want: Want, layer: Sequence[_Said], *, alone: bool) -> Iterator[Patterns]:
        """The resources on which the statements of a layer allow it."""
        wanted = ("all", "some") if want.extent == "one" and alone else ("all",)
        foreign = want.reach.startswith("arn:aws:iam:") and not want.at_home
        for said in self._about(want, layer, "Allow"):
            if left_by(self._meter, said.text, dict(want.facts), foreign=foreign) in wanted:
                negated = "Resource" not in said.text and "NotResource" in said.text
                yield Patterns(self._patterns(said, want, alone=alone).patterns, negated)

    def _patterns(self, said: _Said, want: Want, *, alone: bool) -> Patterns:
        """What a statement names: of an Allow's Resource and a Deny's NotResource, which leave
        something, those that leave enough; of the others, those that surely are what they say."""
        name = "Resource" if "Resource" in said.text else "NotResource"
        patterns = texts(self._meter, said.text.get(name), name)
        if (said.effect == "Allow") == (name == "Resource"):
            kept = [each for each in patterns if _counts(self._meter, each, want, alone)]
        else:
            kept = [each for each in patterns if "${" not in each]
        written = (in_one_partition(_own(want, widest(each))) for each in kept)
        return Patterns(tuple(written), negated=False)

    def _denying(self, want: Want, layer: Sequence[_Said]) -> Iterator[_Said]:
        for said in self._about(want, layer, "Deny"):
            if denies(self._meter, said.text, dict(want.facts)):
                yield said


def _denial(said: _Said, want: Want, meter: Meter) -> Statement:
    """A Deny about all actions, on what it names."""
    named = [_own(want, each) for each in texts(meter, said.text.get("Resource"), "Resource")]
    return statement_of(meter, 0, {"Effect": "Deny", "Action": "*", "Resource": named})


def _own(want: Want, pattern: str) -> str:
    """The pattern, with the account that things of IAM are always in."""
    return _ACCOUNT.sub(rf"\g<1>{OWN_ACCOUNT}:", pattern) if want.at_home else pattern


def _counts(meter: Meter, pattern: str, want: Want, alone: bool) -> bool:
    """Whether a pattern that leaves something leaves enough; joined with other actions, a pattern
    about the holder itself is not taken for one about anybody."""
    if want.own and _OWN_NAME in pattern:
        return True
    if not alone:
        return "${" not in pattern
    if want.extent == "all":
        return _takes_in_all(meter, pattern, want.reach)
    return want.extent == "one" or not names_one(pattern)


def _takes_in_all(meter: Meter, pattern: str, reach: str) -> bool:
    """Whether a pattern takes in all of the things in reach that an account has, in all regions or
    in the one that it names."""
    own, named = reach.split(":", 5), pattern.split(":", 5)
    if len(own) == len(_FIELDS):
        account = _SOME_ACCOUNT.search(pattern)
        own[4] = (account[1] if account else OWN_ACCOUNT) if own[4] == "*" else own[4]
        region = named[3] if len(named) == len(_FIELDS) else ""
        own[3] = region if own[3] == "*" and region and not _WILD.search(region) else own[3]
    return within(meter, ":".join(own), (in_one_partition(widest(pattern)),))


_FIELDS: Final = ("arn", "partition", "service", "region", "account", "resource")
