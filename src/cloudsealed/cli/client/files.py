"""Files and streams of the API: into a file, to standard output, or line by line as they come.

A file is there whole or not at all. What is no text is not written to a terminal.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import httpx

from cloudsealed.cli.client import show
from cloudsealed.cli.client.asked import LONGEST, Asked
from cloudsealed.cli.client.send import send
from cloudsealed.cli.client.table import Operation
from cloudsealed.cli.exchange import ServerError
from cloudsealed.cli.terminal import Terminal
from cloudsealed.kit.visible import shown

STDOUT: Final = "-"
_TEXTS: Final = re.compile(r"text/|application/([\w.-]+\+)?(json|jsonl|xml|yaml)\b")
_NAMED: Final = re.compile(r'filename="([^"/\\]+)"')


class FileError(ServerError):
    """A file could not be put where it was to be."""

    code = "file_error"


def with_format(operation: Operation, asked: Asked, output: str | None) -> Asked:
    """Ask for the format by which a file's name ends, where the command says none."""
    known = operation.parameter("format")
    wanted = Path(output).suffix.removeprefix(".").lower() if output else ""
    if known is None or wanted not in known.choices or any(n == "format" for n, _ in asked.query):
        return asked
    return replace(asked, query=[*asked.query, ("format", wanted)])


def fetch(client: httpx.Client, asked: Asked, output: str | None) -> None:
    """Send a request and put the answer where it is to be, in the form that the server likes best
    unless the request says which; raises FileError, ServerError."""
    asked = replace(asked, headers={"Accept": "*/*", **asked.headers}, patience=LONGEST)
    if output is None or output == STDOUT:
        send(client, asked, lambda response: to_stdout(response, forced=output == STDOUT))
        return
    place = Path(output).expanduser()
    if output.endswith("/") and not place.is_dir():
        raise FileError(f"{output} is no folder")
    written = send(client, asked, lambda response: to_file(response, place))
    show.note(f"{written}: {written.stat().st_size} bytes")


def to_file(response: httpx.Response, output: Path) -> Path:
    """Write an answer to a file, or into a folder by the name that the server gives it.

    What is there and is no file, such as /dev/null, is written to and stays what it is.
    """
    if output.is_dir():
        output /= _named(response, output)
    is_special = output.exists() and not output.is_file()
    output = output if is_special else output.resolve()  # a link stays one
    part = output if is_special else output.with_name(f".{output.name}.part")
    try:
        with part.open("wb") as file:
            for piece in response.iter_bytes():
                file.write(piece)
        if not is_special:
            if output.exists():
                part.chmod(output.stat().st_mode & 0o777)
            part.replace(output)
    except OSError as error:
        raise FileError(f"{output} cannot be written: {error.strerror}") from error
    finally:
        if not is_special:
            part.unlink(missing_ok=True)
    return output


def _named(response: httpx.Response, folder: Path) -> str:
    found = _NAMED.search(response.headers.get("Content-Disposition", ""))
    if found is None or found[1] in (".", ".."):
        raise FileError(f"{folder} is a folder, and the server names no file")
    return found[1]


def to_stdout(response: httpx.Response, *, forced: bool = False) -> None:
    """Write an answer to standard output; raises FileError for what would upset a terminal."""
    kind = response.headers.get("Content-Type", "")
    if not sys.stdout.isatty():
        _written_once(response.iter_bytes())
    elif _TEXTS.match(kind):
        console = Terminal()
        for line in response.iter_lines():
            console.print(shown(line))
    elif forced:
        _written_once(response.iter_bytes())
    else:
        raise FileError(f"This is {kind or 'no text'}: put it into a file with -o FILE")


def _written_once(pieces: Iterator[bytes]) -> None:
    """Write pieces; what was lost midway is an error, as it cannot begin anew."""
    console, begun = Terminal(), False
    try:
        for piece in pieces:
            begun = True
            console.binary(piece)
    except httpx.TransportError as error:
        if begun:
            raise FileError(f"The connection was lost midway: {error}") from error
        raise


def follow(client: httpx.Client, asked: Asked) -> None:
    """Print what each event of a stream says, a line each, until it ends; one that is lost goes on
    where it was."""
    known: dict[str, str] = {}

    def take(response: httpx.Response) -> None:
        for line in response.iter_lines():
            name, _, value = line.partition(":")
            if name == "id":
                known["Last-Event-ID"] = value.strip()
                response.request.headers.update(known)
            elif name == "data":
                Terminal().print(shown(value.strip()))

    headers = {**asked.headers, "Accept": "text/event-stream"}
    send(client, replace(asked, headers=headers), take)
