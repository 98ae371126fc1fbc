from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudsealed.storage.blobs import BlobNotFoundError, DiskBlobs


@pytest.fixture
def blobs(tmp_path: Path) -> DiskBlobs:
    return DiskBlobs(tmp_path / "blobs")


def test_a_blob_is_read_back_whole_from_bytes_or_pieces(blobs: DiskBlobs) -> None:
    large = bytes(range(256)) * 1000
    blobs.put("one.pdf", large)
    blobs.put("two", iter([b"a", b"", b"b"]))
    assert b"".join(blobs.open("one.pdf")) == large
    assert b"".join(blobs.open("two")) == b"ab"
    assert blobs.size("one.pdf") == len(large)


def test_a_blob_written_again_is_replaced_as_a_whole(blobs: DiskBlobs) -> None:
    blobs.put("one", b"long old content")
    before = blobs.open("one")
    blobs.put("one", b"new")
    assert b"".join(before) == b"long old content"
    assert b"".join(blobs.open("one")) == b"new"


def test_content_that_breaks_off_leaves_the_old_blob_and_no_rest(
    blobs: DiskBlobs, tmp_path: Path
) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise OSError("the source went away")

    blobs.put("one", b"old")
    with pytest.raises(OSError, match="went away"):
        blobs.put("one", broken())
    assert b"".join(blobs.open("one")) == b"old"
    assert [path.name for path in (tmp_path / "blobs").iterdir()] == ["one"]


def test_a_deleted_blob_is_gone_and_deleting_it_again_is_nothing(blobs: DiskBlobs) -> None:
    blobs.put("one", b"x")
    blobs.delete("one")
    blobs.delete("one")
    with pytest.raises(BlobNotFoundError):
        blobs.open("one")
    with pytest.raises(BlobNotFoundError):
        blobs.size("one")


@pytest.mark.parametrize(
    "name", ["", "..", "../keys.json", "a/b", ".new-x", "a\x00", "a.b.c", "x" * 201, "a\n"]
)
def test_a_name_that_could_leave_the_folder_is_refused(blobs: DiskBlobs, name: str) -> None:
    with pytest.raises(ValueError, match="not a blob's name"):
        blobs.put(name, b"x")
    with pytest.raises(ValueError, match="not a blob's name"):
        blobs.open(name)


def test_only_the_owner_can_read_the_folder_and_its_files(blobs: DiskBlobs, tmp_path: Path) -> None:
    blobs.put("one", b"x")
    assert (tmp_path / "blobs").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "blobs" / "one").stat().st_mode & 0o077 == 0
