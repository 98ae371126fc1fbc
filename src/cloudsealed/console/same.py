"""How to get what a page shows by the API: a request for `curl`, and one for the command line."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from cloudsealed.console.asking import Asking


@dataclass(frozen=True, slots=True)
class Same:
    """One request of the API, as people type it."""

    curl: str
    command: str


def same(api: Asking) -> list[Same]:
    """Return what a page asked, each request once."""
    return list(dict.fromkeys(_typed(api)))


def _typed(api: Asking) -> Iterator[Same]:
    for method, wanted, body in api.asked:
        verb = "" if method == "GET" else f"-X {method} "
        data = shlex.quote(orjson.dumps(body).decode()) if body is not None else ""
        sends = f" --json {data}" if data else ""
        url = shlex.quote(api.base + wanted)
        curl = f'curl {verb}-H "Authorization: Bearer $CS_TOKEN"{sends} {url}'
        said = f" -d {data}" if data else ""
        yield Same(curl, f"cloudsealed api {method} {shlex.quote(wanted)}{said}")
