"""Merkle trees of RFC 9162, section 2.1: root, inclusion proof and its check.

A leaf hash is SHA-256(0x00 || bytes), a node SHA-256(0x01 || left || right).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of one leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Iterable[bytes]) -> bytes:
    """Return the tree's root over leaf hashes, in one pass with O(log n) memory."""
    stack: list[tuple[int, bytes]] = []
    for leaf in leaves:
        level, current = 0, leaf
        while stack and stack[-1][0] == level:
            current = _node(stack.pop()[1], current)
            level += 1
        stack.append((level, current))
    if not stack:
        return EMPTY_ROOT
    current = stack.pop()[1]
    while stack:
        current = _node(stack.pop()[1], current)
    return current


def proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the audit path of the leaf at `index`, nearest sibling first."""
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    path: list[bytes] = []
    low, high = 0, len(leaves)
    while high - low > 1:
        split = low + _largest_power_below(high - low)
        if index < split:
            path.append(root(leaves[split:high]))
            high = split
        else:
            path.append(root(leaves[low:split]))
            low = split
    return path[::-1]


def verify(leaf: bytes, index: int, size: int, path: Sequence[bytes], expected: bytes) -> bool:
    """Say whether `path` proves that `leaf` is at `index` of `size` leaves (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    position, last, current = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if position & 1 or position == last:
            current = _node(sibling, current)
            while position and not position & 1:
                position >>= 1
                last >>= 1
        else:
            current = _node(current, sibling)
        position >>= 1
        last >>= 1
    return last == 0 and current == expected


def _largest_power_below(size: int) -> int:
    return 1 << (size - 1).bit_length() - 1
