"""Watches the whole run: every answer holds to the error catalogue, and no secret leaks.

Answers are judged where they leave the gate, whoever the client is, and at httpx those of servers
in other processes; with them every line of the product's log, and whatever is printed. A fault
fails the test that caused it. It changes nothing of what it watches.
"""

from __future__ import annotations

import base64
import logging
import re
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import pytest

from cloudsealed.api.errors import catalogue
from cloudsealed.api.gate.gate import Gate
from cloudsealed.auth import credential, passwords
from cloudsealed.auth.oauth.model import CLIENT
from cloudsealed.storage.keys import Key, KeyRing
from tests.program import Program

HEADERS = (
    "x-request-id",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-ratelimit-used",
    "x-ratelimit-resource",
    "ratelimit-policy",
    "ratelimit",
)
_PAGES = r"/(login|logout|confirm|account(/\w+)*|invitation|device|oauth/authorize)"
SHOWN_ONCE: tuple[tuple[re.Pattern[str], frozenset[str]], ...] = tuple(
    (re.compile(f"POST {path}"), frozenset(fields))
    for path, fields in (
        (r"/v1/tokens(/[^/]+/rotate)?", ["token"]),
        (r"/v1/oauth/(apps|clients)(/[^/]+/rotate)?", ["client_secret"]),
        (r"/v1/users(/[^/]+/invite)?", ["invitation_url"]),
        (r"/oauth/token", ["access_token", "refresh_token"]),
        (r"/oauth/device_authorization", ["device_code"]),
    )
)
"""The answers that show a secret, each with the fields that hold it."""

CARRIED: tuple[tuple[str, re.Pattern[str], re.Pattern[str]], ...] = tuple(
    (part, re.compile(pages), re.compile(form.replace("*", r"[0-9A-Za-z]{38}")))
    for part, pages, form in (
        ("location", r"POST /oauth/authorize", r"(?<=[?&]code=)csac_*(?=&|$)"),
        ("set-cookie", rf"\w+ {_PAGES}", r"(?<=cloudsealed_session=)csse_*(?=;)"),
        ("body", r"POST /account/tokens", r'(?<=readonly value=")cspat_*(?=")'),
        ("body", r"POST /account/apps(/\w+)?", r'(?<=readonly value=")cscs_*(?=")'),
        ("body", r"POST /users(/\w+)?", r'(?<=readonly value=")c(spat|scs)_*(?=")'),
        ("body", r"POST /users(/\w+)?", r'(?<=/invitation\?token=)csin_*(?=")'),
        ("body", r"(GET|POST) /invitation", r'(?<=name="invitation" value=")csin_*(?=")'),
    )
)
"""Where a header or a page carries a secret: which pages, and all that may stand there, once."""

_PREFIXED = re.compile(r"cs(?!ci_)[a-z]+_[0-9A-Za-z]{32,}")  # csci_ is an app's public id
_HASH = re.compile(r"\$argon2(id|i|d)\$\S+")
_PAGE_CODE = re.compile(r"""(?:<code>|data-code=")([a-z][a-z_]+)[<"]""")
_LENGTH = 32  # of what is kept of a secret: it is searched for in every run of such characters
_RUN = re.compile(rf"[0-9A-Za-z+/_-]{{{_LENGTH},}}")
_LONGEST_RUN = 8192
_SHORTEST_PASSWORD = 8
_CLIENTS = ("httpx", "httpcore", "urllib3", "requests")  # the tests' own
_DEBUGGED = ("cloudsealed", "uvicorn", "asyncio", "psycopg", "alembic", "valkey")
# They show what they made, or received from what is judged there; the last is a test of the guard.
_MAY_PRINT = re.compile(r"cloudsealed\S* (init|demo)\b|^curl |-m pytest ")


