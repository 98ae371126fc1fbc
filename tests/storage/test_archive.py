"""An installation in a file: every row and blob of one database is in another as it was."""

from __future__ import annotations

import json
import shutil
import stat
import zipfile
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.s3_servers import S3Server
from tests.storage.old_databases import load

from cloudsealed.settings import Settings
from cloudsealed.storage.archive import ArchiveError, export_to, import_from
from cloudsealed.storage.blobs import DiskBlobs, open_blobs
from cloudsealed.storage.keys import load_keys
from cloudsealed.storage.migrate import migrate, require_same_tables
from cloudsealed.storage.open import open_database
from cloudsealed.storage.ownership import ForeignKeyFileError, claim, require_own_keys
from cloudsealed.storage.private import loose
from cloudsealed.storage.schema import metadata

SEARCHED = "SELECT count(*) FROM finding_grams WHERE finding_grams MATCH 'que'"


def nothing(_name: str, _amount: int) -> None:
    return


def rows(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    with closing(open_database(settings)) as database, database.read() as connection:
        return {
            table.name: sorted(
                tuple(bytes(v) if isinstance(v, memoryview) else v for v in row)
                for row in connection.all(select(*table.columns))
            )
            for table in metadata.sorted_tables
        }


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Returns the settings of an installation with rows of nearly every kind, and a blob."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("original"))
    load("0001", settings)
    migrate(settings)
    with closing(open_database(settings)) as database:
        claim(database, load_keys(settings.key_path))
    DiskBlobs(settings.blob_dir).put("rep_1.pdf", b"%PDF")
    return settings


@pytest.fixture
def archive(original: Settings, tmp_path: Path) -> Path:
    export_to(tmp_path / "all.zip", original, nothing)
    return tmp_path / "all.zip"


@pytest.fixture(scope="module")
def store() -> Iterator[S3Server]:
    server = S3Server("nanio")
    server.bucket("blobs")
    yield server
    server.stop()


@pytest.fixture
def elsewhere(
    request: pytest.FixtureRequest, store: S3Server, tmp_path: Path
) -> Iterator[Settings]:
    """Returns the settings of a PostgreSQL without tables, and of an S3 without blobs."""
    server = request.getfixturevalue("postgres")
    yield Settings(
        data_dir=tmp_path / "elsewhere",
        database_url=server.create("test_archive"),
        blob_url=f"s3://blobs/{tmp_path.name}",
        blob_options=store.options(),
    )
    server.drop("test_archive")


def test_what_went_to_postgresql_and_came_back_is_what_it_was(
    original: Settings, archive: Path, elsewhere: Settings, tmp_path: Path
) -> None:
    before = rows(original)
    assert sum(map(bool, before.values())) > 15
    import_from(archive, elsewhere, nothing)
    require_same_tables(elsewhere)
    require_own_keys(elsewhere)
    assert rows(elsewhere) == before
    assert b"".join(open_blobs(elsewhere).open("rep_1.pdf")) == b"%PDF"
    assert not elsewhere.blob_dir.exists()
    export_to(tmp_path / "back.zip", elsewhere, nothing)
    back = Settings(data_dir=tmp_path / "back")
    import_from(tmp_path / "back.zip", back, nothing)
    require_same_tables(back)
    assert rows(back) == before
    assert b"".join(DiskBlobs(back.blob_dir).open("rep_1.pdf")) == b"%PDF"
    assert loose(back) == []
    with closing(open_database(back)) as database, database.read() as connection:
        (found,) = connection.raw.execute(SEARCHED).fetchone()
    assert found == sum("que" in row[-1] for row in before["finding_texts"]) > 0


def test_an_archive_of_an_older_version_is_brought_to_this_one(
    original: Settings, archive: Path, tmp_path: Path
) -> None:
    old = Settings(data_dir=tmp_path / "old")
    old.data_dir.mkdir()
    load("0001", old)
    older = tmp_path / "older.zip"
    with closing(open_database(old)) as database, database.read() as connection:
        raw = connection.raw
        names = [n for (n,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        described, lines = {}, {}
        for name in names:
            if name == "alembic_version":
                continue
            found = raw.execute(f'SELECT * FROM "{name}"')
            columns = [each[0] for each in found.description]
            all_rows = found.fetchall()
            described[name] = {"columns": columns, "rows": len(all_rows)}
            lines[name] = b"".join(map(_line, all_rows))
    manifest = {"form": 1, "revision": "0001", "tables": described}
    with zipfile.ZipFile(older, "w") as made:
        made.write(old.key_path, "keys.json")
        made.writestr("manifest.json", json.dumps(manifest))
        for name, content in lines.items():
            made.writestr(f"tables/{name}.jsonl", content)
    again = Settings(data_dir=tmp_path / "again")
    import_from(older, again, nothing)
    require_same_tables(again)
    migrate(old)
    assert rows(again) == rows(old)


def _line(row: tuple[Any, ...]) -> bytes:
    plain = [b64encode(v).decode() if isinstance(v, bytes) else v for v in row]
    return json.dumps(plain).encode() + b"\n"


def test_an_archive_is_private_and_writes_over_nothing(original: Settings, archive: Path) -> None:
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    with pytest.raises(ArchiveError, match="is there already"):
        export_to(archive, original, nothing)


def test_nothing_is_taken_in_over_an_installation(
    original: Settings, archive: Path, tmp_path: Path
) -> None:
    before = rows(original)
    with pytest.raises(ArchiveError, match="has rows already"):
        import_from(archive, original, nothing)
    assert rows(original) == before
    other = Settings(data_dir=tmp_path / "other")
    other.data_dir.mkdir()
    shutil.copy(original.key_path, other.key_path)
    other.key_path.write_text(other.key_path.read_text() + " ")
    with pytest.raises(ArchiveError, match="something else"):
        import_from(archive, other, nothing)


def _without(name: str) -> Callable[[dict[str, bytes]], None]:
    return lambda members: members.pop(name) and None


def _lacking_a_row(members: dict[str, bytes]) -> None:
    lines = members["tables/audits.jsonl"].splitlines(keepends=True)
    members["tables/audits.jsonl"] = b"".join(lines[1:])


def _of_tomorrow(members: dict[str, bytes]) -> None:
    manifest = json.loads(members["manifest.json"])
    members["manifest.json"] = json.dumps({**manifest, "revision": "9999"}).encode()


def _outside(members: dict[str, bytes]) -> None:
    members["blobs/../../out"] = b"x"


def _with_no_json(members: dict[str, bytes]) -> None:
    members["tables/audits.jsonl"] = b"[1,\n"


def _with_short_rows(members: dict[str, bytes]) -> None:
    members["tables/tenants.jsonl"] = b'["ten_1"]\n'


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (_without("manifest.json"), "damaged"),
        (_without("tables/audits.jsonl"), "damaged"),
        (_lacking_a_row, "audits has . rows, and should have"),
        (_of_tomorrow, "newer version"),
        (_outside, "no file of an installation"),
        (_with_no_json, "damaged"),
        (_with_short_rows, "damaged"),
    ],
)
def test_of_a_damaged_archive_nothing_is_left(
    harm: Callable[[dict[str, bytes]], None], words: str, archive: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(archive) as whole:
        members = {name: whole.read(name) for name in whole.namelist()}
    harm(members)
    damaged = tmp_path / "damaged.zip"
    with zipfile.ZipFile(damaged, "w") as made:
        for name, content in members.items():
            made.writestr(name, content)
    target = Settings(data_dir=tmp_path / "target")
    with pytest.raises(ArchiveError, match=words):
        import_from(damaged, target, nothing)
    assert not target.key_path.exists()
    assert not list(target.blob_dir.glob("*"))
    import_from(archive, target, nothing)


def test_a_truncated_archive_and_one_that_is_not_there_are_refused_in_words(
    archive: Path, tmp_path: Path
) -> None:
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2])
    target = Settings(data_dir=tmp_path / "target")
    with pytest.raises(ArchiveError, match="no archive of ours"):
        import_from(archive, target, nothing)
    with pytest.raises(ArchiveError, match="No such file"):
        import_from(tmp_path / "nothing.zip", target, nothing)


def test_what_another_key_file_made_is_not_exported(original: Settings, tmp_path: Path) -> None:
    copy = Settings(data_dir=tmp_path / "copy")
    shutil.copytree(original.data_dir, copy.data_dir)
    keys = json.loads(copy.key_path.read_text())
    keys["tokens"], keys["seal"] = keys["seal"], keys["tokens"]
    copy.key_path.write_text(json.dumps(keys))
    with pytest.raises(ForeignKeyFileError):
        export_to(tmp_path / "foreign.zip", copy, nothing)
    assert not (tmp_path / "foreign.zip").exists()
