"""The options of a generated command, and what a call of it gives: query, body, headers.

A function whose signature is made from the operation is all that Typer needs to know.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import typer

from cloudsealed.cli.client import values
from cloudsealed.cli.client.table import BodyField, Operation, Parameter

PLACE: Final = re.compile(r"\{(\w+)\}")
_NOT: Final = "_not"
_FILTERS, _BODY, _ANSWER = "Query", "Body", "Answer"
_KINDS: Final = {
    "integer": "NUMBER",
    "number": "NUMBER",
    "boolean": "true|false",
    "strings": "TEXT,…",
    "json": "JSON",
}
_WIDEST: Final = 18  # of the words of an option that stand beside it


@dataclass(frozen=True, slots=True)
class Given:
    """What a command is called with. `limit` None is all."""

    path: str
    query: list[tuple[str, str]] = field(default_factory=list)
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    limit: int | None = None
    json: bool | None = None
    output: str | None = None
    include: bool = False


@dataclass(frozen=True, slots=True)
class _Option:
    """One parameter of the function: how Typer declares it, and what a value of it does."""

    name: str
    annotation: Any
    default: Any


def callback(operation: Operation, run: Callable[[Operation, Given], None]) -> Callable[..., None]:
    """Return the function of an operation's command, which runs it with what is given."""
    options = list(_options(operation))

    def command(**given: Any) -> None:
        run(operation, _read(operation, given))

    kind = inspect.Parameter.KEYWORD_ONLY
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # what Typer reads
        [
            inspect.Parameter(each.name, kind, default=each.default, annotation=each.annotation)
            for each in options
        ]
    )
    command.__annotations__ = {each.name: each.annotation for each in options}
    command.__doc__ = operation.help
    return command


def choices(operation: Operation) -> dict[str, tuple[str, ...]]:
    """Return the words that options take, by option."""
    query = {f"--{_dashed(each.name)}": each.choices for each in operation.query}
    body = {
        f"--{each.option}": tuple(values.WORDS) if each.kind == "boolean" else each.choices
        for each in operation.body
    }
    return {option: words for option, words in (query | body).items() if words}


def _options(operation: Operation) -> Iterator[_Option]:
    for name in PLACE.findall(operation.path):
        yield _Option(f"at_{name}", str, typer.Argument(metavar=name.upper(), help="Its id."))
    for each in operation.query:
        yield _filter(each)
        if each.negates:
            yield _filter(each, negated=True)
    if operation.sends:
        yield from _body_options(operation)
    if operation.kind == "list":
        yield _Option("limit", int, _own(50, "--limit", "-n", help="How many to show.", min=1))
        yield _Option("all_", bool, _own(False, "--all", help="Show all, however many there are."))
    yield from _answer_options(operation)


def _filter(each: Parameter, *, negated: bool = False) -> _Option:
    """Return the option of a parameter; that of its negation is not in the help, which says so."""
    name = f"{each.name}{_NOT}" if negated else each.name
    declared = typer.Option(
        None,
        f"--{_dashed(name)}",
        help=_helped(each.help, each.choices),
        metavar=_metavar(each.form or "TEXT", each.choices, many=each.commas),
        rich_help_panel=_FILTERS,
        hidden=negated,
    )
    return _Option(f"query_{name}", list[str] if each.many else str, declared)


def _body_options(operation: Operation) -> Iterator[_Option]:
    for number, each in enumerate(operation.body):
        said = _helped(each.help, each.choices) + (" (needed)" if each.needed else "")
        declared = typer.Option(
            None,
            f"--{each.option}",
            help=said,
            metavar=_metavar(_KINDS.get(each.kind, "TEXT"), each.choices),
            rich_help_panel=_BODY,
            hidden=each.path[-1].endswith(_NOT),
        )
        yield _Option(f"body_{number}", list[str], declared)
    yield from _field_options()


