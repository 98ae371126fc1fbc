"""What an audit decides in spite of gaps is so whatever was not read: every completion is tried.

`python -m tests.audits.judging.test_gaps CLOUDS [SEED]` tries more, and stops at the first
contradiction.
"""

from __future__ import annotations

import itertools
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.audits.kept import Kept, Snapshot, judged, listing

from cloudsealed.audits.model import Target
from cloudsealed.policies.body import read_policy_body
from cloudsealed.policies.model import PolicyVersion
from cloudsealed.vocabulary import Outcome, PolicyKind

QUEUE, TOPIC = "aws.sqs.queue", "aws.sns.topic"
NEAR, FAR = "eu-west-1", "us-east-1"
PARTIAL = "000000000000"
RELATED = {
    "topics": {"type": TOPIC},
    "near": {"type": TOPIC, "scope": "region"},
    "joined": {"type": TOPIC, "from": "Attributes.Dead", "key": "Attributes.Owner"},
    "queues": {"type": QUEUE, "from": "QueueUrl", "key": "Attributes.Dead"},
}
ATOMS = (
    "resource.Attributes.Dead == 'b'",
    "has(resource.Attributes)",
    "get(resource, 'Attributes.Dead', 'a') == 'a'",
    "tag(resource, 'env') == 'prod'",
    "resource.QueueUrl == 'a'",
    "related.topics.exists(t, get(t, 'Attributes.Owner', '') == 'b')",
    "related.topics.all(t, has(t.Attributes))",
    "related.topics.exists_one(t, t.TopicArn == 'a')",
    "size(related.topics) > 1",
    "size(related.topics) == 0",
    "size(related.near) > 0",
    "related.near.exists(t, t.TopicArn == resource.QueueUrl)",
    "size(related.joined) == 0",
    "size(related.joined) < 2",
    "related.joined.exists(t, t.TopicArn == 'a')",
    "size(related.queues) > 0",
    "related.queues.all(q, q.QueueUrl == 'b')",
    "'a' in related.topics.map(t, t.TopicArn)",
)
NAMES = "abc"
ATTRIBUTES: tuple[Any, ...] = (None, {}, *({"Dead": name, "Owner": name} for name in NAMES))
MOST = 40
"""Completions of one account, of which some are tried where there are more."""


def gap(operation: str, region: str) -> dict[str, Any]:
    return {
        "kind": "call",
        "service": "sqs",
        "operation": operation,
        "account": PARTIAL,
        "region": region,
        "parameters": {},
        "outcome": "denied",
        "error_code": None,
        "action": None,
    }


@dataclass
class Thing:
    """A resource; `read` says which attributes were."""

    kind: str
    region: str
    name: str
    document: dict[str, Any]
    unread: set[str] = field(default_factory=set)

    def snapshot(self, account: str, **completed: Any) -> Snapshot:
        document = {k: v for k, v in (self.document | completed).items() if v is not None}
        lacking = self.unread - completed.keys()
        return {
            "provider": "aws",
            "account": account,
            "region": self.region,
            "type": self.kind,
            "native_id": f"{account}:{self.kind}:{self.region}:{self.name}",
            "name": self.name,
            "document": {k: v for k, v in document.items() if k not in lacking},
            "tags": {},
            "unread": {name: gap(f"Get{name}", self.region) for name in sorted(lacking)},
        }


def made(source: random.Random, kind: str, region: str, name: str) -> Thing:
    ident = "QueueUrl" if kind == QUEUE else "TopicArn"
    tags = [{"Key": "env", "Value": source.choice(["prod", "test"])}]
    attributes = source.choice(ATTRIBUTES)
    return Thing(kind, region, name, {ident: name, "Attributes": attributes, "Tags": tags})


