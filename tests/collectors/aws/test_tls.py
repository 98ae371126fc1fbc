"""What TLS refuses on the way to AWS is said in words, each with what to do."""

from __future__ import annotations

import datetime
import ipaddress
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cloudsealed.collectors.aws.access import AwsAccess, AwsSession, identify
from cloudsealed.collectors.errors import TlsRefusedError

LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
DAY = datetime.timedelta(days=1)
Serve = Callable[..., str]


def certificate(file: Path, name: x509.GeneralName, since: int, until: int) -> Path:
    """Write a certificate that is its own authority, and its key, into a file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now + since * DAY)
        .not_valid_after(now + until * DAY)
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, form, plain)
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return file


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Returns a function that listens with a certificate, or without TLS; it gives the address."""
    with ExitStack() as stack:

        def listen(file: Path | None) -> str:
            server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Silent)
            server.daemon_threads = True
            if file is not None:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(file)
                server.socket = context.wrap_socket(
                    server.socket, server_side=True, do_handshake_on_connect=False
                )
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            return f"https://127.0.0.1:{server.server_address[1]}"

        yield listen


class _Silent(socketserver.BaseRequestHandler):
    """Reads something, and answers nothing that is TLS."""

    def handle(self) -> None:
        try:
            self.request.recv(1024)
            self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        except OSError:
            return


def refusal(monkeypatch: pytest.MonkeyPatch, url: str, trusted: Path | None = None) -> str:
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    if trusted is not None:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(trusted))
    with pytest.raises(TlsRefusedError) as refused:
        identify(AwsSession(AwsAccess()))
    return refused.value.message


@pytest.mark.usefixtures("credentials")
def test_an_authority_that_is_not_trusted_asks_for_its_certificate(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = serve(certificate(tmp_path / "own.pem", LOOPBACK, -1, 10))
    assert "AWS_CA_BUNDLE" in refusal(monkeypatch, url)


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize(("since", "until"), [(-20, -10), (10, 20)])
def test_a_certificate_out_of_date_points_to_the_clock(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, since: int, until: int
) -> None:
    file = certificate(tmp_path / "old.pem", LOOPBACK, since, until)
    assert "clock" in refusal(monkeypatch, serve(file), file)


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize(
    "name", [x509.DNSName("example.com"), x509.IPAddress(ipaddress.ip_address("10.0.0.1"))]
)
def test_a_certificate_of_another_host_says_so(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: x509.GeneralName
) -> None:
    file = certificate(tmp_path / "other.pem", name, -1, 10)
    assert "names another host" in refusal(monkeypatch, serve(file), file)


@pytest.mark.usefixtures("credentials")
def test_what_speaks_no_tls_says_so(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "does not speak TLS" in refusal(monkeypatch, serve(None))


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize("text", [None, "no certificate\n"])
def test_a_file_of_authorities_that_cannot_be_read_is_named(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None
) -> None:
    trusted = tmp_path / "authorities.pem"
    if text is not None:
        trusted.write_text(text)
    url = serve(certificate(tmp_path / "own.pem", LOOPBACK, -1, 10))
    assert "AWS_CA_BUNDLE" in refusal(monkeypatch, url, trusted)
