"""The form of policy and framework files: every field, what it may hold, and the text for editors.

The one place where a name, a pattern, a choice or a limit of such a file is written. It reads
nothing itself and says nothing of what an expression means.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from cloudsealed.packs.model import EFFORTS, SCOPES
from cloudsealed.packs.shapes import (
    Anything,
    Flag,
    Free,
    Many,
    Named,
    Number,
    Part,
    Record,
    Shape,
    Text,
    words,
)
from cloudsealed.vocabulary import Dimension, Outcome, Severity

KEY = r"[a-z0-9]+(?:-[a-z0-9]+)*"
TYPE = r"[a-z0-9]+(?:\.[a-z0-9_]+)+"
EXAMPLE_OUTCOMES = (Outcome.FAIL, Outcome.PASS, Outcome.NOT_APPLICABLE)

_must = partial(Part, needed=True)


def policy_form(types: Iterable[str] | None = None) -> Record:
    """Return the form of a policy file; with `types`, it may name no other resource type.

    The fields stand in the order in which the built-in files have them.
    """
    kind = Text(TYPE) if types is None else words(types)
    return Record({
        "key": _must(Text(KEY), "Its name: a-z, 0-9 and single dashes, unique in the tenant."),
        "version": Part(Number(), "Counts the changes of what the policy means.", default=1),
        "title": _must(Text(), "What is wrong, in one line."),
        "dimension": _must(words(Dimension), "Which way of looking the policy belongs to."),
        "severity": _must(words(Severity), "How much a finding matters."),
        "resource_types": _must(
            Many(kind, least=1, distinct=True), "The types of resources that are judged."
        ),
        "description": _must(Text(), "Why it matters: what can happen as long as it is so."),
        "params": Part(
            Named(Anything()), "Values that expressions read as `params.NAME`; users may set them."
        ),
        "related": Part(
            Named(_relation(kind)), "Lists of other resources, read as `related.NAME`."
        ),
        "applies_when": Part(Text(), "CEL; where it is false the outcome is not_applicable."),
        "fail_when": _must(Text(), "CEL; where it is true the resource fails."),
        "message": Part(
            Text(), "A finding's title, with paths in braces: `Bucket {resource.Name} is open`."
        ),
        "remediation": Part(_REMEDIATION, "How a finding is cured."),
        "references": Part(_DISTINCT, "Where the rule comes from: title or address.", default=()),
        "discriminator": Part(
            Text(), "Stands in a finding's fingerprint beside the key and the resource."
        ),
        "formerly": Part(
            Many(Text(KEY), distinct=True), "Keys that the policy had before.", default=()
        ),
        "examples": Part(
            _EXAMPLES, "Documents and the outcome that the policy gives for each; the clock is "
            "2026-01-01T00:00:00Z."
        ),
    })  # fmt: skip


def _relation(kind: Shape) -> Record:
    parts = {
        "type": _must(kind, "The type of the other resources."),
        "from": Part(Text(), "JMESPath on this resource; it is joined with `key`."),
        "key": Part(Text(), "JMESPath on the other resource; it equals one of `from`."),
        "scope": Part(words(SCOPES), "How far the others may be away.", default="account"),
    }
    return Record(parts, together=("from", "key"))


_DISTINCT = Many(Text(), distinct=True)

_REMEDIATION = Record({
    "summary": _must(Text(), "What to do, in a sentence or two."),
    "cli": Part(Text(), "A command that does it, with `<PLACEHOLDER>`s."),
    "terraform": Part(Text(), "The same as HCL."),
    "effort": _must(words(EFFORTS), "How much work it is."),
})  # fmt: skip

_EXAMPLE = Record({
    "resource": _must(Free(), "A document of one of the resource types."),
    "related": Part(Named(Many(Free())), "Documents of each relation; one left out is empty."),
})  # fmt: skip

_EXAMPLES = Record(
    {
        outcome.value: Part(
            Many(_EXAMPLE, least=1), f"Examples whose outcome is {outcome.value}.", default=()
        )
        for outcome in EXAMPLE_OUTCOMES
    },
    least=1,
)

_CONTROL = Record({
    "id": _must(Text()),
    "title": _must(Text()),
    "level": Part(Number(), default=1),
    "policies": Part(Many(Text(KEY), distinct=True), default=()),
    "manual": Part(Flag(), default=False),
})  # fmt: skip

_SECTION = Record({
    "id": _must(Text()),
    "title": _must(Text()),
    "controls": Part(Many(_CONTROL), default=()),
})  # fmt: skip

FRAMEWORK = Record({
    "key": _must(Text(r"[a-z0-9.]+(?:-[a-z0-9.]+)*")),
    "title": _must(Text()),
    "version": _must(Text()),
    "source": _must(Text()),
    "provider": _must(Text()),
    "sections": Part(Many(_SECTION), default=()),
})  # fmt: skip
"""The form of a framework file."""


def policy_schema(types: Iterable[str]) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a policy file that may name `types`.

    What depends on another field it cannot say, and the reader checks it alone: expressions, and
    that an example's relations are those of the policy.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "CloudSealed policy",
        "description": "A check as a file: it raises a finding for every resource that fails.",
        **policy_form(types).schema(),
    }