class Estate:
    """A small account with at most three gaps, and every account that it may be."""

    def __init__(self, seed: int) -> None:
        self.random = source = random.Random(seed)
        self.things = [
            made(source, kind, region, name)
            for kind, region in ((QUEUE, NEAR), (TOPIC, NEAR), (TOPIC, FAR))
            for name in source.sample(NAMES, source.choice([0, 1, 1, 2]) + (kind == QUEUE))
        ]
        self.unlisted = source.choice(["", "", NEAR, FAR])
        self.left_out = source.random() < 0.2 and self.unlisted != FAR
        if self.left_out:
            self.things = [t for t in self.things if (t.kind, t.region) != (TOPIC, FAR)]
        rest = self.unlisted or (FAR if self.left_out else "")
        self.rests = [[]] if not rest else [[], *self._rests(rest)]
        lacking = source.sample(self.things, min(len(self.things), source.choice([0, 1, 1, 2])))
        for thing in lacking if len(self.rests) == 1 else lacking[:1]:
            thing.unread.add(source.choice(["Attributes", "Attributes", "Tags"]))

    def _rests(self, region: str) -> Iterator[list[Thing]]:
        def others(names: str, attributes: Any) -> list[Thing]:
            documents = ({"TopicArn": name, "Attributes": attributes} for name in names)
            return [Thing(TOPIC, region, f"{d['TopicArn']} of the rest", d) for d in documents]

        for attributes in ATTRIBUTES:
            yield from (others(names, attributes) for names in "abcd")
            yield from (others(names, attributes) for names in ("de", "def"))

    def domains(self) -> list[list[tuple[Thing, str, Any]]]:
        tags = [[], [{"Key": "env", "Value": "prod"}], [{"Key": "env", "Value": "test"}]]
        return [
            [(thing, name, value) for value in (tags if name == "Tags" else ATTRIBUTES)]
            for thing in self.things
            for name in sorted(thing.unread)
        ]

    def kept(self, most: int) -> tuple[Kept, int]:
        """The account as it was read, and so many completions, each as an account of its own."""
        every = list(itertools.product(self.rests, *self.domains()))
        chosen = self.random.sample(every, most) if len(every) > most else every
        blocks = [*self._lists(PARTIAL, {}, [], partial=True)]
        for number, (rest, *values) in enumerate(chosen, 1):
            completed: dict[int, dict[str, Any]] = {}
            for thing, name, value in values:
                completed.setdefault(id(thing), {})[name] = value
            blocks += self._lists(f"{number:012}", completed, rest)
        return Kept(blocks), len(chosen)

    def _lists(
        self,
        account: str,
        completed: dict[int, dict[str, Any]],
        rest: list[Thing],
        partial: bool = False,
    ) -> Iterator[Any]:
        for kind, region in ((QUEUE, NEAR), (QUEUE, FAR), (TOPIC, NEAR), (TOPIC, FAR)):
            if partial and self.left_out and (kind, region) == (TOPIC, FAR):
                continue
            here = [t for t in [*self.things, *rest] if (t.kind, t.region) == (kind, region)]
            denied = partial and kind == TOPIC and region == self.unlisted
            yield listing(
                kind,
                account,
                region,
                [t.snapshot(account, **completed.get(id(t), {})) for t in here],
                gap("ListTopics", region) if denied else None,
            )

    def targets(self, accounts: int) -> list[Target]:
        whole = [Target("con_a", f"{n:012}", "aws", (NEAR, FAR)) for n in range(1, accounts + 1)]
        seen, lacking = ((NEAR,), (FAR,)) if self.left_out else ((NEAR, FAR), ())
        return [Target("con_a", PARTIAL, "aws", seen, left_out=lacking), *whole]

    def formula(self, depth: int) -> str:
        if depth == 0 or self.random.random() < 0.2:
            return self.random.choice(ATOMS)
        if self.random.random() < 0.25:
            return f"!({self.formula(depth - 1)})"
        word = self.random.choice(["&&", "||"])
        return f"({self.formula(depth - 1)}) {word} ({self.formula(depth - 1)})"


def policy(key: str, fail_when: str, applies_when: str | None) -> PolicyVersion:
    body = {
        "key": key,
        "title": "t",
        "dimension": "security",
        "severity": "high",
        "resource_types": [QUEUE],
        "fail_when": fail_when,
        "related": RELATED,
    } | ({"applies_when": applies_when} if applies_when else {})
    return PolicyVersion(f"pol_{key}", key, 1, PolicyKind.CHECK, read_policy_body(body).words)


def tried(
    seed: int, policies: list[PolicyVersion], most: int = MOST
) -> Iterator[tuple[str, Outcome, set[Outcome]]]:
    """For each policy and queue: what was said of it, and what each completion says."""
    estate = Estate(seed)
    kept, accounts = estate.kept(most)
    found = judged(policies, kept, estate.targets(accounts))
    for thing in estate.things:
        if thing.kind != QUEUE:
            continue
        for each in policies:
            said = {
                number: found[account, each.key, thing.snapshot(account)["native_id"]]
                for number, account in enumerate(f"{n:012}" for n in range(accounts + 1))
            }
            completions = {said[number].outcome for number in range(1, accounts + 1)}
            assert bool(said[0].reasons) == (said[0].outcome is Outcome.UNKNOWN)
            yield f"{seed} {each.spec['fail_when']}", said[0].outcome, completions


def compound(seed: int) -> list[PolicyVersion]:
    estate = Estate(seed)
    applies = [estate.formula(1) if estate.random.random() < 0.3 else None for _ in range(4)]
    return [policy(f"p{n}", estate.formula(2), applies[n]) for n in range(4)]


def contradictions(seed: int) -> Iterator[tuple[str, Outcome, set[Outcome]]]:
    for named, said, completions in tried(seed, compound(seed)):
        if said is not Outcome.UNKNOWN and completions - {said, Outcome.UNKNOWN}:
            yield named, said, completions


def test_no_completion_contradicts_what_an_audit_decided_in_spite_of_gaps() -> None:
    assert [each for seed in range(30) for each in contradictions(seed)] == []


def test_what_every_completion_decides_alike_is_decided() -> None:
    atoms = [policy(f"a{n}", text, None) for n, text in enumerate(ATOMS)]
    found = [each for seed in range(12) for each in tried(seed, atoms, most=1_000)]
    alike = [each for each in found if len(each[2]) == 1]
    assert [each for each in alike if each[2] != {each[1]}] == []
    assert sum(said is Outcome.UNKNOWN for _, said, _ in found) > 30
    assert sum(Outcome.UNKNOWN not in completions for _, _, completions in alike) > 100


if __name__ == "__main__":
    clouds, first, *_ = [*map(int, sys.argv[1:]), 0]
    for seed in range(first, first + clouds):
        for each in contradictions(seed):
            sys.exit(str(each))
    print(f"{clouds:,} clouds, 0 contradictions")
