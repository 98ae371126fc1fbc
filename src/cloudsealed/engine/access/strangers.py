"""Who everybody is: what a request of somebody whom the owner does not know may hold.

Source: the Amazon S3 user guide, "The meaning of public", and the AWS IAM user guide, "AWS global
condition context keys". A stranger has an account, an organisation, networks and resources of
their own, or none; never those that a policy names with fixed values. Where a pattern leaves a
part open that others can match, the guide calls the grant public; a Deny that exempts such a
pattern still keeps nearly everybody out, so there it counts as fixed. Keys that a caller sets as
they like (tags of the principal, referer, user agent) keep nobody out.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum, IntEnum
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import product
from math import prod
from operator import ge
from typing import Final, NamedTuple, TypeAlias

from cloudsealed.engine.access.conditions import Line, compares, now_text, surely_met
from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.meter import Meter

MAX_KINDS: Final = 1_024
"""Kinds of strangers that are weighed for one statement."""


class Reach(IntEnum):
    """How many callers a value that a policy writes takes in."""

    NAMED = 0
    """Those whom it names, and nobody else."""
    LOOSE = 1
    """Perhaps others, whose id happens to begin the same."""
    CHOSEN = 2
    """Everybody who names something of theirs so."""
    ALL = 3
    """Everybody."""


class Span(NamedTuple):
    """A stranger's place on the internet: somewhere between two addresses."""

    version: int
    first: int
    last: int


class Own(Enum):
    """What a stranger's request has for a key."""

    ABSENT = "nothing"
    OTHER = "a value of their own, which no fixed value of the policy is"


State: TypeAlias = Own | str | Span
Stranger: TypeAlias = Mapping[str, State]
"""What one kind of stranger has for the keys that tell callers apart."""

_WILD: Final = re.compile(r"[*?]")


def _identifier(prefix: str) -> Callable[[str], Reach]:
    """How far an id reaches that its owner does not choose; all such ids begin with `prefix`."""

    def reach(value: str) -> Reach:
        if not _WILD.search(value):
            return Reach.NAMED
        own = value.removeprefix(prefix).strip("*?")
        return Reach.LOOSE if own and not prefix.startswith(own) else Reach.ALL

    return reach


_organisation: Final = _identifier("o-")
_account: Final = _identifier("")


def _organisation_path(value: str) -> Reach:
    return _organisation(value.partition("/")[0])


def _name(value: str) -> Reach:
    """How far a name reaches that anybody may give."""
    if not _WILD.search(value):
        return Reach.NAMED
    return Reach.CHOSEN if value.strip("*?") else Reach.ALL


_ACCOUNT_AND_REST: Final = re.compile(r"\d{12}\*")


def _arn(value: str) -> Reach:
    """How far an ARN reaches: its account tells, and for a bucket, which has none, its name."""
    if not _WILD.search(value):
        return Reach.NAMED
    fields = value.split(":", 5)
    if len(fields) < 5:
        return _name(value)
    account, resource = fields[4], "".join(fields[5:])
    if account == "" or (fields[2] == "s3" and not resource.startswith("accesspoint")):
        return min(_name(resource.partition("/")[0]), Reach.CHOSEN)
    if _ACCOUNT_AND_REST.fullmatch(account):
        return Reach.NAMED
    reach = _account(account)
    everything = _name(fields[2]) is _name(resource) is Reach.ALL
    return reach if reach is not Reach.ALL or everything else Reach.CHOSEN


def _endpoint(value: str) -> Reach:
    """Where messages of a topic may go: an ARN, or the host of a mail address or URL."""
    if value.startswith("arn:"):
        return _arn(value)
    return _name(re.split("[@/]", value.removeprefix("https://"))["@" in value])


