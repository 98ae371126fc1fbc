"""The network extension: `ip`, `cidr`, `containsIP` and their kin, under their standard names.

Source: the "network" extension of CEL (Kubernetes' IP and CIDR libraries), whose families of
addresses are those of RFC 4291, RFC 3927 and RFC 5771. An IPv4 address that is written as a mapped
IPv6 address is that IPv4 address. Refuses zones, and IPv6 addresses with a dotted part.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.signature import Function, kinds
from cloudsealed.engine.values import Address, Block

_LONGEST: Final = 45
"""Characters of the longest address; no block is longer by more than four."""
_MAPPED: Final = 0xFFFF


def parse_address(text: str) -> Address:
    """`ip(text)`: the IP address that the text writes."""
    if len(text) > _LONGEST or "%" in text or (":" in text and "." in text):
        raise EvaluationError(f"{text[:64]!r} is not an IP address without a zone")
    try:
        found = ip_address(text)
    except ValueError:
        raise EvaluationError(f"{text[:64]!r} is not an IP address") from None
    number = int(found)
    if found.version == 6 and number >> 32 == _MAPPED:
        return Address(4, number & 0xFFFFFFFF)
    return Address(found.version, number)


def format_address(address: Address) -> str:
    """The address in its canonical form."""
    cls = IPv4Address if address.version == 4 else IPv6Address
    return str(cls(address.number))


def parse_block(text: str) -> Block:
    """`cidr(text)`: the block of addresses that the text writes; its host bits are kept."""
    before, _, after = text[: _LONGEST + 5].partition("/")
    address = parse_address(before)
    most = 32 if address.version == 4 else 128
    digits = after.isascii() and after.isdigit() and len(after) <= 3
    if not digits or int(after) > most or (after[0] == "0" and after != "0"):
        raise EvaluationError(f"{text[:64]!r} is not a CIDR block")
    return Block(address, int(after))


def format_block(block: Block) -> str:
    """The block as text, such as 10.0.0.0/8."""
    return f"{format_address(block.address)}/{block.prefix}"


def is_ip(text: str) -> bool:
    """Whether `ip(text)` has a value."""
    return _parses(parse_address, text)


def is_cidr(text: str) -> bool:
    """Whether `cidr(text)` has a value."""
    return _parses(parse_block, text)


def _parses(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except EvaluationError:
        return False
    return True


def is_canonical(text: str) -> bool:
    """Whether an IP address is written in its canonical form (RFC 5952)."""
    return format_address(parse_address(text)) == text


def to_address(address: Address | str) -> Address:
    """The address itself, or the one that a text writes."""
    return parse_address(address) if isinstance(address, str) else address


def contains_ip(block: Block, address: Address | str) -> bool:
    """Whether the address, or the one that a text writes, lies in the block."""
    one = to_address(address)
    return block.address.version == one.version and block.first <= one.number <= block.last


def contains_cidr(block: Block, other: Block | str) -> bool:
    """Whether all of the other block, or the one that a text writes, lies in the block."""
    inner = parse_block(other) if isinstance(other, str) else other
    same = block.address.version == inner.address.version
    return same and block.first <= inner.first and inner.last <= block.last


def address_of(block: Block) -> Address:
    """The address of a block, with its host bits."""
    return block.address


def masked(block: Block) -> Block:
    """The block with its host bits set to zero."""
    return Block(Address(block.address.version, block.first), block.prefix)


def prefix_length(block: Block) -> int:
    """How many bits of the address name the network."""
    return block.prefix


def family(address: Address) -> int:
    """4 or 6."""
    return address.version


def _within(name: str, doc: str, *blocks: str) -> Function:
    """A function that says whether an address lies in one of these blocks."""
    parsed = [parse_block(block) for block in blocks]

    def run(address: Address) -> bool:
        return any(contains_ip(block, address) for block in parsed)

    run.__doc__ = doc
    return Function(name, (kinds("ip"),), "bool", run, "method")


_SPECIAL: Final = tuple(
    parse_block(text)
    for text in (
        *("0.0.0.0/32", "255.255.255.255/32", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4"),
        *("::/128", "::1/128", "fe80::/10", "ff00::/8"),
    )
)


def is_global_unicast(address: Address) -> bool:
    """Whether it is none of unspecified, broadcast, loopback, link-local and multicast."""
    return not any(contains_ip(block, address) for block in _SPECIAL)


_TEXT: Final = kinds("string")
_IP: Final = kinds("ip")
_CIDR: Final = kinds("cidr")

ADDRESSES: Final = (
    Function("ip", (kinds("string", "ip"),), "ip", to_address),
    Function("cidr", (_TEXT,), "cidr", parse_block),
    Function("isIP", (_TEXT,), "bool", is_ip),
    Function("isCIDR", (_TEXT,), "bool", is_cidr),
    Function("ip.isCanonical", (_TEXT,), "bool", is_canonical),
    Function("family", (_IP,), "int", family, "method"),
    _within("isUnspecified", "Whether it is 0.0.0.0 or ::.", "0.0.0.0/32", "::/128"),
    _within("isLoopback", "Whether it is this machine.", "127.0.0.0/8", "::1/128"),
    _within("isLinkLocalUnicast", "Whether it is link-local.", "169.254.0.0/16", "fe80::/10"),
    _within(
        "isLinkLocalMulticast", "Whether it is link-local multicast.", "224.0.0.0/24", "ff02::/16"
    ),
    Function("isGlobalUnicast", (_IP,), "bool", is_global_unicast, "method"),
    Function("containsIP", (_CIDR, kinds("string", "ip")), "bool", contains_ip, "method"),
    Function("containsCIDR", (_CIDR, kinds("string", "cidr")), "bool", contains_cidr, "method"),
    Function("ip", (_CIDR,), "ip", address_of, "method"),
    Function("masked", (_CIDR,), "cidr", masked, "method"),
    Function("prefixLength", (_CIDR,), "int", prefix_length, "method"),
)
