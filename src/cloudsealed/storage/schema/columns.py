"""How a column is made, and what every table belongs to.

Times are RFC 3339 text with milliseconds, so they sort as text and are the public form; truth
values are 0 and 1; documents are the stored bytes of public JSON.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Text
from sqlalchemy.types import TypeEngine

metadata = MetaData()


def _text() -> TypeEngine[str]:
    return Text().with_variant(Text(collation="C"), "postgresql")


def text(name: str, *, null: bool = False) -> Column[str]:
    """Return a text column that sorts by bytes on both databases."""
    return Column(name, _text(), nullable=null)


def integer(name: str, *, null: bool = False) -> Column[int]:
    """Return a 64-bit integer column."""
    return Column(name, BigInteger().with_variant(Integer(), "sqlite"), nullable=null)


def blob(name: str, *, null: bool = False) -> Column[bytes]:
    """Return a column of bytes."""
    return Column(name, LargeBinary(), nullable=null)
