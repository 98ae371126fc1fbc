"""What the conditions of an identity's statement leave of it.

An identity's documents do not say who asks and from where: a condition on that (a second factor, an
address, a tag of the holder) is met by the holder: the right stays, and a Deny that only it lifts
does not take the right away. A condition on what is touched (its tags, its boundary) leaves some
things; a negated one leaves all but some. Source: the AWS IAM user guide, "AWS global condition
context keys" (properties of the principal, of the session, of the network, of the resource, of the
request) and "IAM JSON policy elements: Condition operators". Refuses to know principals.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

from cloudsealed.engine.access.conditions import Line, compares, lines, now_text
from cloudsealed.engine.meter import Meter

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
        *("aws:Ec2InstanceSourcePrivateIPv4", "aws:UserAgent", "aws:Referer"),
        *("aws:RequestedRegion", "sts:ExternalId", "sts:RoleSessionName"),
        *("sts:SourceIdentity", "sts:TransitiveTagKeys", "saml:aud", "kms:CallerAccount"),
    )
)
"""Keys about who asks, when, from where, or what the holder writes: met by the holder."""
_CLOCK: Final = ("aws:currenttime", "aws:epochtime")
_HOLDERS_TAG: Final = "aws:principaltag/"
_OWNERS: Final = frozenset({"aws:resourceaccount", "aws:resourceorgid", "aws:resourceorgpaths"})
"""Keys about whose the thing is: they leave all that the holder's own account has."""


def left_by(
    meter: Meter, statement: dict[str, Any], facts: Facts, *, foreign: bool = False
) -> Leaves:
    """What the conditions of an Allow leave of it; `foreign` of what other accounts have too."""
    found = {_left_by(meter, line, facts, foreign) for line in lines(meter, statement)}
    return "nothing" if "nothing" in found else "some" if "some" in found else "all"


def _left_by(meter: Meter, line: Line, facts: Facts, foreign: bool) -> Leaves:
    if line.key in _CLOCK:
        return "all" if line.met_with(compares(meter, line, now_text(meter.now))) else "nothing"
    if line.key in facts:
        met = any(line.met_with(compares(meter, line, fact)) for fact in facts[line.key])
        return "all" if met else "nothing"
    if _is_holders(line):
        return "all"
    if line.key in _OWNERS:
        return "some" if foreign else "all"
    return "all" if _spares(line) else "some"


def denies(meter: Meter, statement: dict[str, Any], facts: Facts) -> bool:
    """Whether a Deny keeps the holder from all that it is about, or from all but some of that."""
    return all(_denies(meter, line, facts) for line in lines(meter, statement))


def _denies(meter: Meter, line: Line, facts: Facts) -> bool:
    if line.key in _CLOCK:
        return line.met_with(compares(meter, line, now_text(meter.now)))
    if line.key in facts:
        return all(line.met_with(compares(meter, line, fact)) for fact in facts[line.key])
    return _spares(line) and not (_is_holders(line) or line.key in _OWNERS)


def _is_holders(line: Line) -> bool:
    return line.key in _HOLDER or line.key.startswith(_HOLDERS_TAG)


def _spares(line: Line) -> bool:
    """Whether a line is met by all but some things."""
    return line.negated or (line.operator == "null" and "true" in line.values)
