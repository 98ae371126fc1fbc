"""Merkle trees of RFC 9162, section 2.1: root, inclusion proof and its check.

A leaf hash is SHA-256(0x00 || bytes), a node SHA-256(0x01 || left || right). A tree too large for
memory is kept in rows: of leaf hashes at level 0, of the roots of the level below further up. As a
row is as long as a power of two, the roots of the rows are nodes of the tree itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()
HASH_BYTES = 32
ROW = 256
"""Hashes in a row of a kept tree: a proof reads one row a level."""


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


class Grower:
    """Grows a tree leaf by leaf and hands over each row when it is full; memory is O(log n)."""

    def __init__(self, keep: Callable[[int, int, bytes], None]) -> None:
        """`keep` takes a row: its level, its number from 0, its hashes one after the other."""
        self._keep = keep
        self._rows: list[list[bytes]] = [[]]
        self._kept = [0]
        self.size = 0

    def add(self, leaf: bytes) -> None:
        """Take the hash of the next leaf."""
        self.size += 1
        self._append(0, leaf)

    def finish(self) -> bytes:
        """Hand over what is left; return the tree's root."""
        if self.size == 0:
            return EMPTY_ROOT
        for level, row in enumerate(self._rows):  # grows while it is walked
            if level + 1 == len(self._rows) and self._kept[level] == 0:
                self._keep(level, 0, b"".join(row))
                return root(row)
            if row:
                self._flush(level)
        raise AssertionError("the last level has one row")

    def _append(self, level: int, value: bytes) -> None:
        if level == len(self._rows):
            self._rows.append([])
            self._kept.append(0)
        self._rows[level].append(value)
        if len(self._rows[level]) == ROW:
            self._flush(level)

    def _flush(self, level: int) -> None:
        row, self._rows[level] = self._rows[level], []
        self._keep(level, self._kept[level], b"".join(row))
        self._kept[level] += 1
        self._append(level + 1, root(row))


def proof_from(read: Callable[[int, int], bytes], index: int, size: int) -> list[bytes]:
    """Return the audit path of a leaf of a kept tree; `read` returns the row of a level and number.

    Raises IndexError, and what `read` raises.
    """
    if not 0 <= index < size:
        raise IndexError(index)
    path: list[bytes] = []
    level = 0
    while size > 1:
        number, at = divmod(index, ROW)
        row = read(level, number)
        hashes = [row[i : i + HASH_BYTES] for i in range(0, len(row), HASH_BYTES)]
        path += proof(hashes, at)
        index, size, level = number, -(-size // ROW), level + 1
    return path


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
