"""Sends one request until it is answered: what is busy or lost is asked again, never done twice.

A POST that makes something has an Idempotency-Key, the same each time. What may not be repeated is
not: then a lost connection is an error.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import httpx

from cloudsealed.cli.client.asked import KEY, Asked
from cloudsealed.cli.exchange import ServerError, no_answer
from cloudsealed.cli.terminal import Terminal

T = TypeVar("T")

PATIENCE: Final = 60
"""Seconds that a command waits in all for a server that is busy or away."""
_BUSY: Final = (429, 503)
_IN_PROGRESS: Final = "idempotency_in_progress"
_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 8
_LOST: Final = (httpx.ReadError, httpx.WriteError, httpx.CloseError, httpx.RemoteProtocolError)
_REPEATABLE: Final = ("GET", "HEAD", "PATCH", "PUT", "DELETE")


class AnswerError(ServerError):
    """The server answered with an error, whose code it is."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(message)
        self.code = code  # type: ignore[misc]  # the server's own
        self.status = status  # type: ignore[misc]


def send(client: httpx.Client, asked: Asked, take: Callable[[httpx.Response], T]) -> T:
    """Send a request and return what `take` makes of the answer, whose body it reads.

    `take` begins anew with each answer. Raises AnswerError for an answer that is an error, and
    ServerError when there is none.
    """
    request = asked.request(client)
    waits = _Waits(may_repeat=_may_repeat(request))
    while True:
        try:
            response = client.send(request, stream=True)
            try:
                if response.is_success:
                    return take(response)
                error = _refused(response)
            finally:
                response.close()
        except httpx.TransportError as lost:
            waits.lost(lost, no_answer(_base(client), lost))
            continue
        except httpx.HTTPError as failed:
            raise no_answer(_base(client), failed) from failed
        if waits.was_lost and request.method == "DELETE" and error.status == 404:
            return take(httpx.Response(204, request=request))  # the answer was lost, not the work
        waits.refused(error, response.headers.get("Retry-After", ""))


def _may_repeat(request: httpx.Request) -> bool:
    return KEY in request.headers or (
        request.method in _REPEATABLE and "If-Match" not in request.headers
    )


def _base(client: httpx.Client) -> str:
    return str(client.base_url).rstrip("/")


class _Waits:
    """How long a command has waited, and whether it goes on."""

    def __init__(self, *, may_repeat: bool) -> None:
        self.was_lost = False
        self._may_repeat = may_repeat
        self._left: float = PATIENCE
        self._pause = _FIRST_PAUSE

    def lost(self, error: httpx.TransportError, told: ServerError) -> None:
        """Wait after a connection was lost; raises `told` when it never was one, or is enough."""
        was_there = isinstance(error, _LOST)
        is_away = self.was_lost and isinstance(error, httpx.ConnectError)
        if not self._may_repeat or not (was_there or is_away) or self._pause > self._left:
            raise told from error
        self.was_lost = True
        self._wait(self._pause, told.message)

    def refused(self, error: AnswerError, after: str) -> None:
        """Wait as a busy server says; raises `error` when it is another, or that is too long."""
        in_progress = error.code == _IN_PROGRESS and self.was_lost
        if error.status not in _BUSY and not in_progress:
            raise error
        seconds = int(after) if after.isascii() and after.isdigit() else self._pause
        if seconds > self._left:
            raise error
        self._wait(seconds, f"{error.code}: {error.message}")

    def _wait(self, seconds: float, why: str) -> None:
        Terminal(stderr=True).print(f"{why}; once more in {seconds} s", style="dim")
        self._left -= seconds
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        time.sleep(seconds)  # what the server asks for: nothing says it sooner


def _refused(response: httpx.Response) -> AnswerError:
    """Return the error that an answer is."""
    status = response.status_code
    try:
        found = json.loads(response.read())["error"]
        message = found["message"]
        for detail in found.get("details", ()):
            message += _detail(detail) if detail["message"] not in message else ""
        return AnswerError(found["code"], f"{message} ({status}, {found['request_id']})", status)
    except (KeyError, TypeError, ValueError):
        message = f"{response.url} answered {status} {response.reason_phrase}: is it CloudSealed?"
        return AnswerError(ServerError.code, message, status)


def _detail(detail: Mapping[str, Any]) -> str:
    place = f"{detail['field']}:{detail['line']}:{detail['column']}"
    return f"; {place if 'line' in detail else detail['field']}: {detail['message']}"


def document(response: httpx.Response) -> Any:
    """Return the JSON of an answer, None for none; raises ServerError for what is none of ours."""
    text = response.read()
    try:
        return json.loads(text) if text else None
    except ValueError as error:
        raise ServerError(f"What {response.url} answered is no JSON: is it CloudSealed?") from error
