"""Watches every response and log line of a test run: the error catalogue holds, no secret leaks."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import orjson
import pytest

from cloudsealed.api.errors import catalogue

SECRET = re.compile(r"cs(?!ci_)[a-z]+_[0-9A-Za-z]{32,}")  # csci_ is an app's public id
SHOWN_ONCE = re.compile(
    r"/v1/tokens(/[^/]+/rotate)?|/v1/oauth/apps(/[^/]+/rotate)?|/v1/users(/[^/]+/invite)?"
    r"|/oauth/\w+"
)
HEADERS = (
    "x-request-id", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset",
    "x-ratelimit-used", "x-ratelimit-resource", "ratelimit-policy", "ratelimit",
)  # fmt: skip


class Guard(logging.Handler):
    """What was seen. `secrets` are texts, besides tokens, that must appear nowhere."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.faults: list[str] = []
        self.seen = 0
        self.lines = 0
        self.secrets: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Judge a line of the log, its traceback too."""
        self.lines += 1
        text = logging.Formatter("%(message)s").format(record)
        if leaked := self.leak(text):
            self.faults.append(f"the log of {record.name} holds {leaked[:8]}…")

    def leak(self, text: str) -> str | None:
        """Return a secret that `text` holds."""
        found = SECRET.search(text)
        if found:
            return found[0]
        return next((secret for secret in self.secrets if secret in text), None)

    def judge(self, response: httpx.Response) -> None:
        """Judge a response that was read."""
        path, place = response.request.url.path, f"{response.request.method} {response.request.url}"
        if "x-request-id" not in response.headers and not path.startswith("/v1"):
            return  # another server's
        self.seen += 1
        if missing := [name for name in HEADERS if name not in response.headers]:
            self.faults.append(f"{place}: lacks {missing}")
        may_show = response.request.method == "POST" and SHOWN_ONCE.fullmatch(path)
        if not (may_show and response.status_code < 300) and (leaked := self.leak(response.text)):
            self.faults.append(f"{place}: {response.status_code} holds {leaked[:8]}…")
        is_json = response.headers.get("content-type", "").startswith("application/json")
        if response.status_code >= 400 and is_json and response.content:
            self._judge_error(response, place)

    def _judge_error(self, response: httpx.Response, place: str) -> None:
        body: Any = orjson.loads(response.content)
        error = body["error"]
        if isinstance(error, str):  # RFC 6749's shape
            error = {"code": None, "request_id": body["request_id"]}
        elif catalogue().get(error["code"], {}).get("status") != response.status_code:
            self.faults.append(f"{place}: {response.status_code} {error['code']} is not catalogued")
        if error["request_id"] != response.headers["x-request-id"]:
            self.faults.append(f"{place}: names another request")


@contextmanager
def guarding() -> Iterator[Guard]:
    """Watch httpx's clients and the root logger until the block ends."""
    guard, patch = Guard(), pytest.MonkeyPatch()
    send, asend = httpx.Client.send, httpx.AsyncClient.send

    def watched(self: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        response = send(self, request, **options)
        if not options.get("stream"):
            guard.judge(response)
        return response

    async def awatched(
        self: httpx.AsyncClient, request: httpx.Request, **options: Any
    ) -> httpx.Response:
        response = await asend(self, request, **options)
        if not options.get("stream"):
            guard.judge(response)
        return response

    patch.setattr(httpx.Client, "send", watched)
    patch.setattr(httpx.AsyncClient, "send", awatched)
    logging.getLogger().addHandler(guard)
    patch.setattr(logging.getLogger("cloudsealed"), "level", logging.DEBUG)
    try:
        yield guard
    finally:
        logging.getLogger().removeHandler(guard)
        patch.undo()
