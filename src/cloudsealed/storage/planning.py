"""What a planner is told about a condition that it cannot know without statistics."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class rarely(FunctionElement[bool]):  # noqa: N801  # used as a function
    """A condition that few rows pass: SQLite, which keeps no statistics here, then prefers the
    index of that column to one that merely has all columns of the answer in it.

    It has no type: a boolean one would be compared with 1 where a database has no booleans, and the
    index would be lost again.
    """

    inherit_cache = True

    def __init__(self, condition: ColumnElement[bool]) -> None:
        super().__init__(condition)


@compiles(rarely)
def _plain(element: rarely, compiler: SQLCompiler, **given: Any) -> str:
    return compiler.process(element.clauses, **given)


@compiles(rarely, "sqlite")
def _told(element: rarely, compiler: SQLCompiler, **given: Any) -> str:
    return f"likelihood({compiler.process(element.clauses, **given)}, 0.0001)"
