"""What is busy is asked again, what is lost is not done twice, and whatever is at the other end is
told in words."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from tests.cli.client.conftest import Cs, runner

from cloudsealed.cli.client import connection, send
from cloudsealed.cli.client.asked import KEY, Asked
from cloudsealed.cli.exchange import ServerError, post
from cloudsealed.kit.clock import utc_now

OBJECT = b'{"id": "x"}'
BUSY = b'{"error": {"code": "rate_limited", "message": "Slower", "request_id": "req_1"}}'


@dataclass
class Stranger:
    """A server that answers as it is told, each request with the next of `answers`: a status, a
    body and headers, or None to say nothing."""

    port: int = 0
    answers: list[tuple[int, bytes, dict[str, str]] | None] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def say(self, status: int, body: bytes, **headers: str) -> None:
        self.answers.append((status, body, {k.replace("_", "-"): v for k, v in headers.items()}))

    def say_nothing(self) -> None:
        self.answers.append(None)

    @property
    def keys(self) -> list[str | None]:
        return [headers.get(KEY) for _method, _path, headers in self.asked]


def handler(stranger: Stranger) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            stranger.asked.append((self.command, self.path, dict(self.headers)))
            answer = stranger.answers.pop(0)
            if answer is None:
                self.close_connection = True
                return
            status, body, headers = answer
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - names of the library's own

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    return Handler


def served(stranger: Stranger, context: ssl.SSLContext | None = None) -> Iterator[Stranger]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler(stranger)) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who hangs up may
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        stranger.port = server.server_port
        yield stranger
        server.shutdown()
        thread.join()


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stranger]:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("CS_TOKEN", "token")
    for running in served(Stranger()):
        monkeypatch.setenv("CLOUDSEALED_URL", f"http://127.0.0.1:{running.port}")
        yield running


@pytest.fixture
def cs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cs:
    return runner(monkeypatch, capsys)


def get(path: str) -> object:
    with connection.connect() as client:
        return send.send(client, Asked("GET", path), send.document)


@pytest.mark.parametrize("path", ["/page", "/a b", "/\x1b", "/ü", "/%zz", "?", "#"])
def test_what_is_no_answer_of_ours_is_told_in_words(stranger: Stranger, path: str) -> None:
    stranger.say(200, b"<html>Sign in</html>")
    with pytest.raises(ServerError):
        get(path)


@pytest.mark.parametrize("body", [b"[]", b"7", b"null", b"", b'{"data": 7}', b'{"error": "x"}'])
def test_json_that_is_no_answer_of_ours_is_told_in_words(
    stranger: Stranger, cs: Cs, body: bytes
) -> None:
    for words in (["findings", "--json"], ["findings", "--table"]):
        stranger.say(200, body)
        said = cs(*words)
        assert said.code == 1
        assert "is it CloudSealed?" in said.err
    stranger.say(200, body)
    assert cs("me", "--table").code == 0  # whatever it is, it is shown


def test_an_answer_that_is_cut_short_is_told_in_words(
    stranger: Stranger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send, "PATIENCE", 0)
    stranger.say(200, OBJECT, Content_Length="100")
    with pytest.raises(ServerError, match="No answer from"):
        get("/v1/me")


def test_a_token_is_not_taken_where_a_redirect_or_a_path_leads(stranger: Stranger) -> None:
    stranger.say(307, b"", Location="/elsewhere")
    with pytest.raises(ServerError, match="307"):
        get("/moved")
    for path in ("http://127.0.0.1:9/v1/me", "//127.0.0.1:9/v1/me", "https:/v1/me", "ftp://x"):
        with pytest.raises(ServerError, match="gets no token"):
            get(path)
    assert len(stranger.asked) == 1


def test_a_token_that_no_header_can_hold_is_told_in_words(
    stranger: Stranger, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text in ("a\nb", "ключ"):
        monkeypatch.setenv("CS_TOKEN", text)
        with pytest.raises(ServerError) as told:
            get("/page")
        assert text not in str(told.value)


def test_a_busy_server_is_asked_again_when_it_says(stranger: Stranger, cs: Cs) -> None:
    stranger.say(429, BUSY, Retry_After="0")
    stranger.say(503, b"", Retry_After="0")
    stranger.say(200, OBJECT)
    said = cs("tokens", "get", "tok_x")
    assert (said.code, said.out.split()) == (0, ["{", '"id":', '"x"', "}"])
    assert "rate_limited: Slower" in said.err
    assert len(stranger.asked) == 3


def test_a_server_that_is_busy_for_long_is_not_waited_for(stranger: Stranger, cs: Cs) -> None:
    stranger.say(429, BUSY, Retry_After="3600")
    said = cs("tokens", "get", "tok_x")
    assert said.code == 1
    assert said.err == "error rate_limited: Slower (429, req_1)\n"


def test_work_that_is_asked_for_again_has_the_same_key(stranger: Stranger, cs: Cs) -> None:
    stranger.say(503, b"", Retry_After="0")
    stranger.say_nothing()
    stranger.say(409, BUSY.replace(b"rate_limited", b"idempotency_in_progress"), Retry_After="0")
    stranger.say(202, OBJECT)
    assert cs("schedules", "run", "sch_x").code == 0
    (key,) = set(stranger.keys)
    assert key
    stranger.say(202, OBJECT)
    assert cs("schedules", "run", "sch_x").code == 0
    assert stranger.keys[-1] not in (None, key)
    stranger.say(202, OBJECT)
    assert cs("schedules", "run", "sch_x", "--idempotency-key", "mine").code == 0
    assert stranger.keys[-1] == "mine"


def test_a_header_that_cannot_be_sent_is_told_at_once(stranger: Stranger, cs: Cs) -> None:
    for given in ("a\nb", "a\rX-Y: z", "\udcff"):
        said = cs("tokens", "delete", "tok_x", "--if-match", given)
        assert (said.code, "once more" in said.err) == (1, False)
    assert not stranger.asked


def test_what_may_not_be_done_twice_is_not_sent_twice(stranger: Stranger, cs: Cs) -> None:
    for words in (
        ["policies", "validate", "-d", "{}"],
        ["connections", "update", "con_x", "--name", "y", "--if-match", '"tag"'],
    ):
        stranger.say_nothing()
        said = cs(*words)
        assert said.code == 1
        assert "No answer from" in said.err
    assert len(stranger.asked) == 2
    assert stranger.asked[-1][2]["If-Match"] == '"tag"'


def test_a_deletion_whose_answer_was_lost_is_done(stranger: Stranger, cs: Cs) -> None:
    missing = BUSY.replace(b"rate_limited", b"token_not_found")
    stranger.say_nothing()
    stranger.say(404, missing)
    assert cs("tokens", "delete", "tok_x").code == 0
    stranger.say(404, missing)
    assert cs("tokens", "delete", "tok_x").code == 1


def test_a_server_that_is_not_there_is_told_at_once(
    cs: Cs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CS_TOKEN", "token")
    for url in ("http://127.0.0.1:9", "http://no-such-host.invalid", "http://[::1"):
        monkeypatch.setenv("CLOUDSEALED_URL", url)
        said = cs("findings")
        assert (said.code, said.out) == (1, "")
        assert len(said.err.splitlines()) == 1, said.err
    monkeypatch.setenv("CLOUDSEALED_URL", "http://127.0.0.1:9")
    assert "cloudsealed serve" in cs("findings").err


def test_an_error_has_its_code_its_message_and_the_request(stranger: Stranger, cs: Cs) -> None:
    detail = b'"details": [{"field": "name", "code": "x", "message": "no name", "line": 1,'
    body = BUSY.replace(b'"request_id"', detail + b' "column": 2}], "request_id"')
    stranger.say(422, body.replace(b"rate_limited", b"invalid_field"))
    said = cs("me")
    assert said.code == 1
    assert said.err == "error invalid_field: Slower; name:1:2: no name (422, req_1)\n"


def certificate(folder: Path, name: str, *, days: int = 2) -> Path:
    """Return a file with a certificate, by itself, and its key, until `days` after yesterday."""
    key = ec.generate_private_key(ec.SECP256R1())
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    since = utc_now() - timedelta(days=2)
    made = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(named)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(since)
        .not_valid_after(since + timedelta(days=days + 1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = folder / "certificate.pem"
    file.write_bytes(key.private_bytes(*form) + made.public_bytes(Encoding.PEM))
    return file


@pytest.mark.parametrize(
    ("name", "days", "trusted", "words"),
    [
        ("localhost", 2, True, ""),
        ("localhost", 2, False, "SSL_CERT_FILE"),
        ("localhost", 0, True, "not valid today"),
        ("elsewhere", 2, True, "another server's"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_told_in_words(
    cs: Cs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    days: int,
    trusted: bool,
    words: str,
) -> None:
    file = certificate(tmp_path, name, days=days)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    monkeypatch.setenv("CS_TOKEN", "token")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    for running in served(Stranger(), context):
        running.say(200, OBJECT)
        monkeypatch.setenv("CLOUDSEALED_URL", f"https://localhost:{running.port}")
        said = cs("tokens", "get", "x")
        assert (said.code, words in said.err) == (1 if words else 0, True), said.err
        if words:
            with pytest.raises(ServerError, match=words):
                post(f"https://localhost:{running.port}", "/oauth/token")
            running.answers.clear()


def test_tls_to_a_server_without_it_is_told_in_words(
    stranger: Stranger, cs: Cs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDSEALED_URL", f"https://127.0.0.1:{stranger.port}")
    assert "is it http://" in cs("me").err
