"""Rows are forgotten some at a time, in the order of their key, and no other row with them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from cloudsealed.storage import forgetting
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.forgetting import AT_ONCE, forget
from cloudsealed.storage.schema import audit_blocks, seal_rows

NAMES = st.sampled_from(["", "a", "b", "ä", "~"])
KEYS = st.sets(
    st.tuples(NAMES, st.sampled_from(["aud_1", "aud_2"]), st.sampled_from(["seen", "failed"]))
    .flatmap(lambda scope: st.tuples(*map(st.just, scope), NAMES, NAMES, NAMES)),
    max_size=40,
)  # fmt: skip
BLOCK = ("tenant_id", "audit_id", "kind", "account", "region", "key")


def add(connection: Connection, keys: set[tuple[str, ...]]) -> None:
    rest = {"digest": "", "lines": 0, "header": ""}
    connection.run(audit_blocks.delete())
    connection.many(
        audit_blocks.insert(), [{**dict(zip(BLOCK, key, strict=True)), **rest} for key in keys]
    )


@settings(max_examples=60)
@given(keys=KEYS, most=st.integers(0, 45), together=st.integers(1, 7), depth=st.integers(1, 4))
def test_the_first_of_a_scope_go_and_nothing_else(
    database: Database, keys: set[tuple[str, ...]], most: int, together: int, depth: int
) -> None:
    scope = ("a", "aud_1", "seen", "b")[:depth]
    named = dict(zip(BLOCK, scope, strict=False))
    within = sorted(key for key in keys if key[:depth] == scope)  # text sorts by its bytes
    with database.write() as connection:
        add(connection, keys)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forgetting, "AT_ONCE", together)
        gone = forget(database, audit_blocks, most=most, **named)
    with database.read() as connection:
        left = set(connection.all(select(*(audit_blocks.c[name] for name in BLOCK))))
    assert gone == min(most, len(within))
    assert left == keys - set(within[:most])


@pytest.fixture
def sizes(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Returns how many rows there are after each transaction."""
    written, seen = database.write, list[int]()

    @contextmanager
    def watched() -> Iterator[Connection]:
        with written() as connection:
            yield connection
        with database.read() as connection:
            row = connection.first(select(func.count()).select_from(seal_rows))
        seen.append(row[0] if row else 0)

    monkeypatch.setattr(database, "write", watched)
    return seen


def test_no_transaction_has_many_rows_and_what_is_gone_stays_gone(
    database: Database, sizes: list[int]
) -> None:
    count = 2 * AT_ONCE + 10
    scope: dict[str, Any] = {"tenant_id": "a", "audit_id": "aud_1"}
    rows = [{**scope, "level": 0, "number": number, "hashes": b""} for number in range(count)]
    with database.write() as connection:
        connection.many(seal_rows.insert(), rows)
    assert forget(database, seal_rows, most=AT_ONCE + 5, **scope) == AT_ONCE + 5
    assert forget(database, seal_rows, most=count, **scope) == AT_ONCE + 5
    assert forget(database, seal_rows, most=count, **scope) == 0
    assert sizes == [count, AT_ONCE + 10, AT_ONCE + 5, 5, 0]
