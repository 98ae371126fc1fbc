"""Whether a session stands: a server that knows some access keys, in some regions."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore.tokens import SSOTokenProvider

from cloudsealed.collectors.errors import (
    CredentialsRefusedError,
    NoCredentialsError,
    RoleRefusedError,
    SessionExpiredError,
)
from cloudsealed.collectors.model import CallRequest, Place, unit_of
from cloudsealed.vocabulary import CallOutcome

ERROR = "<ErrorResponse><Error><Code>{code}</Code><Message>m</Message></Error></ErrorResponse>"
ANSWERS = {
    "GetCallerIdentity": (
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/a"
        "</Arn><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
    ),
    "ListUsers": (
        "<ListUsersResponse><ListUsersResult><Users/></ListUsersResult></ListUsersResponse>"
    ),
    "ListTopics": (
        "<ListTopicsResponse><ListTopicsResult><Topics/></ListTopicsResult></ListTopicsResponse>"
    ),
}
ROLE = (
    "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ROLE{number}</AccessKeyId>"
    "<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
    "<Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>"
    "</AssumeRoleResponse>"
)
CONTAINER, SIGN_ON = "/credentials", "/federation/credentials"
SIGNED = re.compile(r"Credential=(\w+)/\d+/([\w-]+)/(\w+)/")


@dataclass
class Cloud:
    """What an access key is told: `said`, by key, by (service, region) or by operation, else an
    answer. `asked` counts operations."""

    said: dict[object, str] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, operation: str, signed: str) -> tuple[int, str]:
        found = SIGNED.search(signed)
        key, region, service = found.groups() if found else ("", "", "")
        with self.lock:
            self.asked[operation] += 1
            number = self.asked["AssumeRole"]
            for told in (operation, (service, region), key):
                if told in self.said and (told != key or operation != "AssumeRole"):
                    return 403, ERROR.format(code=self.said[told])
        if operation == "AssumeRole":
            return 200, ROLE.format(number=number)
        return 200, ANSWERS[operation]

    def given(self, path: str) -> bytes:
        """Return the next keys of a container's or of single sign-on's own endpoint."""
        with self.lock:
            self.asked[path] += 1
            number = self.asked[path]
        keys = {"SecretAccessKey": "s", "AccessKeyId": f"KEY{number}"}
        if path == CONTAINER:
            ends = {"Token": "t", "Expiration": "2999-01-01T00:00:00Z"}
            return json.dumps({**keys, **ends}).encode()
        ends = {"sessionToken": "t", "expiration": 32_472_144_000_000}
        named = {name[0].lower() + name[1:]: value for name, value in keys.items()}
        return json.dumps({"roleCredentials": {**named, **ends}}).encode()


@pytest.fixture
def cloud(credentials: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """A cloud as the endpoint of every AWS client."""
    cloud = Cloud()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body would be 40 ms apart

        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            operation = form.partition("Action=")[2].partition("&")[0]
            status, body = cloud.answer(operation, self.headers.get("Authorization", ""))
            self.send_response(status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def do_GET(self) -> None:
            body = cloud.given(self.path.partition("?")[0])
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_address[1]}")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
    try:
        yield cloud
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def rotating(tmp_path, monkeypatch):
    """A chain whose process gives the keys KEY1, KEY2, … in turn."""
    runs = tmp_path / "runs"
    program = tmp_path / "process.py"
    program.write_text(
        "import json, pathlib\n"
        f"runs = pathlib.Path({str(runs)!r})\n"
        "with runs.open('a') as file: file.write('.')\n"
        "print(json.dumps({'Version': 1, 'AccessKeyId': f'KEY{runs.stat().st_size}',\n"
        "                  'SecretAccessKey': 's', 'SessionToken': 't'}))\n"
    )
    (tmp_path / "config").write_text(
        f"[profile rotating]\ncredential_process = {sys.executable} {program}\n"
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    return runs


def request(service="iam", operation="ListUsers", region="eu-west-1"):
    unit = unit_of(Place("123456789012", region), service, operation, {})
    return CallRequest(unit, items="Users" if service == "iam" else "Topics")


STATIC = "AKIAIOSFODNN7EXAMPLE"


@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException", "RequestExpired"])
def test_a_session_that_expired_ends_at_its_first_refusal(code, cloud, make_caller):
    cloud.said[STATIC] = code
    with pytest.raises(SessionExpiredError, match="Sign in again"):
        make_caller().call(request())
    assert cloud.asked == {"ListUsers": 1}


@pytest.mark.parametrize(
    "code", ["InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure"]
)
def test_a_session_that_is_not_known_at_home_either_has_ended(code, cloud, make_caller):
    cloud.said[STATIC] = code
    with pytest.raises(CredentialsRefusedError, match="eu-west-1"):
        make_caller().call(request())
    assert cloud.asked["GetCallerIdentity"] == 1


@pytest.mark.parametrize(
    "code", ["InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure"]
)
def test_a_region_that_knows_nobody_ends_nothing_and_asks_for_no_permission(
    code, cloud, make_caller
):
    cloud.said["sns", "af-south-1"] = code
    caller = make_caller()
    for _ in range(3):
        answer = caller.call(request("sns", "ListTopics", "af-south-1"))
        assert (answer.outcome, answer.error_code) == (CallOutcome.FAILED, code)
        assert not answer.curable
    assert cloud.asked["GetCallerIdentity"] == 1
    assert caller.call(request()).outcome is CallOutcome.EMPTY


def test_a_home_that_does_not_say_who_we_are_ends_nothing(cloud, make_caller):
    cloud.said |= {("sns", "af-south-1"): "InvalidClientTokenId", "GetCallerIdentity": "Odd"}
    answer = make_caller().call(request("sns", "ListTopics", "af-south-1"))
    assert answer.outcome is CallOutcome.FAILED


def test_credentials_that_the_chain_has_anew_repeat_the_call(cloud, rotating, make_caller):
    cloud.said["KEY1"] = "ExpiredToken"
    answer = make_caller(profile="rotating").call(request())
    assert (answer.outcome, answer.attempts) == (CallOutcome.EMPTY, 2)
    assert rotating.read_text() == ".."


def test_a_container_is_asked_for_its_credentials_again(cloud, make_caller, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{endpoint}{CONTAINER}")
    cloud.said["KEY1"] = "ExpiredToken"
    assert make_caller().call(request()).outcome is CallOutcome.EMPTY
    assert cloud.asked == {CONTAINER: 2, "ListUsers": 2}


@pytest.fixture
def signed_on(tmp_path, monkeypatch):
    """A profile of single sign-on, and the file that says that somebody has signed in."""
    (tmp_path / "config").write_text(
        "[profile person]\nsso_session = work\nsso_account_id = 123456789012\n"
        "sso_role_name = auditor\n[sso-session work]\nsso_region = eu-west-1\n"
        "sso_start_url = https://example.awsapps.com/start\n"
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    token = tmp_path / f"{hashlib.sha1(b'work').hexdigest()}.json"
    token.write_text(json.dumps({"accessToken": "a", "expiresAt": "2999-01-01T00:00:00Z"}))
    monkeypatch.setattr(SSOTokenProvider, "_SSO_TOKEN_CACHE_DIR", str(tmp_path))
    return token


def test_single_sign_on_is_asked_for_its_credentials_again(cloud, signed_on, make_caller):
    cloud.said["KEY1"] = "ExpiredToken"
    assert make_caller(profile="person").call(request()).outcome is CallOutcome.EMPTY
    assert cloud.asked == {SIGN_ON: 2, "ListUsers": 2}


def test_a_sign_on_that_is_over_asks_to_sign_in(cloud, signed_on, make_caller):
    caller = make_caller(profile="person")
    assert caller.call(request()).outcome is CallOutcome.EMPTY
    cloud.said["KEY1"] = "ExpiredToken"
    signed_on.write_text(json.dumps({"accessToken": "a", "expiresAt": "2001-01-01T00:00:00Z"}))
    with pytest.raises(SessionExpiredError, match="Sign in again"):
        caller.call(request())


def test_what_is_refused_again_after_it_was_renewed_has_ended(cloud, rotating, make_caller):
    cloud.said |= {f"KEY{number}": "ExpiredToken" for number in range(1, 9)}
    with pytest.raises(SessionExpiredError):
        make_caller(profile="rotating").call(request())
    assert cloud.asked == {"ListUsers": 2}


def test_calls_at_the_same_time_renew_the_session_once(cloud, rotating, make_caller):
    cloud.said["KEY1"] = "ExpiredToken"
    caller = make_caller(profile="rotating")
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(caller.call, [request()] * 40))
    assert {answer.outcome for answer in answers} == {CallOutcome.EMPTY}
    assert rotating.read_text() == ".."


def test_a_role_is_assumed_again(cloud, make_caller):
    cloud.said["ROLE1"] = "ExpiredToken"
    answer = make_caller(role_arn="arn:aws:iam::210987654321:role/auditor").call(request())
    assert answer.outcome is CallOutcome.EMPTY
    assert cloud.asked == {"AssumeRole": 2, "ListUsers": 2}


def test_a_role_that_may_no_longer_be_assumed_is_named(cloud, make_caller):
    caller = make_caller(role_arn="arn:aws:iam::210987654321:role/auditor")
    assert caller.call(request()).outcome is CallOutcome.EMPTY
    cloud.said |= {"ROLE1": "ExpiredToken", "AssumeRole": "AccessDenied"}
    with pytest.raises(RoleRefusedError, match="role/auditor"):
        caller.call(request())


def test_no_credentials_are_no_answer(cloud, make_caller, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(NoCredentialsError):
        make_caller().call(request())
    assert not cloud.asked
