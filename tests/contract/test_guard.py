"""The guard itself: whatever it is there to find is planted, and found."""

from __future__ import annotations

import asyncio
import base64
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from tests.guard import HEADERS, Answer, Guard
from tests.waiting import SECONDS

from cloudsealed.auth import credential, passwords
from cloudsealed.storage.keys import Key, ensure_keys

PASSWORD = "a password of the guard's own test"
JSON = ("content-type", "application/json")
ROOT = Path(__file__).parents[2]


def _answer(place: str, status: int = 200, body: object = None, **headers: str) -> Answer:
    method, _, path = place.partition(" ")
    known = tuple(dict.fromkeys(HEADERS, "1").items()) + tuple(headers.items())
    content = body.encode() if isinstance(body, str) else orjson.dumps(body)
    kind = JSON if "content_type" not in headers else ("content-type", headers["content_type"])
    return Answer(method, path, status, (*known, kind), content)


def _faults(answer: Answer) -> list[str]:
    found = Guard()
    found.judge(answer)
    return found.faults


def _error(code: str, request_id: str = "1") -> dict[str, Any]:
    return {"error": {"code": code, "message": "x", "request_id": request_id}}


def test_good_answers_are_no_fault() -> None:
    assert not _faults(_answer("GET /v1/me", body={"id": "x"}))
    assert not _faults(_answer("GET /v1/nope", 404, _error("not_found")))
    flat = {"error": "invalid_grant", "request_id": "1"}
    assert not _faults(_answer("POST /oauth/token", 400, flat))
    page = 'data-code="invalid_login"'
    assert not _faults(_answer("POST /login", 401, page, content_type="text/html"))


@pytest.mark.parametrize(
    ("status", "code", "request_id"),
    [(404, "no_such_code", "1"), (400, "not_found", "1"), (404, "not_found", "2")],
)
def test_an_error_outside_the_catalogue_is_a_fault(status: int, code: str, request_id: str) -> None:
    assert _faults(_answer("GET /v1/x", status, _error(code, request_id)))


@pytest.mark.parametrize("page", ["nothing", "<code>no_such_code</code>", "<code>not_found</code>"])
def test_a_page_of_an_error_that_names_no_code_of_its_status_is_a_fault(page: str) -> None:
    assert _faults(_answer("GET /account", 403, page, content_type="text/html"))


@pytest.mark.parametrize("body", [{}, [], {"error": {}}, {"error": {"code": "not_found"}}])
def test_an_error_in_another_shape_is_a_fault(body: object) -> None:
    assert _faults(_answer("GET /v1/nope", 404, body))


def test_a_missing_header_is_a_fault() -> None:
    assert _faults(Answer("GET", "/v1/me", 200, (("x-request-id", "1"),), b"{}"))


@pytest.mark.parametrize(
    ("place", "field", "prefix"),
    [
        ("POST /v1/tokens", "token", "cspat_"),
        ("POST /v1/tokens/tok_1/rotate", "token", "cspat_"),
        ("POST /v1/oauth/apps", "client_secret", "cscs_"),
        ("POST /v1/users", "invitation_url", "csin_"),
        ("POST /oauth/token", "refresh_token", "csrt_"),
    ],
)
def test_a_secret_is_shown_by_its_own_answer_in_its_own_field_alone(
    place: str, field: str, prefix: str
) -> None:
    text = credential.mint(prefix)
    assert not _faults(_answer(place, 201, {field: text}))
    assert _faults(_answer(place, 201, {"name": text}))
    assert _faults(_answer(place, 422, {**_error("invalid_field"), field: text}))
    assert _faults(_answer(place.replace("POST", "GET"), 200, {field: text}))
    assert _faults(_answer("POST /v1/me", 200, {field: text}))
    assert _faults(_answer(place, 201, {}, location=f"/v1/tokens/{text}"))


def test_codes_and_sessions_travel_in_their_own_headers_alone() -> None:
    code, session = credential.mint("csac_"), credential.mint("csse_")
    good, cookie = f"https://app.example.com/?code={code}", f"cloudsealed_session={session}; Path=/"
    assert not _faults(_answer("POST /oauth/authorize", 303, "", location=good))
    assert not _faults(_answer("POST /login", 303, "", **{"set-cookie": cookie}))
    for place, headers in (
        ("GET /oauth/authorize", {"location": good}),
        ("POST /oauth/authorize", {"location": good.replace("code=", "state=")}),
        ("POST /oauth/authorize", {"location": f"{good}&state={code}"}),
        ("POST /login", {"location": f"/?next={session}"}),
        ("GET /v1/me", {"set-cookie": cookie}),
        ("POST /login", {"set-cookie": cookie.replace(session, code)}),
    ):
        assert _faults(_answer(place, 303, "", **headers)), (place, headers)


