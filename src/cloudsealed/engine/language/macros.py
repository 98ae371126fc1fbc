"""Which calls are macros: forms whose arguments are names and expressions, not values.

Sources: the CEL language definition, section "Macros", and of the extensions bindings (`cel.bind`),
optionals (`optMap`), two-variable comprehensions and lists (`sortBy`). Refuses to look at the
meaning of names: a macro is known by its name alone, so none of them can be a function.
"""

from __future__ import annotations

from typing import Final

from cloudsealed.engine.errors import ExpressionError
from cloudsealed.engine.language.lexer import Token
from cloudsealed.engine.language.syntax import (
    Bind,
    Call,
    Has,
    Loop,
    Macro,
    Name,
    Node,
    OptionalMap,
    Select,
)

_ONE: Final[dict[str, Macro]] = {
    "all": "all",
    "exists": "exists",
    "exists_one": "exists_one",
    "existsOne": "exists_one",
    "filter": "filter",
    "map": "map",
    "sortBy": "sort_by",
}
"""Loops with one variable."""
_TWO: Final[dict[str, Macro]] = {
    "all": "all",
    "exists": "exists",
    "exists_one": "exists_one",
    "existsOne": "exists_one",
    "transformList": "map",
    "transformMap": "make_map",
    "transformMapEntry": "merge_maps",
}
"""Loops with two variables."""
_RESULTS: Final = frozenset({"map", "make_map", "merge_maps"})
"""Loops that end in a result and may have a condition before it."""


def expand(source: str, name: Token, target: Node | None, args: tuple[Node, ...], end: int) -> Node:
    """The node of a call, `name(args)` or `target.name(args)`; raises `ExpressionError`."""
    start = name.start if target is None else target.start
    if target is None and name.text == "has":
        if len(args) != 1 or not isinstance(args[0], Select):
            message = "has() takes one field, such as has(resource.Name)"
            raise ExpressionError(message, source, name.start, end)
        return Has(start, end, args[0].operand, args[0].field)
    if target is not None:
        made = _of_target(source, name, target, args, end)
        if made is not None:
            return made
    return Call(start, end, name.text, target, args)


def _of_target(
    source: str, name: Token, target: Node, args: tuple[Node, ...], end: int
) -> Node | None:
    if name.text in _ONE or name.text in _TWO:
        return _loop(source, name, target, args, end)
    if name.text == "bind" and isinstance(target, Name) and target.name == "cel":
        (variable,) = _variables(source, name, args, 1, "cel.bind(x, value, ...)", 3, end)
        return Bind(target.start, end, variable, args[1], args[2])
    if name.text in ("optMap", "optFlatMap"):
        form = f"optional.{name.text}(x, ...)"
        (variable,) = _variables(source, name, args, 1, form, 2, end)
        return OptionalMap(target.start, end, target, variable, args[1], name.text == "optFlatMap")
    return None


def _variables(
    source: str, name: Token, args: tuple[Node, ...], named: int, form: str, count: int, end: int
) -> list[str]:
    """The names in the first `named` arguments of a macro that takes `count`."""
    names = [each.name for each in args[:named] if isinstance(each, Name)]
    plain = len(names) == len(set(names)) == named and not any("." in each for each in names)
    if plain and len(args) == count:
        return names
    raise ExpressionError(f"{name.text}() is written as {form}", source, name.start, end)


def _loop(source: str, name: Token, target: Node, args: tuple[Node, ...], end: int) -> Node:
    two = name.text not in _ONE or (
        name.text in _TWO and len(args) == 3 and isinstance(args[1], Name)
    )
    macro = (_TWO if two else _ONE)[name.text]
    least = 3 if two else 2
    count = len(args) if macro in _RESULTS and len(args) == least + 1 else least
    what = "an expression" if macro in _RESULTS or macro == "sort_by" else "a condition"
    variables = "i, x" if two else "x"
    form = f"list.{name.text}({variables}, ...)"
    if len(args) != count or not all(isinstance(each, Name) for each in args[: least - 1]):
        takes = "two variables" if two else "a variable"
        message = f"{name.text}() takes {takes} and {what}, such as {form}"
        raise ExpressionError(message, source, name.start, end)
    first, *more = _variables(source, name, args, least - 1, form, count, end)
    ends_in_result = macro in _RESULTS or macro == "sort_by"
    condition = args[-2] if count > least else None
    return Loop(
        target.start,
        end,
        macro,
        target,
        first,
        more[0] if more else None,
        condition if ends_in_result else args[-1],
        args[-1] if ends_in_result else None,
    )
