"""`cloudsealed policy push`: what policy files say, made true of a server.

Nothing is sent unless every file is valid. A policy is known by its key: one that the server lacks
is created, another is changed to what the file says, and neither happens twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from cloudsealed.cli.client.asked import Asked
from cloudsealed.cli.client.connection import connect
from cloudsealed.cli.client.send import AnswerError, document, send
from cloudsealed.cli.terminal import Terminal
from cloudsealed.kit.shapes import Use
from cloudsealed.packs import PolicySpec, check_form
from cloudsealed.packs.document import Document
from cloudsealed.policies.folder import Read

if TYPE_CHECKING:
    import httpx

_POLICIES: Final = "/v1/policies"
_COUNTED: Final = ("version",)  # by the server


def push_files(found: Sequence[Read], *, dry_run: bool) -> bool:
    """Bring policies that are valid to the server, and print what was done with each; say whether
    all of them are there. Raises ServerError where no server answers."""
    whole = True
    with connect() as client:
        for each in _in_order(found):
            try:
                done = _pushed(client, each, dry_run=dry_run)
            except AnswerError as error:
                whole = False
                Terminal(stderr=True).print(f"{each.file}: {error.message}", style="red")
            else:
                Terminal().print(f"{done:<9}  {_spec(each).key}")
    return whole


def _in_order(found: Sequence[Read]) -> Iterator[Read]:
    """Yield files so that a policy comes after those that it yields to."""
    left = list(found)
    while left:
        waiting = {_spec(each).key for each in left}
        ready = [each for each in left if waiting.isdisjoint(_spec(each).yields_to)]
        yield from ready or left
        left = [each for each in left if ready and each not in ready]


def _spec(each: Read) -> PolicySpec:
    assert each.policy is not None
    return each.policy


def _pushed(client: httpx.Client, each: Read, *, dry_run: bool) -> str:
    """Bring one policy to the server; return what was done, or would be, in a word."""
    key, body = _spec(each).key, _body(each)
    try:
        before = send(client, Asked("GET", f"{_POLICIES}/{key}"), document)
    except AnswerError as error:
        if error.status != 404:
            raise
        if not dry_run:
            said = {name: value for name, value in body.items() if value is not None}
            send(client, Asked("POST", _POLICIES, body=said, once=True), document)
        return "created"
    if dry_run:
        return "same" if _says(before, body) else "changed"
    after = send(client, Asked("PATCH", f"{_POLICIES}/{key}", body=body), document)
    return "same" if after["updated_at"] == before["updated_at"] else "changed"


def _body(each: Read) -> dict[str, Any]:
    """Return all that a file can say, with null or the default for what it leaves out."""
    file = Document(each.text, str(each.file))
    said = file.value(file.root)
    known = check_form().of(Use.FILE).known
    return {
        name: said.get(name, None if part.may_be_null else part.default)
        for name, part in known.items()
        if name not in _COUNTED
    }


def _says(policy: dict[str, Any], body: dict[str, Any]) -> bool:
    pairs = ((policy.get(name), value) for name, value in body.items())
    return all(there == value or not (there or value) for there, value in pairs)