def test_a_page_shows_what_it_made_once() -> None:
    text = credential.mint()
    page, shown = {"content_type": "text/html"}, f'<input readonly value="{text}">'
    assert not _faults(_answer("POST /account/tokens", 200, shown, **page))
    for place, body in (
        ("GET /account/tokens", shown),
        ("POST /account/tokens", shown * 2),
        ("POST /account/tokens", f"<p>{text}</p>"),
    ):
        assert _faults(_answer(place, 200, body, **page)), (place, body)


def _keys(folder: Path) -> Key:
    return ensure_keys(folder / "keys.json").current("tokens")


PLANTED: dict[str, Callable[[Path], str]] = {
    "a token": lambda _: credential.mint(),
    "a token in base64": lambda _: base64.b64encode(f"id:{credential.mint()}".encode()).decode(),
    "half of a token": lambda _: credential.mint("csrt_")[5:40],
    "the digest of a token": lambda folder: credential.digest("x", _keys(folder)),
    "a key in hex": lambda folder: _keys(folder).secret.hex(),
    "a key in base64": lambda folder: base64.b64encode(_keys(folder).secret).decode(),
    "a key for URLs": lambda folder: base64.urlsafe_b64encode(_keys(folder).secret).decode(),
    "the key of a tenant": lambda folder: (
        ensure_keys(folder / "keys.json").for_tenant("redaction", "ten_1").hex()
    ),
    "a password": lambda _: PASSWORD if passwords.hashed(PASSWORD) else "",
    "the hash of a password": lambda _: passwords.hashed("another of the guard's tests"),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_every_kind_of_secret_is_found_wherever_it_turns_up(
    kind: str, guard: Guard, tmp_path: Path
) -> None:
    text = PLANTED[kind](tmp_path)
    assert guard.leak(f'{{"name":"{text}"}}')
    guard.judge(_answer("GET /v1/me", 200, {"name": text}))
    guard.judge(_answer("GET /v1/me", 200, {}, etag=f'"{text}"'))
    logging.getLogger("cloudsealed.planted").debug("%s", text)
    logging.getLogger("cloudsealed.planted").warning("x", exc_info=ValueError(text))
    for script in ("print(input())", "import sys; print(input(), file=sys.stderr)"):
        process = subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        process.communicate(text)
    faults, guard.faults = guard.faults, []
    assert len(faults) == 6, faults


def test_what_is_no_secret_is_not_found(guard: Guard) -> None:
    client = credential.mint("csci_")
    for text in (client, "0" * 64, "aws-ec2-security-group-is-open-to-the-internet", "A" * 9000):
        assert guard.leak(text) is None


def test_every_answer_of_this_process_is_judged(guard: Guard, tenant: Any) -> None:
    before = guard.answers
    with tenant.client(None) as http:
        http.get("/v1/me")
    httpx.get(f"{tenant.url}/healthz", trust_env=False)
    assert guard.answers == before + 2


def test_an_answer_of_another_process_is_judged_where_it_is_received(guard: Guard) -> None:
    def serve(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"X-Request-Id": "req_other"}, json={})

    with httpx.Client(transport=httpx.MockTransport(serve)) as http:
        http.get("http://other.example/v1/me")

    async def ask() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(serve)) as http:
            await http.get("http://other.example/v1/me")

    asyncio.run(ask())
    faults, guard.faults = guard.faults, []
    assert len(faults) == 2, faults


_FAULTY = """
import logging, os, subprocess, sys
import pytest
from cloudsealed.auth import credential

def test_that_is_good():
    assert credential.mint()

def test_that_logs():
    logging.getLogger("cloudsealed.x").debug(credential.mint())

def test_that_prints():
    print(credential.mint())

def test_whose_child_prints():
    subprocess.run([sys.executable, "-c", "import sys; print(sys.argv[1])", credential.mint()])

@pytest.fixture
def leaky():
    yield
    logging.getLogger("cloudsealed.x").error(credential.mint())

def test_whose_fixture_logs(leaky):
    pass
"""


def test_a_fault_fails_the_test_that_caused_it(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "from tests.guard import Watch\n"
        "def pytest_configure(config):\n    config.pluginmanager.register(Watch())\n"
    )
    (tmp_path / "test_faulty.py").write_text(_FAULTY)
    command = [sys.executable, "-m", "pytest", "-qrN", "-p", "no:cacheprovider", "-c", "/dev/null"]
    ran = subprocess.run(
        [*command, f"--rootdir={tmp_path}", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert "3 failed, 2 passed, 1 error" in ran.stdout, ran.stdout
    assert ran.stdout.count("The guard saw") == 4
