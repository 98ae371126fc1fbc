"""A member of a column of compact JSON, as text: databases name it each in a way of its own."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Text, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class member(FunctionElement[str]):  # noqa: N801  # used as a function
    """The text of a member of the object that a column holds; null where it has none. `name` is a
    constant of the program."""

    inherit_cache = True
    type = Text()

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        super().__init__(column, literal_column(f"'{name}'"), literal_column(f"'$.{name}'"))


@compiles(member, "sqlite")
def _extracted(element: member, compiler: SQLCompiler, **given: Any) -> str:
    column, _name, path = element.clauses
    return f"json_extract({compiler.process(column, **given)}, {compiler.process(path, **given)})"


@compiles(member, "postgresql")
def _taken(element: member, compiler: SQLCompiler, **given: Any) -> str:
    column, name, _path = element.clauses
    return (
        f"(CAST({compiler.process(column, **given)} AS JSON) ->> {compiler.process(name, **given)})"
    )
