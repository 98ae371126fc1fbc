"""`cloudsealed api`: any request to the API, as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import typer

from cloudsealed.cli.client import values
from cloudsealed.cli.client.asked import LONGEST, Asked
from cloudsealed.cli.client.table import Operation, names, noun

if TYPE_CHECKING:
    import httpx

_METHODS: Final = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS")
_READS: Final = ("GET", "HEAD", "OPTIONS")
_JSON: Final = re.compile(r"application/([\w.-]+\+)?json\b")


def api(
    words: list[str] = typer.Argument(
        metavar="[METHOD] PATH",
        help="Such as v1/findings?limit=5. Without a method GET, and POST where there is a body.",
    ),
    data: str | None = typer.Option(
        None, "--data", "-d", metavar="JSON", help="The body: JSON, @FILE, or - for standard input."
    ),
    field: list[str] | None = typer.Option(
        None,
        "--field",
        "-f",
        metavar="KEY=VALUE",
        help="A field of the body as the kind that it has, else as text; of a GET, a parameter.",
    ),
    typed_field: list[str] | None = typer.Option(
        None,
        "--typed-field",
        "-F",
        metavar="KEY=VALUE",
        help="The same, where a VALUE that is JSON is that: note=null; @FILE is a file's content.",
    ),
    header: list[str] | None = typer.Option(
        None, "--header", "-H", metavar="NAME: VALUE", help="A header, such as 'If-Match: …'."
    ),
    output: str | None = typer.Option(
        None, "--output", "-o", metavar="FILE", help="Where to put the answer."
    ),
    include: bool = typer.Option(
        False, "--include", "-i", help="Show the status and the headers first."
    ),
) -> None:
    """Send one request to the API and print the answer."""
    from cloudsealed.cli.client.connection import connect

    method, path = _target(words, has_body=data is not None or bool(field or typed_field))
    with connect() as client:
        path = path.removeprefix(str(client.base_url).rstrip("/"))
        operation = _operation(method, path)
        known = operation.body if operation else ()
        fields = values.by_name(field or (), typed_field or (), known)
        is_read = method in _READS
        asked = Asked(
            method,
            path,
            list(_query(fields)) if is_read else (),
            values.merged(None if data is None else values.parsed(data), () if is_read else fields),
            dict(map(_header, header or ())),
            once=method == "POST" and (operation is None or operation.once),
            patience=LONGEST if is_read else None,
        )
        _answer(client, asked, output, include=include or method == "HEAD")


def _target(words: Sequence[str], *, has_body: bool) -> tuple[str, str]:
    """Return the method and the path; raises typer.BadParameter for anything else."""
    *before, path = words
    method = before[0].upper() if before else "POST" if has_body else "GET"
    if len(before) > 1 or method not in _METHODS:
        given = " ".join(words)
        raise typer.BadParameter(f"{given} is no [METHOD] PATH; methods are {', '.join(_METHODS)}")
    return method, path


def _operation(method: str, path: str) -> Operation | None:
    """Return the operation that a path is of, None of one that this program does not know."""
    parts = path.partition("?")[0].strip("/").split("/")
    for name in names():
        for each in noun(name).operations:
            known = each.path.strip("/").split("/")
            pairs = zip(known, parts, strict=False)
            if (each.method, len(known)) == (method, len(parts)) and all(
                here.startswith("{") or here == there for here, there in pairs
            ):
                return each
    return None


def _query(fields: Sequence[tuple[tuple[str, ...], Any]]) -> Iterator[tuple[str, str]]:
    for path, value in fields:
        for each in value if isinstance(value, list) else [value]:
            yield ".".join(path), each if isinstance(each, str) else json.dumps(each)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not (text.isascii() and text.isprintable()) or not name.strip():
        raise typer.BadParameter(f"{text!r} is no header, NAME: VALUE")
    return name.strip(), value.strip()


def _answer(client: httpx.Client, asked: Asked, output: str | None, *, include: bool) -> None:
    from cloudsealed.cli.client import files, show
    from cloudsealed.cli.client.send import document, send

    def take(response: httpx.Response) -> None:
        if include:
            show.head(response)
        if output is None and _JSON.match(response.headers.get("Content-Type", "")):
            show.document(document(response))
        else:
            files.to_stdout(response, forced=output == files.STDOUT)

    if output is None or output == files.STDOUT:
        send(client, asked, take)
    else:
        files.fetch(client, asked, output)