def _field_options() -> Iterator[_Option]:
    data = "The whole body: JSON, @FILE, or - for standard input."
    raw = "A field of the body as the kind that it has; a.b=… is below a."
    free = "The same, where a VALUE that is JSON is that: note=null; @FILE is a file's content."
    for name, short, kind, said in (
        ("data", "-d", str, data),
        ("field", "-f", list[str], raw),
        ("typed-field", "-F", list[str], free),
    ):
        form = "JSON" if kind is str else "KEY=VALUE"
        shown = typer.Option(
            None, f"--{name}", short, help=said, metavar=form, rich_help_panel=_BODY
        )
        yield _Option(_undashed(name), kind, shown)


def _answer_options(operation: Operation) -> Iterator[_Option]:
    if operation.once:
        said = "Do it once however often it is asked with this key; else each call has its own."
        yield _Option("key", str, _own(None, "--idempotency-key", help=said, metavar="TEXT"))
    if operation.matched:
        said = "Only if it is still as it was: the ETag that `get --include` shows."
        yield _Option("match", str, _own(None, "--if-match", help=said, metavar="ETAG"))
    if operation.kind == "file":
        said = "Where to put the file: its name, a folder, or - for standard output."
        yield _Option("output", str, _own(None, "--output", "-o", help=said, metavar="FILE"))
    elif operation.kind != "stream":
        said = "As JSON, or for people; a terminal gets the latter."
        yield _Option("json", bool, _own(None, "--json/--table", help=said))
    if operation.kind == "one":
        said = "Show the status and the headers first."
        yield _Option("include", bool, _own(False, "--include", "-i", help=said))


def _own(default: Any, *names: str, **said: Any) -> Any:
    return typer.Option(default, *names, rich_help_panel=_ANSWER, **said)


def _metavar(form: str, choices: tuple[str, ...], *, many: bool = False) -> str:
    words = "|".join(choices)
    if words and len(words) <= _WIDEST:
        return words
    return f"{'WORD' if words else form}{',…' if many else ''}"


def _helped(text: str, choices: tuple[str, ...]) -> str:
    long = len("|".join(choices)) > _WIDEST
    return f"{text}: {', '.join(choices)}." if long else f"{text.removesuffix('.')}."


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _undashed(name: str) -> str:
    return name.replace("-", "_")


def _read(operation: Operation, given: Mapping[str, Any]) -> Given:
    """Return what a call gives; raises typer.BadParameter for what cannot be meant."""
    headers = {"Idempotency-Key": given.get("key"), "If-Match": given.get("match")}
    return Given(
        path=PLACE.sub(lambda found: _segment(given[f"at_{found[1]}"]), operation.path),
        query=list(_query(operation, given)),
        body=_body(operation, given) if operation.sends else None,
        headers={name: value for name, value in headers.items() if value},
        limit=None if given.get("all_") else given.get("limit"),
        json=given.get("json"),
        output=given.get("output"),
        include=bool(given.get("include")),
    )


def _segment(text: str) -> str:
    """Return a name as a part of a path; raises typer.BadParameter for what would be another."""
    from urllib.parse import quote

    if text in ("", ".", "..") or not text.isprintable():
        raise typer.BadParameter(f"{text!r} is no id")
    return quote(text, safe="")


def _query(operation: Operation, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for each in operation.query:
        for name in (each.name, f"{each.name}{_NOT}"):
            found = given.get(f"query_{name}")
            for text in found if isinstance(found, list | tuple) else [found]:
                if text is None:
                    continue
                for value in text.split(",") if each.commas else [text]:
                    values.one_of(_dashed(name), value, each.choices)
                yield name, text


def _body(operation: Operation, given: Mapping[str, Any]) -> Any:
    data = given.get("data")
    chosen = [
        (each.path, values.typed(each, texts))
        for number, each in enumerate(operation.body)
        if (texts := given.get(f"body_{number}"))
    ]
    fields: tuple[BodyField, ...] = operation.body
    named = values.by_name(given.get("field") or (), given.get("typed_field") or (), fields)
    return values.merged(None if data is None else values.parsed(data), [*chosen, *named])
