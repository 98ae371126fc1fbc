"""The one-pass tree is the tree of RFC 9162's recursive definition, for every size."""

from __future__ import annotations

import hashlib

import pytest

from cloudsealed.kit.merkle import (
    EMPTY_ROOT,
    ROW,
    Grower,
    leaf_hash,
    proof,
    proof_from,
    root,
    verify,
)

SIZES = range(1, 71)


def entries(size: int) -> list[bytes]:
    return [f"entry {index}".encode() for index in range(size)]


def split_of(size: int) -> int:
    split = 1
    while split * 2 < size:
        split *= 2
    return split


def mth(data: list[bytes]) -> bytes:
    """RFC 9162, section 2.1.1."""
    if not data:
        return hashlib.sha256().digest()
    if len(data) == 1:
        return hashlib.sha256(b"\x00" + data[0]).digest()
    k = split_of(len(data))
    return hashlib.sha256(b"\x01" + mth(data[:k]) + mth(data[k:])).digest()


def path(m: int, data: list[bytes]) -> list[bytes]:
    """RFC 9162, section 2.1.3.1."""
    if len(data) == 1:
        return []
    k = split_of(len(data))
    if m < k:
        return [*path(m, data[:k]), mth(data[k:])]
    return [*path(m - k, data[k:]), mth(data[:k])]


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert root([]) == EMPTY_ROOT == mth([])


@pytest.mark.parametrize("size", SIZES)
def test_root_and_every_proof_are_those_of_the_recursive_definition(size: int) -> None:
    data = entries(size)
    leaves = [leaf_hash(entry) for entry in data]
    expected = mth(data)
    assert root(iter(leaves)) == expected
    for index in range(size):
        found = proof(leaves, index)
        assert found == path(index, data)
        assert verify(leaves[index], index, size, found, expected)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 13])
def test_a_proof_holds_for_its_own_leaf_index_size_and_root_only(size: int) -> None:
    leaves = [leaf_hash(entry) for entry in entries(size)]
    expected = root(leaves)
    for index, leaf in enumerate(leaves):
        found = proof(leaves, index)
        for other in range(-1, size + 1):
            assert verify(leaf, other, size, found, expected) == (other == index)
        assert not verify(leaf_hash(b"forged"), index, size, found, expected)
        assert not verify(leaf, index, size, [*found, bytes(32)], expected)
        assert not verify(leaf, index, size, found, bytes(32))
        if found:
            assert not verify(leaf, index, size, found[:-1], expected)
            flipped = [bytes([found[0][0] ^ 1]) + found[0][1:], *found[1:]]
            assert not verify(leaf, index, size, flipped, expected)


def test_a_node_cannot_pass_for_a_leaf() -> None:
    leaves = [leaf_hash(entry) for entry in entries(4)]
    left = hashlib.sha256(b"\x01" + leaves[0] + leaves[1]).digest()
    assert leaf_hash(leaves[0] + leaves[1]) != left


@pytest.mark.parametrize("index", [-1, 3])
def test_a_leaf_that_is_not_there_has_no_proof(index: int) -> None:
    with pytest.raises(IndexError):
        proof([leaf_hash(entry) for entry in entries(3)], index)


def grown(leaves: list[bytes]) -> tuple[bytes, dict[tuple[int, int], bytes]]:
    rows: dict[tuple[int, int], bytes] = {}
    grower = Grower(lambda level, number, hashes: rows.setdefault((level, number), hashes) and None)
    for leaf in leaves:
        grower.add(leaf)
    return grower.finish(), rows


@pytest.mark.parametrize(
    "size",
    [0, 1, 2, 3, ROW - 1, ROW, ROW + 1, 2 * ROW, 3 * ROW + 17, ROW * ROW, ROW * ROW + ROW + 5],
)
def test_a_kept_tree_has_the_same_root_and_proofs(size: int) -> None:
    leaves = [leaf_hash(entry) for entry in entries(size)]
    found, rows = grown(leaves)
    assert found == root(leaves)
    assert all(len(row) <= ROW * len(EMPTY_ROOT) for row in rows.values())
    for index in {0, 1, size // 3, size // 2, size - 2, size - 1} & set(range(size)):
        made = proof_from(lambda level, number: rows[level, number], index, size)
        assert made == proof(leaves, index)
        assert verify(leaves[index], index, size, made, found)
    with pytest.raises(IndexError):
        proof_from(lambda level, number: rows[level, number], size, size)
