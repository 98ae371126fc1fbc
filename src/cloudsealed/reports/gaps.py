"""What an audit could not read, in sentences that name things, places and the cure.

Pure: the collectors' rows say what a call would have told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.reports.language import said, worded
from cloudsealed.reports.model import Document
from cloudsealed.vocabulary import CallOutcome

_PLACES = 3
_NAMES = {
    "autoscaling": "Auto Scaling",
    "cloudformation": "CloudFormation",
    "cloudtrail": "CloudTrail",
    "cloudwatch": "CloudWatch",
    "config": "Config",
    "dynamodb": "DynamoDB",
    "elbv2": "ELB",
    "guardduty": "GuardDuty",
    "lambda": "Lambda",
    "logs": "CloudWatch Logs",
    "route53": "Route 53",
    "secretsmanager": "Secrets Manager",
}
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def sentence(gap: Mapping[str, Any]) -> Document:
    """Return a gap of an audit's coverage as a sentence."""
    if gap["outcome"] == CallOutcome.REGION_DENIED:
        return said(
            "A policy denies everything in {places}; {effect}.",
            places=_places(gap["places"]),
            effect=_effect(gap),
        )
    return said(
        "CloudSealed could not read {what} in {places}, because {why}; {effect}.",
        what=_what(gap),
        places=_places(gap["places"]),
        why=_why(gap),
        effect=_effect(gap),
    )


def _what(gap: Mapping[str, Any]) -> Document:
    call = (gap["service"], gap["operation"])
    if call not in _filled() and call in _together():
        return said("the list of {things}", things=_named(_together()[call]))
    kind, attributes = _filled().get(call, (gap["operation"], ()))
    many = gap["calls"] != 1
    things = thing(kind, many=many or not attributes)
    if not attributes:
        return said("the list of {things}", things=things)
    one, more = worded("the {attribute} of one {things}"), worded("the {attribute} of {n} {things}")
    named = _named(attributes)
    return said(more if many else one, attribute=named, n=gap["calls"], things=things)


def _why(gap: Mapping[str, Any]) -> Document:
    if gap["outcome"] == CallOutcome.DENIED:
        return said("{action} is denied", action=gap["action"])
    if gap["outcome"] == CallOutcome.DENIED_BY_ORGANIZATION:
        return said("a policy of the organisation denies {action}", action=gap["action"])
    if gap["outcome"] == CallOutcome.THROTTLED:
        return said("the cloud throttled {action} for too long", action=gap["action"])
    return said("{action} failed ({error})", action=gap["action"], error=gap["error_code"] or "?")


def _effect(gap: Mapping[str, Any]) -> Document:
    if gap["verdicts"] == 0:
        return said("nothing there was judged")
    if gap["verdicts"] == 1:
        return said("one verdict is unknown")
    return said("{n} verdicts are unknown", n=gap["verdicts"])


def _places(places: Sequence[str]) -> str | Document:
    """Return accounts with their regions, `global` left out as it says no more."""
    named = [p.removesuffix("/global").replace("/", " ") for p in places]
    shown = ", ".join(named[:_PLACES])
    if len(named) > _PLACES:
        return said("{places} and {n} more places", places=shown, n=len(named) - _PLACES)
    return shown


def thing(kind: str, *, many: bool) -> str:
    """Return a resource type in English: `S3 buckets` for `aws.s3.bucket`."""
    service, _, name = kind.partition(".")[2].rpartition(".")
    if not name.islower():
        return kind
    noun = name.replace("_", " ")
    if many and noun.endswith("y"):
        noun = noun[:-1] + "ies"
    elif many and not noun.endswith("settings"):
        noun += "es" if noun.endswith("s") else "s"
    return f"{_NAMES.get(service, service.upper())} {noun}".strip()


def _named(attributes: Iterable[str]) -> str:
    return ", ".join(" ".join(map(_lower, _WORDS.findall(name))) for name in attributes)


def _lower(word: str) -> str:
    return word if len(word) > 1 and word.isupper() else word.lower()


@cache
def _filled() -> Mapping[tuple[str, str], tuple[str, tuple[str, ...]]]:
    """Return, by call, the resource type it is made for and the attributes that it fills."""
    return dict(_calls())


@cache
def _together() -> Mapping[tuple[str, str], Iterable[str]]:
    """Return what each list says that stands in for calls: attributes, by call."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for row in RESOURCE_TYPES.values():
        for each in row.together:
            found.setdefault((each.service, each.operation), {}).update(dict.fromkeys(each.fills))
    return found


def _calls() -> Iterator[tuple[tuple[str, str], tuple[str, tuple[str, ...]]]]:
    for row in RESOURCE_TYPES.values():
        for call in row.enrich:
            yield (row.service, call.operation), (row.type, tuple(call.fills))
    for row in RESOURCE_TYPES.values():
        if row.operation is not None:
            yield (row.service, row.operation), (row.type, ())
