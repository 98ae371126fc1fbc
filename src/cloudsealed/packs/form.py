"""The form of policies and frameworks: every field, what it may hold, and the text for people.

The one place where a name, a pattern, a choice or a limit is written: files, bodies of the API, the
schema for editors, the API's document and the table of the guide follow it. It reads nothing itself
and says nothing of what an expression means.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from cloudsealed.kit.shapes import (
    Brief,
    Flag,
    Free,
    Many,
    Moment,
    Named,
    Number,
    Part,
    Record,
    Shape,
    Text,
    Use,
    words,
)
from cloudsealed.packs.expression import Expression
from cloudsealed.packs.model import EFFORTS, SCOPES
from cloudsealed.packs.templates import LIKE, WITH, texts
from cloudsealed.vocabulary import Dimension, Outcome, PolicyKind, Responsibility, Severity

KEY = r"[a-z0-9]+(?:-[a-z0-9]+)*"
TYPE = r"[a-z0-9]+(?:\.[a-z0-9_]+)+"
EXAMPLE_OUTCOMES = (Outcome.FAIL, Outcome.PASS, Outcome.NOT_APPLICABLE, Outcome.UNKNOWN)
RELATED = "related."

_must = partial(Part, needed=True)
_key = Text(KEY, longest=100, name="PolicyKey")
_paragraph = Text(longest=4000)
_expression = Expression()


def check_form(types: Iterable[str] | None = None) -> Record:
    """Return the form of a check; with `types`, it may name no other resource type.

    The fields stand in the order in which the built-in files have them.
    """
    kind = Text(TYPE, name="ResourceType") if types is None else words(types)
    return Record(
        {
            "kind": _kind(PolicyKind.CHECK),
            "key": _KEY,
            "version": Part(
                Number(),
                "Counts the changes of what the policy means; a server counts its own, and passes "
                "over what is said.",
                default=1,
                example=1,
            ),
            "title": _TITLE,
            "enabled": _ENABLED,
            "dimension": _must(
                words(Dimension),
                "Which way of looking the policy belongs to.",
                example="compliance",
            ),
            "severity": _must(words(Severity), "How much a finding matters.", example="medium"),
            "resource_types": _must(
                Many(kind, least=1, most=20, distinct=True),
                "The types of resources that are judged.",
                example=["aws.s3.bucket"],
            ),
            "description": Part(
                _paragraph,
                "Why it matters: what can happen as long as it is so.",
                example="Nobody answers for a bucket that has no owner.",
            ),
            "params": Part(
                Free(),
                "Values that expressions read as `params.NAME`; users may set them.",
                default={},
                example={"days": 90},
            ),
            "related": Part(
                Named(_relation(kind)),
                "Lists of other resources, read as `related.NAME`.",
                default={},
                example={"vpcs": {"type": "aws.ec2.vpc", "from": "VpcId", "key": "VpcId"}},
            ),
            "foreign": Part(
                Flag(),
                "Whether it also judges what another account owns and this one only uses, as a "
                "shared VPC; else the outcome of that is not_applicable.",
                default=False,
                example=False,
            ),
            "applies_when": Part(
                _expression,
                "CEL; where it is false the outcome is not_applicable.",
                example="tag(resource, 'env') == 'prod'",
            ),
            "applies_because": Part(
                _paragraph,
                "Why a state in `applies_when` cannot get worse by the problem itself; of "
                "built-in policies asked for where it reads one.",
            ),
            "fail_when": _must(
                _expression,
                "CEL; where it is true the resource fails.",
                example="tag(resource, 'owner') == null",
            ),
            "severity_when": Part(
                Many(_DEGREE, most=20),
                "Severities in other cases, each `{when, severity}`: the first that is true "
                "gives it, else `severity`.",
                default=[],
                example=[{"when": "tag(resource, 'env') == 'prod'", "severity": "high"}],
            ),
            "savings": Part(
                Many(_SAVED, most=20),
                "What a cure saves a month, each `{price, quantity}`: how much of what has a price "
                "by that name; below zero what it costs.",
                default=[],
                example=[{"price": "'ebs.storage.gp2'", "quantity": "resource.Size"}],
            ),
            "unpriced": Part(
                _paragraph,
                "Why nobody can say what a cure saves, for people; of a check of cost that has no "
                "`savings`.",
                example="It depends on how much of the traffic goes there.",
            ),
            "yields_to": Part(
                Many(_key, most=20, distinct=True),
                "Keys of more general policies: while one of them fails on the same resource, a "
                "finding of this one is suppressed and names the other's.",
                default=[],
                example=["aws-s3-bucket-public-read"],
            ),
            "message": Part(
                Text(),
                "A finding's title, with paths, or calls of functions, in braces: `Bucket"
                " {resource.Name} is open`.",
                example="Bucket {resource.Name} has no owner",
            ),
            "remediation": Part(
                _REMEDIATION,
                "How a finding is cured; a string is its `summary`.",
                example={"summary": "Tag the bucket with its owner", "effort": "low"},
            ),
            "controls": Part(
                Many(_SERVED, most=50),
                "The controls that it serves; of built-in policies the framework's file says them.",
                default=[],
                example=[{"framework": "cis-aws-5.0", "control": "2.1.4"}],
            ),
            "references": Part(
                Many(Text(), most=50, distinct=True),
                "Where the rule comes from: title or address.",
                default=[],
                example=["Data handling standard, section 4"],
            ),
            "equivalents": Part(
                Named(Many(Text(), least=1, most=50, distinct=True)),
                "Checks of other programs that look for the same, by the program's name.",
                default={},
                example={"prowler": ["s3_bucket_no_mfa_delete"]},
            ),
            "discriminator": Part(
                Text(),
                "Stands in a finding's fingerprint beside the key and the resource.",
                example="owner",
            ),
            "formerly": Part(
                Many(_key, distinct=True),
                "Keys that the policy had before.",
                default=[],
                example=["buckets-had-owners"],
            ),
            "examples": Part(
                _EXAMPLES,
                "Documents and the outcome that the policy gives for each; the clock is "
                "2026-01-01T00:00:00Z.",
                default={},
                example={"fail": [{"resource": {"Name": "invoices"}}]},
            ),
        }
    )


def _kind(*kinds: PolicyKind) -> Part:
    first = kinds[0].value
    return Part(
        words(kinds),
        "`check`; over the API also `classification`.",
        default=first,
        example=first,
        told=True,
    )


def _relation(kind: Shape) -> Record:
    parts = {
        "type": _must(kind, "The type of the other resources.", example="aws.ec2.vpc"),
        "from": Part(
            Text(),
            "JMESPath on this resource; it is joined with `key`: both, or neither.",
            example="VpcId",
        ),
        "key": Part(
            Text(), "JMESPath on the other resource; it equals one of `from`.", example="VpcId"
        ),
        "scope": Part(
            words(SCOPES),
            "How far the others may be away; `idle_regions`: in regions that hold nothing else.",
            default="account",
            example="region",
        ),
    }
    return Record(parts, together=("from", "key"), name="PolicyRelation")


_KEY = _must(
    _key,
    "Its name: a-z, 0-9 and single dashes, unique in the tenant.",
    example="buckets-have-owners",
)
_TITLE = _must(Text(longest=200), "What is wrong, in one line.", example="Buckets have owners")
_ENABLED = Part(Flag(), "Whether audits use it.", default=True, only=Use.API, example=True)

_DEGREE = Record(
    {
        "when": _must(
            _expression,
            "CEL, over the same names as `fail_when`; read of what fails.",
            example="size(related.instances) == 0",
        ),
        "severity": _must(
            words(Severity), "The severity of a finding where it is true.", example="critical"
        ),
    },
    name="PolicyDegree",
)

_SAVED = Record(
    {
        "price": _must(
            _expression,
            "CEL, the name of a price, as the tables of prices have it.",
            example="'ebs.storage.' + resource.VolumeType",
        ),
        "quantity": _must(
            _expression,
            "CEL, a number of its units: of what is paid by the hour, how many there are at once.",
            example="resource.Size",
        ),
    },
    name="PolicySaving",
)

_REMEDIATION = Brief(
    Record(
        {
            "summary": _must(
                replace(_paragraph, name="RemediationSummary"),
                "What to do, in a sentence or two.",
                example="Tag the bucket with its owner",
            ),
            "caution": Part(
                _paragraph,
                "What it deletes, cuts off or writes over, and for whom.",
                example="The command replaces all tags of the bucket.",
            ),
            "first": Part(
                _paragraph,
                "Commands to run before: they look, or keep what would be lost.",
                example="aws s3api get-bucket-tagging --bucket <BUCKET>",
            ),
            "cli": Part(
                _paragraph,
                "Commands that do it, one a line, with `<PLACEHOLDER>`s.",
                example="aws s3api put-bucket-tagging --bucket <BUCKET> --tagging <TAGS>",
            ),
            "terraform": Part(
                _paragraph,
                "The same as HCL.",
                example='resource "aws_s3_bucket" "b" {\n  tags = { owner = "data" }\n}',
            ),
            "effort": Part(words(EFFORTS), "How much work it is.", default="medium", example="low"),
        },
        name="PolicyRemediation",
    ),
    "summary",
    "RemediationBody",
)

_SERVED = Record(
    {
        "framework": _must(Text(), "The framework's key.", example="cis-aws-5.0"),
        "control": _must(Text(), "The control's id.", example="2.1.4"),
    },
    name="PolicyControl",
)

_DOCUMENTS = {
    "resource": _must(Free(), "A document of one of the resource types."),
    "related": Part(
        Named(Many(Free())), "Documents of each relation; one left out is empty.", default={}
    ),
    "unread": Part(
        Many(Text(rf"(?:{re.escape(RELATED)})?[A-Za-z_][A-Za-z0-9_]*", longest=100), distinct=True),
        "Attributes of the resource that could not be read, and `related.NAME` for a relation of"
        " which there may be more documents.",
        default=[],
    ),
}
_SEVERITY = Part(words(Severity), "The severity that it has.")


def _example(outcome: Outcome) -> Record:
    fails = {"severity": _SEVERITY} if outcome is Outcome.FAIL else {}
    return Record({**_DOCUMENTS, **fails})


_EXAMPLES = Record(
    {
        outcome.value: Part(
            Many(_example(outcome), least=1),
            f"Examples whose outcome is {outcome.value}.",
            default=[],
        )
        for outcome in EXAMPLE_OUTCOMES
    },
    least=1,
)

CLASSIFICATION = Record(
    {
        "kind": _kind(PolicyKind.CLASSIFICATION),
        "key": replace(_KEY, example="prod-is-critical"),
        "title": replace(_TITLE, example="Production is critical"),
        "enabled": _ENABLED,
        "when": _must(
            _expression,
            "CEL; where it is true the finding is classified.",
            example="tag(resource, 'env') == 'prod'",
        ),
        "set": Part(
            Record(
                {
                    "severity": _must(
                        words(Severity), "The severity that such a finding has.", example="critical"
                    )
                },
                name="ClassificationEffect",
            ),
            "What becomes of the finding; or `suppress`.",
            example={"severity": "critical"},
        ),
        "suppress": Part(
            Flag(), "Whether the finding does not count; or `set`.", default=False, example=False
        ),
        "reason": _must(
            Text(), "Why, for whoever sees such a finding.", example="Production is looked at first"
        ),
        "expires_at": Part(Moment(), "When it ends.", example="2026-12-31T00:00:00.000Z"),
    }
)
"""The form of a classification, which only the API takes."""

_CONTROL = Record(
    {
        "id": _must(Text()),
        "title": _must(Text()),
        "level": Part(Number(), default=1),
        "policies": Part(Many(_key, distinct=True), default=[]),
        "manual": Part(Flag(), default=False),
        "responsibility": Part(words(Responsibility), default=Responsibility.CUSTOMER.value),
    }
)

_SECTION = Record(
    {"id": _must(Text()), "title": _must(Text()), "controls": Part(Many(_CONTROL), default=[])}
)

FRAMEWORK = Record(
    {
        "key": _must(Text(r"[a-z0-9.]+(?:-[a-z0-9.]+)*", longest=100)),
        "title": _must(Text()),
        "version": _must(Text()),
        "source": _must(Text()),
        "provider": _must(Text()),
        "sections": Part(Many(_SECTION), default=[]),
        "services": Part(Named(Text()), default={}),
    }
)
"""The form of a framework file. With `services`, by the name in a policy's key what people call it,
it holds every policy of its provider, and has a section for each dimension."""


def file_schema(types: Iterable[str]) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a policy file that may name `types`.

    What depends on another field it cannot say, and the reader checks it alone: expressions, and
    that an example's relations are those of the policy.
    """
    schema = check_form(types).of(Use.FILE).schema()
    schema["properties"] |= _TEMPLATED
    needed = schema.pop("required")
    remedy = schema["properties"]["remediation"]["oneOf"][0]
    whole = {"properties": {"remediation": {"not": _lacking(remedy.pop("required"))}}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "CloudSealed policy",
        "description": "A check as a file: it raises a finding for every resource that fails.",
        **schema,
        "anyOf": [{"required": needed, **whole}, {"required": ["key", *_TEMPLATED]}],
    }


