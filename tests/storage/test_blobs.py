from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.s3_servers import KEY, SECRET, S3Server

from cloudsealed.kit.ids import new_id
from cloudsealed.settings import InvalidSettingError, Settings
from cloudsealed.storage import object_blobs
from cloudsealed.storage.blobs import BlobNotFoundError, Blobs, DiskBlobs, open_blobs
from cloudsealed.storage.database import ServiceUnavailableError
from cloudsealed.storage.object_blobs import ObjectBlobs

SHORT = timedelta(seconds=1)


@pytest.fixture(scope="module", params=["disk", "nanio", "seaweedfs"])
def server(request: pytest.FixtureRequest) -> Iterator[S3Server | None]:
    if request.param == "disk":
        yield None
        return
    started = S3Server(request.param)
    started.bucket("blobs")
    yield started
    started.stop()


@pytest.fixture
def blobs(server: S3Server | None, tmp_path: Path) -> Blobs:
    if server is None:
        return DiskBlobs(tmp_path / "blobs")
    return ObjectBlobs(f"s3://blobs/below/{new_id('x')}", server.options())


def test_a_blob_is_read_back_whole_from_bytes_or_pieces(blobs: Blobs) -> None:
    large = bytes(range(256)) * 1000
    blobs.put("one.pdf", large)
    blobs.put("two", iter([b"a", b"", b"b"]))
    assert b"".join(blobs.open("one.pdf")) == large
    assert b"".join(blobs.open("two")) == b"ab"
    assert blobs.size("one.pdf") == len(large)


def test_a_blob_written_again_is_replaced_as_a_whole(blobs: Blobs) -> None:
    blobs.put("one", b"long old content")
    before = blobs.open("one")
    blobs.put("one", b"new")
    try:
        assert b"".join(before) == b"long old content"
    except ServiceUnavailableError:
        assert isinstance(blobs, ObjectBlobs), "there it can end, and is never half the new one"
    assert b"".join(blobs.open("one")) == b"new"


def test_large_ones_are_written_and_read_in_pieces_from_any_byte(blobs: Blobs) -> None:
    piece = bytes(range(256)) * 4096
    blobs.put("large", iter([piece] * 7))
    assert blobs.size("large") == 7 * len(piece)
    for start in (0, 1, len(piece), 7 * len(piece) - 1, 7 * len(piece), 8 * len(piece)):
        assert b"".join(blobs.open("large", start)) == (piece * 7)[start:]


def test_their_names_are_listed(blobs: Blobs) -> None:
    assert list(blobs.names()) == []
    for name in ("b.pdf", "a", "c-1.json"):
        blobs.put(name, b"x")
    blobs.put("empty", b"")
    assert sorted(blobs.names()) == ["a", "b.pdf", "c-1.json", "empty"]
    assert (blobs.size("empty"), b"".join(blobs.open("empty"))) == (0, b"")


def test_content_that_breaks_off_leaves_the_old_blob_and_no_rest(blobs: Blobs) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise OSError("the source went away")

    blobs.put("one", b"old")
    with pytest.raises(OSError, match="went away"):
        blobs.put("one", broken())
    assert b"".join(blobs.open("one")) == b"old"
    assert list(blobs.names()) == ["one"]


def test_a_deleted_blob_is_gone_and_deleting_it_again_is_nothing(blobs: Blobs) -> None:
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
def test_a_name_that_could_leave_the_folder_is_refused(blobs: Blobs, name: str) -> None:
    with pytest.raises(ValueError, match="not a blob's name"):
        blobs.put(name, b"x")
    with pytest.raises(ValueError, match="not a blob's name"):
        blobs.open(name)


def test_only_the_owner_can_read_the_folder_and_its_files(tmp_path: Path) -> None:
    DiskBlobs(tmp_path / "blobs").put("one", b"x")
    assert (tmp_path / "blobs").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "blobs" / "one").stat().st_mode & 0o077 == 0


def test_a_store_that_refuses_is_gone_or_stands_still_is_said_and_nothing_of_it_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(
        object_blobs, "_CLIENT", {"timeout": timedelta(seconds=1), "connect_timeout": SHORT}
    )
    monkeypatch.setattr(object_blobs, "_RETRIES", {"max_retries": 1, "retry_timeout": SHORT})
    server = S3Server("nanio")
    try:
        address, said = server.bucket("blobs"), []
        right = ObjectBlobs(address, server.options())
        right.put("one", b"x")

        def fails(blobs: ObjectBlobs) -> None:
            for act in (lambda: blobs.put("one", b"y"), lambda: blobs.open("one")):
                with pytest.raises(ServiceUnavailableError) as raised:
                    act()
                said.append(raised.value.message)

        fails(ObjectBlobs(address, server.options(secret_access_key="no-such-secret")))
        server.freeze()
        fails(right)
        server.thaw()
        assert b"".join(right.open("one")) in (b"x", b"y"), "it may have heard, and answered late"
    finally:
        server.stop()
    fails(right)
    refused, silent = said[:2], said[2:]
    assert {*refused} == {"The object store of the blobs refuses the credentials"}
    assert {*silent} == {"The object store of the blobs does not answer"}
    assert not any(word in caplog.text for word in (SECRET, "no-such-secret", KEY))


def test_settings_name_a_folder_or_a_store_and_its_secrets_are_not_shown(tmp_path: Path) -> None:
    environment = {
        "CLOUDSEALED_BLOB_URL": "s3://bucket/below",
        "CLOUDSEALED_BLOB_OPTIONS": "region=x, access_key_id=a,secret_access_key=hidden",
    }
    settings = Settings.from_environment(environment)
    assert isinstance(open_blobs(settings), ObjectBlobs)
    assert "hidden" not in repr(settings)
    assert isinstance(open_blobs(Settings(data_dir=tmp_path)), DiskBlobs)
    for name, value in (
        ("BLOB_URL", "/a/folder"),
        ("BLOB_URL", "ftp://host/a"),
        ("BLOB_URL", "s3://"),
        ("BLOB_URL", "file:"),
        ("BLOB_OPTIONS", "hidden"),
    ):
        with pytest.raises(InvalidSettingError) as raised:
            Settings.from_environment({f"CLOUDSEALED_{name}": value})
        assert name in raised.value.message
        assert "hidden" not in raised.value.message
    with pytest.raises(InvalidSettingError, match="no_such_option"):
        open_blobs(Settings(blob_url="s3://bucket", blob_options=(("no_such_option", "hidden"),)))
