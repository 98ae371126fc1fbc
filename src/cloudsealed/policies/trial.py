"""Whether a policy's own examples end as they say.

Those that come by the API are judged in a process of its own, as `kit.confined` bounds it: whoever
sends them gets an answer within seconds, and nobody else waits.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from cloudsealed.collectors.attributes import attributes_of
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.engine import Judgement, PartialList, Rule, Unknown
from cloudsealed.kit.confined import ConfinedError, run_confined
from cloudsealed.packs import EXAMPLES_AT, RELATED, Example, examples_of
from cloudsealed.policies.model import InvalidPolicyExampleError
from cloudsealed.policies.rules import compile_check
from cloudsealed.storage.database import ServiceUnavailableError

SECONDS = 10.0
MEMORY = 512 * 1024 * 1024
AT_ONCE = 4
_slots = threading.BoundedSemaphore(AT_ONCE)
"""Of a process: a change of a policy that has examples waits in a thread that others need."""


@dataclass(frozen=True, slots=True)
class Trial:
    """An example and how it ended: its place among those of its outcome, from 0, what it came to in
    words, and whether that is what it says."""

    example: Example
    index: int
    ended: str
    right: bool

    @property
    def wrong(self) -> str:
        """What is wrong with it, in words."""
        wanted = str(self.example.outcome)
        if self.example.severity:
            wanted = f"{wanted}, {self.example.severity}"
        return f"should be {wanted} and is {self.ended}"


def judged(rule: Rule, example: Example) -> Judgement:
    """Judge an example, with gaps where it says that something could not be read."""
    if not example.unread:
        return rule.judge(example.resource, example.related, now=EXAMPLES_AT)
    reasons: frozenset[Hashable] = frozenset({"unread"})
    resource: dict[str, Any] = dict(example.resource)
    related: dict[str, Any] = dict(example.related)
    for name in example.unread:
        relation = name.removeprefix(RELATED)
        if relation != name:
            related[relation] = PartialList(list(related[relation]), reasons)
        else:
            resource[name] = Unknown(reasons)
    return rule.judge_partly(resource, related, now=EXAMPLES_AT)


def trials(rule: Rule, examples: tuple[Example, ...], severity: str) -> Iterator[Trial]:
    """Judge examples in their order; `severity` is the policy's own."""
    counted: dict[str, int] = {}
    for example in examples:
        index = counted[example.outcome] = counted.get(example.outcome, -1) + 1
        judgement = judged(rule, example)
        outcome = "unknown" if judgement.outcome == "error" else judgement.outcome
        found = judgement.severity or severity
        right = outcome == example.outcome and example.severity in (None, found)
        detail = judgement.message or (judgement.error.message if judgement.error else "")
        said = f"{outcome}, {found}" if example.severity else outcome
        yield Trial(example, index, f"{said} {detail}".rstrip(), right)


def refuse_wrong_examples(words: Mapping[str, Any]) -> None:
    """Raise InvalidPolicyExampleError for the examples of a check that end otherwise than they say,
    and for those that take too long; ServiceUnavailableError when enough others are judged."""
    if not words.get("examples"):
        return
    if not _slots.acquire(blocking=False):
        raise ServiceUnavailableError("Other examples are being judged: try again in a moment")
    try:
        made = run_confined(__name__, {"words": dict(words)}, seconds=SECONDS, memory=MEMORY)
    except ConfinedError as error:
        raise InvalidPolicyExampleError([("examples", f"cannot be judged {error}")]) from error
    finally:
        _slots.release()
    if wrong := orjson.loads(made):
        raise InvalidPolicyExampleError(wrong)


def prepare() -> None:
    """Have what orders need that is made when it is first used."""
    for name in RESOURCE_TYPES:
        attributes_of(name)


def answer(order: Mapping[str, Any]) -> bytes:
    """Judge an order's examples, in the process that `kit.confined` has for it."""
    words = order["words"]
    examples = examples_of(words["examples"], tuple(words["related"]))
    wrong = [
        (f"examples.{trial.example.outcome}[{trial.index}]", trial.wrong)
        for trial in trials(compile_check(words), examples, words["severity"])
        if not trial.right
    ]
    return orjson.dumps(wrong)
