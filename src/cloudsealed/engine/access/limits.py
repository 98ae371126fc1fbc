"""What the conditions of an identity's statement leave of it.

An identity's documents do not say who asks and from where: a condition on that (a second factor, an
address, a tag of the holder) is met by the holder: the right stays, and a Deny that only it lifts
does not take the right away. A condition on what is touched (its tags, its boundary) leaves some
things; a negated one leaves all but some. Source: the AWS IAM user guide, "AWS global condition
context keys" (properties of the principal, of the session, of the network, of the resource, of the
request) and "IAM JSON policy elements: Condition operators". Refuses to know principals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from cloudsealed.engine.access.patterns import covers
from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.times import parse_datetime
from cloudsealed.engine.values import Value, describe

Leaves: TypeAlias = Literal["all", "some", "nothing"]
Facts: TypeAlias = Mapping[str, tuple[str, ...]]
"""What the holder can choose a key of the request to be, by the key in lower case."""

_HOLDER: Final = frozenset(
    key.lower()
    for key in (
        *("aws:MultiFactorAuthPresent", "aws:MultiFactorAuthAge", "aws:TokenIssueTime"),
        *("aws:SourceIp", "aws:SourceVpc", "aws:SourceVpce", "aws:SourceVpcArn", "aws:VpcSourceIp"),
        *("aws:VpceAccount", "aws:VpceOrgID", "aws:VpceOrgPaths", "aws:SecureTransport"),
        *("aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalType", "aws:PrincipalOrgID"),
        *("aws:PrincipalOrgPaths", "aws:PrincipalIsAWSService", "aws:userid", "aws:username"),
        *(
            "aws:FederatedProvider",
            "aws:SourceIdentity",
            "aws:AssumedRoot",
            "aws:Ec2InstanceSourceVpc",
        ),
        *("aws:Ec2InstanceSourcePrivateIPv4", "aws:UserAgent", "aws:Referer", "aws:EpochTime"),
        *("aws:CurrentTime", "aws:RequestedRegion", "sts:ExternalId", "sts:RoleSessionName"),
        *("sts:SourceIdentity", "sts:TransitiveTagKeys", "saml:aud"),
    )
)
"""Keys about who asks, when, from where, or what the holder writes: met by the holder."""
_HOLDERS_TAG: Final = "aws:principaltag/"
_OWNERS: Final = frozenset({"aws:resourceaccount", "aws:resourceorgid", "aws:resourceorgpaths"})
"""Keys about whose the thing is: they leave all that the holder's own account has."""


class Line(NamedTuple):
    """One line of a Condition: its operator (nothing said of absence), its key, its values."""

    operator: str
    key: str
    values: tuple[str, ...]

    @property
    def is_negated(self) -> bool:
        """Whether it holds for all but its values."""
        return "not" in self.operator or (self.operator == "null" and self.values == ("true",))


def lines(statement: Mapping[str, Any]) -> Iterator[Line]:
    """The lines of a statement's Condition; operator and key in lower case."""
    condition = statement.get("Condition") or {}
    if condition.__class__ is not dict:
        raise EvaluationError(f"a Condition must be a map, and this is {describe(condition)}")
    for operator, keys in condition.items():
        if keys.__class__ is not dict:
            raise EvaluationError(f"{operator} must be a map, and this is {describe(keys)}")
        plain = operator.lower().rpartition(":")[2].removesuffix("ifexists")
        for key, value in keys.items():
            yield Line(plain, key.lower(), tuple(_texts(value)))


def _texts(value: Value) -> Iterator[str]:
    for each in value if value.__class__ is list else [value]:
        yield str(each).lower() if each.__class__ is bool else str(each)


def left_by(
    meter: Meter, statement: Mapping[str, Any], facts: Facts, *, foreign: bool = False
) -> Leaves:
    """What the conditions of an Allow leave of it; `foreign` of what other accounts have too."""
    found = {_left_by(meter, line, facts, foreign) for line in lines(statement)}
    return "nothing" if "nothing" in found else "some" if "some" in found else "all"


def _left_by(meter: Meter, line: Line, facts: Facts, foreign: bool) -> Leaves:
    moment = _moment(meter, line)
    if moment is not None:
        return "all" if moment else "nothing"
    if line.key in facts:
        held = any(_holds(meter, line, fact) for fact in facts[line.key])
        return "all" if held else "nothing"
    if line.key in _HOLDER or line.key.startswith(_HOLDERS_TAG):
        return "all"
    if line.key in _OWNERS:
        return "some" if foreign else "all"
    return "all" if line.is_negated else "some"


def denies(meter: Meter, statement: Mapping[str, Any], facts: Facts) -> bool:
    """Whether a Deny keeps the holder from all that it is about, or from all but some of that."""
    return all(_denies(meter, line, facts) for line in lines(statement))


def _denies(meter: Meter, line: Line, facts: Facts) -> bool:
    moment = _moment(meter, line)
    if moment is not None:
        return moment
    if line.key in facts:
        return all(_holds(meter, line, fact) for fact in facts[line.key])
    known = line.key in _HOLDER or line.key in _OWNERS or line.key.startswith(_HOLDERS_TAG)
    return line.is_negated and not known


def _moment(meter: Meter, line: Line) -> bool | None:
    """Whether a line on the time holds at the audit's clock; None for other lines."""
    before = line.operator.startswith("datelessthan")
    if line.key != "aws:currenttime" or not (before or line.operator.startswith("dategreater")):
        return None
    moments = [each for each in map(_read, line.values) if each is not None]
    if not moments:
        return None
    return any((meter.now < each) if before else (meter.now > each) for each in moments)


def _read(text: str) -> datetime | None:
    try:
        return parse_datetime(text if "T" in text else f"{text}T00:00:00Z")
    except EvaluationError:
        return None


def _holds(meter: Meter, line: Line, fact: str) -> bool:
    if line.operator == "null":
        return line.values != ("true",)
    return _fits(meter, line, fact) != line.is_negated


def _fits(meter: Meter, line: Line, fact: str) -> bool:
    if line.operator in ("stringequals", "stringnotequals"):
        return fact in line.values
    return any(covers(meter, each.lower(), fact.lower()) for each in _patterns(line.values))


def _patterns(values: Sequence[str]) -> Iterator[str]:
    """Values as patterns; a policy variable may stand for anything."""
    for value in values:
        yield value if "${" not in value else "*"
