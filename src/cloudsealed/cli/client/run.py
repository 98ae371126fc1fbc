"""Runs one operation of the API for its command: asks the server, and shows what it answers."""

from __future__ import annotations

import sys

import httpx

from cloudsealed.cli.client import files, lists, show
from cloudsealed.cli.client.asked import Asked
from cloudsealed.cli.client.connection import connect
from cloudsealed.cli.client.options import Given
from cloudsealed.cli.client.send import document, send
from cloudsealed.cli.client.table import Operation


def run(operation: Operation, given: Given) -> None:
    """Do what a command says; raises ServerError and AnswerError."""
    with connect() as client:
        _KINDS[operation.kind](client, operation, given)


def for_people(as_json: bool | None) -> bool:
    """Say whether people read the answer: a terminal's do, unless the command says which."""
    return sys.stdout.isatty() if as_json is None else not as_json


def _one(client: httpx.Client, operation: Operation, given: Given) -> None:
    def take(response: httpx.Response) -> None:
        if given.include:
            show.head(response)
        found = document(response)
        if found is None:
            show.done(operation)
        elif for_people(given.json) and isinstance(found, dict):
            show.record(found)
        else:
            show.document(found)

    send(client, _asked(operation, given), take)


def _list(client: httpx.Client, operation: Operation, given: Given) -> None:
    asked = _asked(operation, given)
    walk = lists.Walk(operation, asked, lambda page: send(client, page, document))
    if for_people(given.json):
        lists.show_table(walk, given.limit)
    else:
        lists.show_json(walk, given.limit)


def _file(client: httpx.Client, operation: Operation, given: Given) -> None:
    asked = files.with_format(operation, _asked(operation, given), given.output)
    files.fetch(client, asked, given.output)


def _stream(client: httpx.Client, operation: Operation, given: Given) -> None:
    files.follow(client, _asked(operation, given))


def _asked(operation: Operation, given: Given) -> Asked:
    body = {} if operation.sends and given.body is None and _needs_body(operation) else given.body
    return Asked(
        operation.method, given.path, given.query, body, given.headers, once=operation.once
    )


def _needs_body(operation: Operation) -> bool:
    """Say whether no body is less than an empty one: then the server names what is missing."""
    return operation.method == "PATCH" or any(each.needed for each in operation.body)


_KINDS = {"one": _one, "list": _list, "file": _file, "stream": _stream}