_REACHES: Final[dict[str, Callable[[str], Reach]]] = {
    **dict.fromkeys(
        (
            *("aws:sourceaccount", "aws:sourceowner", "aws:principalaccount", "aws:vpceaccount"),
            *("kms:calleraccount", "s3:dataaccesspointaccount"),
        ),
        _account,
    ),
    **dict.fromkeys(("aws:principalorgid", "aws:sourceorgid", "aws:vpceorgid"), _organisation),
    **dict.fromkeys(
        ("aws:principalorgpaths", "aws:sourceorgpaths", "aws:vpceorgpaths"), _organisation_path
    ),
    **dict.fromkeys(
        (
            *("aws:sourcearn", "aws:principalarn", "aws:sourcevpcarn", "s3:dataaccesspointarn"),
            *("lambda:sourcefunctionarn", "s3:x-amz-server-side-encryption-aws-kms-key-id"),
        ),
        _arn,
    ),
    **dict.fromkeys(("aws:sourcevpc", "aws:ec2instancesourcevpc"), _identifier("vpc-")),
    "aws:sourcevpce": _identifier("vpce-"),
    "aws:userid": _account,
    "aws:sourceip": _account,
    "sns:endpoint": _endpoint,
}
"""Keys whose fixed values name callers that the owner knows."""

_GIVEN: Final[dict[str, tuple[State, ...]]] = {
    "aws:principalservicename": (Own.ABSENT,),
    "aws:principalservicenameslist": (Own.ABSENT,),
    "aws:principalisawsservice": (Own.ABSENT, "false"),
    "aws:securetransport": ("true", "false"),
}
"""What strangers have for keys whose values are few."""
_CLOCK: Final = ("aws:currenttime", "aws:epochtime")

Network: TypeAlias = IPv4Network | IPv6Network
_WIDEST_FIXED: Final = {4: 1 << 24, 6: 1 << 96}
"""Addresses of a /8 and of a /32: AWS takes a wider range for everybody."""
_ANYWHERE: Final = (Span(4, 0, (1 << 32) - 1), Span(6, 0, (1 << 128) - 1))


@lru_cache(maxsize=4_096)
def _network(text: str) -> Network:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        message = f"{text[:64]!r} is neither an IP address nor a CIDR block"
        raise EvaluationError(message) from None


def _spans(line: Line) -> list[Span]:
    """The addresses of a line that the internet routes, neighbours joined."""
    found: list[Span] = []
    for network in sorted(map(_network, line.values), key=_order):
        if network.is_private:
            continue
        first, last = int(network.network_address), int(network.broadcast_address)
        if found and found[-1].version == network.version and first <= found[-1].last + 1:
            joined = found.pop()
            first, last = joined.first, max(last, joined.last)
        found.append(Span(network.version, first, last))
    return found


def _order(network: Network) -> tuple[int, int]:
    return network.version, int(network.network_address)


def _size(span: Span) -> int:
    return span.last - span.first + 1


def _places(among: Iterable[Line]) -> Iterator[State]:
    """Where on the internet strangers are, as far as these lines tell places apart.

    A request through somebody's own VPC endpoint has no `aws:SourceIp`.
    """
    yield Own.ABSENT
    yield from _ANYWHERE
    for line in among:
        if line.operator == "ipaddress":
            yield from (each for each in _spans(line) if _size(each) > _WIDEST_FIXED[each.version])


def _is_there(line: Line, place: State) -> bool:
    return isinstance(place, Span) and any(
        span.version == place.version and span.first <= place.first and place.last <= span.last
        for span in _spans(line)
    )