def _lacking(fields: list[str]) -> dict[str, Any]:
    """The schema of an object without one of these fields, which a template may fill in."""
    return {"type": "object", "not": {"required": fields}}


_TEMPLATED = {
    LIKE: {
        "description": "The template whose policies are of the same kind: what the file leaves out "
        "is as it says.",
        "enum": sorted(texts()),
    },
    WITH: {"description": "The template's parameters.", "type": "object"},
}


_FORMS = {PolicyKind.CHECK: check_form(), PolicyKind.CLASSIFICATION: CLASSIFICATION}
_WITHOUT_DEFAULT = {"kind", "version"}
"""Fields of a body whose default says nothing: one is needed, one a server passes over. Generated
clients take a field with a default for one that is always there."""
_SHOWN = ("set",)
"""Fields without which a body is refused although none of them alone is needed."""


def body_schema(kind: PolicyKind) -> dict[str, Any]:
    """Return the JSON Schema of the API's body that makes a policy of one kind.

    It asks for `kind`, by which clients tell the two apart; the reader takes a check without it.
    """
    form = _FORMS[kind].of(Use.API)
    schema = _without_conditions(form.schema())
    schema["required"] = ["kind", *schema["required"]]
    for name in _WITHOUT_DEFAULT & schema["properties"].keys():
        del schema["properties"][name]["default"]
    names = (*schema["required"], *(name for name in _SHOWN if name in form.known))
    return {**schema, "examples": [{name: form.parts[name].example for name in names}]}


def _without_conditions(node: Any) -> Any:
    """Return a schema without what it says of several fields of an object together: generators of
    clients make types of it that nobody can write. The reader holds it all the same."""
    if isinstance(node, list):
        return [_without_conditions(each) for each in node]
    if not isinstance(node, dict):
        return node
    left_out = ("anyOf",) if "properties" in node else ()
    return {name: _without_conditions(each) for name, each in node.items() if name not in left_out}


def change_schema() -> dict[str, Any]:
    """Return the JSON Schema of the API's body that changes a policy: the fields of both kinds.

    None is needed, and one that is left out stays as it is. Which of them a kind has, the reader
    checks.
    """
    forms = [form.of(Use.API).known for form in _FORMS.values()]
    parts = {**forms[0], **forms[1], "kind": _kind(*PolicyKind)}
    schema = _without_conditions(Record(parts).schema())
    del schema["required"]
    for part in schema["properties"].values():
        part.pop("default", None)
    return {**schema, "examples": [{"enabled": False}]}
