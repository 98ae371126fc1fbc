"""The tags of a resource are looked up by the resource, whichever question of tags is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudsealed.findings.listing import LISTING as FINDINGS
from cloudsealed.resources.store import LISTING as RESOURCES
from cloudsealed.storage.database import SqliteDatabase
from cloudsealed.storage.keyset import Listing, _Shape, counted, statement_for

PAIRS = {"tag": ("2", "a", "1", "b", "2"), "tag_pair": ("1", "a", "1", "a", "2")}


@pytest.fixture(scope="module")
def sqlite(
    tmp_path_factory: pytest.TempPathFactory, migrated_file: bytes
) -> Iterator[SqliteDatabase]:
    file: Path = tmp_path_factory.mktemp("planning") / "cloudsealed.db"
    file.write_bytes(migrated_file)
    database = SqliteDatabase(file)
    yield database
    database.close()


@pytest.mark.parametrize("listing", [FINDINGS, RESOURCES], ids=["findings", "resources"])
@pytest.mark.parametrize("name", ["owner", "tag", "tag_pair", "tag_key", "tag_value"])
def test_sqlite_finds_the_tags_of_a_row_by_its_resource(
    sqlite: SqliteDatabase, listing: Listing, name: str
) -> None:
    filters = {name: PAIRS.get(name, ("x",))}
    statement = statement_for(listing, _Shape("", counted(filters), "-id", resumed=False))[0]
    values = {"tenant": "t", "chunk": 5, **listing.values(filters)}
    with sqlite.read() as connection:
        plan = [row[3] for row in connection.explain(statement, values)]
    looked = [step for step in plan if "resource_tags" in step]
    assert looked
    assert all("resource_id=?" in step for step in looked), plan