def strangers(
    meter: Meter,
    allowing: Iterable[Line],
    denying: Iterable[Line],
    request: Mapping[str, str | None],
) -> list[Stranger]:
    """The kinds of strangers that the lines of an Allow and of its Denies tell apart.

    Where one meets all lines of the Allow that another meets, and only lines of a Deny that the
    other meets too, the other is left out: whatever is open to that one is open to this one.
    `request` has what all requests have for condition keys in lower case; null is nothing. Raises
    `EvaluationError` where more than `MAX_KINDS` kinds are left.
    """
    given: Stranger = {
        key: Own.ABSENT if value is None else value for key, value in request.items()
    }
    by_key: dict[str, list[_Told]] = {}
    for line, allows in (
        *((each, True) for each in allowing),
        *((each, False) for each in denying),
    ):
        if line.key not in given and _tells(line.key):
            by_key.setdefault(line.key, []).append((line, allows))
    together = [key for key in by_key if key in _SIGNED | _MEMBER]
    groups = [together, *([key] for key in by_key if key not in together)]
    choices = [_chosen(meter, {key: by_key[key] for key in keys}, given) for keys in groups]
    if prod(map(len, choices)) > MAX_KINDS:
        raise EvaluationError("this policy has too many conditions to weigh against each other")
    found: list[Stranger] = [
        {**given, **ChainMap(*map(dict, kinds))} for kinds in product(*choices)
    ]
    meter.charge(len(found) * (1 + len(by_key)))
    return found


_Told: TypeAlias = tuple[Line, bool]
"""A line, and whether it is an Allow's."""


def _tells(key: str) -> bool:
    return key in _REACHES or key in _GIVEN or key in _CLOCK


def _chosen(meter: Meter, by_key: Mapping[str, list[_Told]], given: Stranger) -> list[Stranger]:
    """What strangers may have for keys that hang together, without what only keeps them out."""
    told = [each for found in by_key.values() for each in found]
    states = [_states(meter, key, [line for line, _ in by_key[key]]) for key in by_key]
    worth: dict[tuple[bool, ...], Stranger] = {}
    for values in product(*states):
        kind: Stranger = dict(zip(by_key, values, strict=True))
        meter.charge(1 + len(told))
        if _is_possible({**given, **kind}):
            won = (meets(meter, line, kind, allows) == allows for line, allows in told)
            worth.setdefault(tuple(won), kind)
    meter.charge(len(worth) ** 2 // 8)
    return [kind for won, kind in worth.items() if not any(_beats(each, won) for each in worth)]


def _beats(one: tuple[bool, ...], other: tuple[bool, ...]) -> bool:
    return one != other and all(map(ge, one, other))


_SIGNED: Final = frozenset(
    ("aws:principalarn", "aws:principalaccount", "aws:principalisawsservice")
)
"""Keys that every signed request has, and no anonymous one."""
_MEMBER: Final = frozenset(("aws:principalorgid", "aws:principalorgpaths"))
"""Keys that requests from an account of an organisation have."""


def _is_possible(stranger: Stranger) -> bool:
    signed = {state is not Own.ABSENT for key, state in stranger.items() if key in _SIGNED}
    member = {state is not Own.ABSENT for key, state in stranger.items() if key in _MEMBER}
    return len(signed) < 2 and len(member) < 2 and not (signed == {False} and member == {True})


def _states(meter: Meter, key: str, found: list[Line]) -> Iterable[State]:
    if key in _CLOCK:
        return (now_text(meter.now),)
    if key == "aws:sourceip":
        return dict.fromkeys(_places(found))
    return _GIVEN.get(key, tuple(Own))


def meets(meter: Meter, line: Line, stranger: Stranger, allowing: bool) -> bool:
    """Whether a stranger's request meets a line: can meet it (`allowing`), or cannot but meet it.

    The two differ for what strangers choose at each request, and for loose patterns.
    """
    state = stranger.get(line.key)
    if state is None:
        return allowing or surely_met(line)
    if state is Own.ABSENT:
        return line.met_without()
    if isinstance(state, str):
        return line.met_with(compares(meter, line, state))
    if line.operator == "ipaddress":
        meter.charge(len(line.values))
        return line.negated != _is_there(line, state)
    reach, least = _REACHES[line.key], _LEAST[allowing, line.negated]
    return line.met_with(lambda value: reach(value) >= least)


_LEAST: Final = {
    (True, False): Reach.LOOSE,
    (True, True): Reach.ALL,
    (False, False): Reach.ALL,
    (False, True): Reach.CHOSEN,
}
"""By whether it allows, and whether the line is negated: how far a value must reach that a stranger
is taken to have one that fits it."""
