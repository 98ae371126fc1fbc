"""Sets of addresses, and how much of the internet they hold.

Sources: for what the internet routes the IANA special-purpose address registries and the IANA
registry of the IPv6 address space (only 2000::/3 is given out); for how much of it is "the
internet" the Amazon S3 user guide, "The meaning of public": more than a /8, of IPv6 a /32. Refuses
text that is no address: an unreadable rule is an error, never a safe rule.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from ipaddress import ip_network
from typing import Final, NamedTuple, TypeAlias

from cloudsealed.engine.errors import EvaluationError

_NOT_PUBLIC: Final = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
    *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15"),
    *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
    *("::/127", "::ffff:0:0/96", "64:ff9b:1::/48", "100::/8", "200::/7", "400::/6", "800::/5"),
    *("1000::/4", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "4000::/2", "8000::/1"),
)
"""Blocks no one can be reached at from the internet; no two of them overlap."""

LIMITS: Final = {4: 1 << 24, 6: 1 << 96}
"""How many public addresses of a version are still no internet: a /8, and a /32 of IPv6."""

LONGEST: Final = 65
"""Characters that are read of a block; none is longer. Cut, texts cannot fill the caches."""

Range: TypeAlias = tuple[int, int]
"""Numbers from the first to the last, both inclusive."""


class Span(NamedTuple):
    """Addresses of a version, as the numbers of the first and of the last."""

    version: int
    first: int
    last: int


class Block(NamedTuple):
    """A block of addresses: how many of them the internet routes, and whether it is wide.

    A wide block is the internet alone: it is over the limit, and not all of it is reserved.
    """

    version: int
    first: int
    last: int
    public: int
    is_wide: bool


def _parsed(text: str) -> Span:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        message = f"{text[:64]!r} is neither an IP address nor a CIDR block"
        raise EvaluationError(message) from None
    return Span(network.version, int(network.network_address), int(network.broadcast_address))


_RESERVED: Final = tuple(_parsed(text) for text in _NOT_PUBLIC)


@lru_cache(maxsize=16_384)
def _known(text: str) -> Block:
    span = _parsed(text)
    public = public_size(span.version, [(span.first, span.last)])
    is_wide = public > 0 and span.last - span.first >= LIMITS[span.version]
    return Block(*span, public, is_wide)


def block_of(text: str) -> Block:
    """The block that a text writes; its host bits do not count."""
    return _known(text if len(text) <= LONGEST else text[:LONGEST])


def contains(outer: str, inner: str) -> bool:
    """Whether a block lies wholly in another."""
    out, own = block_of(outer), block_of(inner)
    return own.version == out.version and out.first <= own.first and own.last <= out.last


def merged(ranges: Iterable[Range]) -> list[Range]:
    """The same numbers as the fewest ranges, in order."""
    found: list[Range] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found


def without(ranges: Sequence[Range], taken: Sequence[Range]) -> list[Range]:
    """The numbers of `ranges` that are not in `taken`."""
    left = list(ranges)
    for low, high in taken:
        left = [
            (first, last)
            for begin, end in left
            for first, last in ((begin, min(end, low - 1)), (max(begin, high + 1), end))
            if first <= last
        ]
    return merged(left)


def size(ranges: Iterable[Range]) -> int:
    """How many numbers there are in ranges that do not overlap."""
    return sum(last - first + 1 for first, last in ranges)


def public_size(version: int, ranges: Sequence[Range]) -> int:
    """How many addresses of ranges that do not overlap the internet routes."""
    reserved = [(r.first, r.last) for r in _RESERVED if r.version == version]
    return size(without(ranges, reserved))


def is_internet(blocks: Collection[Block]) -> bool:
    """Whether blocks together are the internet.

    One is wide, or they hold more public addresses of a version than its limit.
    """
    counted = dict.fromkeys(LIMITS, 0)
    for block in blocks:
        if block.is_wide:
            return True
        counted[block.version] += block.public
    # Counted twice where they overlap, they cannot be fewer: most sets end here.
    over = [version for version, limit in LIMITS.items() if counted[version] > limit]
    return any(_together(version, blocks) for version in over)


def _together(version: int, blocks: Iterable[Block]) -> bool:
    own = merged((each.first, each.last) for each in blocks if each.version == version)
    return public_size(version, own) > LIMITS[version]