@dataclass(frozen=True)
class Answer:
    """A response: what asked for it, and all that it says."""

    method: str
    path: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def place(self) -> str:
        return f"{self.method} {self.path}"

    def header(self, name: str) -> str:
        """Return a header's value; empty when there is none."""
        return next((value for key, value in self.headers if key == name), "")


class Guard(logging.Handler):
    """What was seen, and what was wrong with it.

    `passwords` are searched for as they are; of every other secret the first 32 characters.
    """

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.faults: list[str] = []
        self.answers = 0
        self.lines = 0
        self.passwords: set[str] = set()
        self._secrets: set[str] = set()
        self._judged: set[str] = set()  # ids of the answers that the gate showed

    # Secrets

    def keep(self, text: str) -> None:
        """Remember a secret of at least 32 characters."""
        self._secrets.add(text[:_LENGTH])

    def keep_bytes(self, secret: bytes) -> None:
        """Remember a key, in the ways that it could be written."""
        for text in (secret.hex(), _base64(secret), _base64(secret).translate(_URL_SAFE)):
            if len(text) >= _LENGTH:
                self.keep(text)

    def keep_password(self, text: str) -> None:
        """Remember a password, unless it is so short that it would be found everywhere."""
        if len(text) >= _SHORTEST_PASSWORD:
            self.passwords.add(text)

    def leak(self, text: str) -> str | None:
        """Return what `text` holds of a secret."""
        if found := _PREFIXED.search(text) or _HASH.search(text):
            return found[0]
        if kept := next((word for word in self.passwords if word in text), None):
            return kept
        return next(filter(None, map(self._hidden, _RUN.findall(text))), None)

    def _hidden(self, run: str) -> str | None:
        """Return the secret within a run of characters, also under base64."""
        run = run[:_LONGEST_RUN]
        for start in range(len(run) - _LENGTH + 1):
            if run[start : start + _LENGTH] in self._secrets:
                return run[start:]
        plain = base64.urlsafe_b64decode(run.translate(_URL_SAFE)[: len(run) // 4 * 4])
        found = _PREFIXED.search(plain.decode("latin-1"))
        return found[0] if found else None

    # Logs and prints

    def emit(self, record: logging.LogRecord) -> None:
        """Judge a line of the log, its traceback too."""
        if record.name.partition(".")[0] in _CLIENTS:
            return
        self.lines += 1
        self._refuse(f"the log of {record.name}", logging.Formatter("%(message)s").format(record))

    def printed(self, place: str, text: str) -> None:
        """Judge what a process printed."""
        self._refuse(place, text)

    def heard(self, command: Any, printed: bytes | str | None, failed: bytes | str | None) -> None:
        """Judge what a process said, unless it is there to show secrets."""
        name = command if isinstance(command, str) else " ".join(map(str, command))
        self.printed(f"the errors of {name[:80]}", _text(failed))
        if not _MAY_PRINT.search(name):
            self.printed(f"what {name[:80]} printed", _text(printed))

    def _refuse(self, place: str, text: str) -> None:
        if leaked := self.leak(text):
            self.faults.append(f"{place} holds {leaked[:10]}…")

    # Answers

    def judge(self, answer: Answer) -> None:
        """Judge an answer of the product; one that cannot be read is a fault of its own."""
        self.answers += 1
        place = f"{answer.place}: {answer.status}"
        try:
            self._judge(answer, place)
        except (KeyError, TypeError, ValueError) as error:
            self.faults.append(f"{place} is in no shape of the contract: {error!r}")

    def _judge(self, answer: Answer, place: str) -> None:
        names = {name for name, _ in answer.headers}
        if missing := [name for name in HEADERS if name not in names]:
            self.faults.append(f"{place} lacks {missing}")
        for name, value in answer.headers:
            self._refuse(f"{place} {name}", _without_carried(answer, name, value))
        self._refuse(place, _without_shown(answer))
        if answer.status >= 400 and answer.body:
            self._judge_error(answer, place)

    def _judge_error(self, answer: Answer, place: str) -> None:
        kind, text = answer.header("content-type"), answer.body.decode()
        if kind.startswith("text/html"):
            codes = _PAGE_CODE.findall(text)
            is_form = answer.status == 422 and not codes  # shown again, with what is wrong in it
            if not is_form and {_status(code) for code in codes} != {answer.status}:
                self.faults.append(f"{place} names {codes}, not one catalogued code")
        elif kind.startswith("application/json"):
            self._judge_body(answer, orjson.loads(text), place)

    def _judge_body(self, answer: Answer, body: Any, place: str) -> None:
        error = body["error"]
        if isinstance(error, str):  # RFC 6749's shape
            error = {"code": None, "request_id": body["request_id"]}
        elif _status(error["code"]) != answer.status:
            self.faults.append(f"{place} {error['code']} is not catalogued")
        if error["request_id"] != answer.header("x-request-id"):
            self.faults.append(f"{place} names another request")

    def judge_here(self, answer: Answer) -> None:
        """Judge an answer of this process."""
        self._judged.add(answer.header("x-request-id"))
        self.judge(answer)

    def judge_received(self, response: httpx.Response) -> None:
        """Judge an answer of another process, if it is the product's."""
        path = response.request.url.path
        ident = response.headers.get("x-request-id")
        if ident in self._judged:
            self._judged.discard(ident)
        elif (ident or "").startswith("req_"):
            headers = tuple((k.lower(), v) for k, v in response.headers.multi_items())
            method = response.request.method
            self.judge(Answer(method, path, response.status_code, headers, response.content))


_URL_SAFE = str.maketrans("+/", "-_")


def _base64(secret: bytes) -> str:
    return base64.b64encode(secret).decode()


def _status(code: str) -> int | None:
    status: int | None = catalogue().get(code, {}).get("status")
    return status


def _without_carried(answer: Answer, name: str, value: str) -> str:
    for part, pages, form in CARRIED:
        if name == part and pages.fullmatch(answer.place):
            value = form.sub("", value, count=1)
    return value


def _without_shown(answer: Answer) -> str:
    """Return the text of a body, without the secrets that it is there to show."""
    if answer.status < 300:
        for place, fields in SHOWN_ONCE:
            if place.fullmatch(answer.place):
                body = orjson.loads(answer.body)
                return str(orjson.dumps({k: v for k, v in body.items() if k not in fields}))
    return _without_carried(answer, "body", answer.body.decode("latin-1"))


# What is watched


@contextmanager
def guarding(guard: Guard) -> Iterator[None]:
    """Watch answers, logs and what makes secrets until the block ends."""
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        _watch_gate(guard, patch)
        _watch_httpx(guard, patch)
        _watch_children(guard, patch)
        _watch_secrets(guard, patch)
        for name in _DEBUGGED:
            patch.setattr(logging.getLogger(name), "level", logging.DEBUG)
        logging.getLogger().addHandler(guard)
        stack.callback(logging.getLogger().removeHandler, guard)
        yield


def _watch_gate(guard: Guard, patch: pytest.MonkeyPatch) -> None:
    answer = Gate.__call__

    async def watched(self: Gate, scope: Any, receive: Any, send: Any) -> None:
        heads: list[Any] = []
        parts: list[bytes] = []

        async def seen(message: Any) -> None:
            if message["type"] == "http.response.start":
                heads.append(message)
            else:
                parts.append(message.get("body", b""))
            await send(message)

        try:
            await answer(self, scope, receive, seen)
        finally:
            if heads:
                guard.judge_here(_answer(scope, heads[0], parts))

    patch.setattr(Gate, "__call__", watched)


def _answer(scope: Any, head: Any, parts: Iterable[bytes]) -> Answer:
    headers = tuple((k.decode("latin-1").lower(), v.decode("latin-1")) for k, v in head["headers"])
    return Answer(scope["method"], scope["path"], head["status"], headers, b"".join(parts))


def _watch_httpx(guard: Guard, patch: pytest.MonkeyPatch) -> None:
    send, asend = httpx.Client.send, httpx.AsyncClient.send

    def watched(self: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        response = send(self, request, **options)
        if not options.get("stream"):
            guard.judge_received(response)
        return response

    async def awatched(
        self: httpx.AsyncClient, request: httpx.Request, **options: Any
    ) -> httpx.Response:
        response = await asend(self, request, **options)
        if not options.get("stream"):
            guard.judge_received(response)
        return response

    patch.setattr(httpx.Client, "send", watched)
    patch.setattr(httpx.AsyncClient, "send", awatched)


def _watch_children(guard: Guard, patch: pytest.MonkeyPatch) -> None:
    communicate = subprocess.Popen.communicate

    def watched(self: subprocess.Popen[Any], *given: Any, **options: Any) -> tuple[Any, Any]:
        printed, failed = communicate(self, *given, **options)
        guard.heard(self.args, printed, failed)
        return printed, failed

    run = Program.run

    def forked(self: Program, *given: Any, **options: Any) -> subprocess.CompletedProcess[str]:
        done = run(self, *given, **options)
        guard.heard(done.args, done.stdout, done.stderr)
        return done

    patch.setattr(subprocess.Popen, "communicate", watched)
    patch.setattr(Program, "run", forked)


def _text(output: bytes | str | None) -> str:
    return output.decode("latin-1") if isinstance(output, bytes) else output or ""


def _watch_secrets(guard: Guard, patch: pytest.MonkeyPatch) -> None:
    mint, digest = credential.mint, credential.digest
    hashed, verifies = passwords.hashed, passwords.verifies
    make, derive = Key.__init__, KeyRing.for_tenant

    def minted(prefix: str = credential.PREFIX) -> str:
        text = mint(prefix)
        if prefix != CLIENT:
            guard.keep(text.removeprefix(prefix))
        return text

    def digested(text: str, key: Key) -> str:
        found = digest(text, key)
        guard.keep(found)
        return found

    def hashes(password: str, **known: bool) -> str:
        guard.keep_password(password)
        return hashed(password, **known)

    def checks(stored: str | None, password: str, **known: bool) -> bool:
        is_right = verifies(stored, password, **known)
        if is_right:
            guard.keep_password(password)
        return is_right

    def made(
        self: Key,
        id: str,  # noqa: A002
        secret: bytes,
        *times: str | None,
        **named: str | None,
    ) -> None:
        make(self, id, secret, *times, **named)
        guard.keep_bytes(secret)

    def derived(self: KeyRing, purpose: str, tenant: str) -> bytes:
        secret = derive(self, purpose, tenant)
        guard.keep_bytes(secret)
        return secret

    patch.setattr(credential, "mint", minted)
    patch.setattr(credential, "digest", digested)
    patch.setattr(passwords, "hashed", hashes)
    patch.setattr(passwords, "verifies", checks)
    patch.setattr(Key, "__init__", made)
    patch.setattr(KeyRing, "for_tenant", derived)


class Watch:
    """The guard as a plugin of pytest: in a process of its own for every worker."""

    def __init__(self) -> None:
        self.guard = Guard()
        self._stack = ExitStack()

    def pytest_sessionstart(self) -> None:
        """Begin to watch."""
        self._stack.enter_context(guarding(self.guard))

    def pytest_sessionfinish(self) -> None:
        """Stop watching."""
        self._stack.close()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Iterator[None]:
        """Fail the step of a test during which something broke the contract or leaked."""
        report: Any = yield
        for title, text in report.sections:  # those of the steps before were judged after them
            if title in (f"Captured stdout {report.when}", f"Captured stderr {report.when}"):
                self.guard.printed(title, text)
        faults, self.guard.faults = self.guard.faults, []
        if faults:
            report.outcome = "failed"
            report.longrepr = "The guard saw:\n" + "\n".join(f"  {fault}" for fault in faults)
        return report
