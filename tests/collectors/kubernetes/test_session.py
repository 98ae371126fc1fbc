"""A cluster opened over real TLS: who we prove to be, which cluster it is, why it is refused."""

from __future__ import annotations

import base64
import http.server
import logging
import re
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from tests.clusters import Authority, base64_of, config, store_of, written
from tests.collectors.kubernetes.conftest import TOKEN, Open
from tests.waiting import until

from cloudsealed.collectors.errors import (
    CloudAccessError,
    CredentialsRefusedError,
    EndpointUnreachableError,
    NoCredentialsError,
    SessionExpiredError,
    TlsRefusedError,
    UnexpectedAnswerError,
)
from cloudsealed.collectors.kubernetes.provider import PROVIDER
from cloudsealed.collectors.provider import Choice, Way
from cloudsealed.kit.clock import utc_now
from cloudsealed.testing.kubernetes.server import ADMIN, ApiServer, Fault

CANARY = "canary-5b1c"


def test_a_token_opens_a_cluster_that_its_system_namespace_names(
    open_session: Open, server: ApiServer
) -> None:
    session = open_session()
    found = session.identify()
    assert (found.account, found.name, found.partition) == (server.store.uid, "admin", "kubernetes")
    assert session.region == "global"
    assert abs(session.clock_skew().total_seconds()) <= 5  # type: ignore[union-attr]  # it answered


def test_a_token_in_a_file_goes_before_the_one_beside_it(
    open_session: Open, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(TOKEN + "\n")
    assert open_session({"tokenFile": "token"}).identify().name == "admin"
    assert open_session({"tokenFile": "token", "token": "old"}).identify().name == "admin"
    assert open_session({"tokenFile": "none", "token": TOKEN}).identify().name == "admin"
    with pytest.raises(NoCredentialsError, match="none, which the kubeconfig names"):
        open_session({"tokenFile": "none"}).identify()


@pytest.mark.parametrize("form", ["data", "file"])
def test_a_client_certificate_opens_a_cluster(
    form: str, open_session: Open, authority: Authority
) -> None:
    certificate, key = authority.client("bob", "system:masters", "staff")
    user = {"client-certificate": str(certificate), "client-key": str(key)}
    if form == "data":
        user = {f"{name}-data": base64_of(Path(path)) for name, path in user.items()}
    assert open_session(user).identify().name == "bob"


def test_a_user_that_acts_for_another_asks_as_that_one(
    open_session: Open, server: ApiServer
) -> None:
    user = {
        "token": TOKEN,
        "as": "carol",
        "as-groups": ["auditors", "staff"],
        "as-user-extra": {"reason": ["audit"]},
    }
    open_session(user).identify()
    heard = server.heard[-1]
    assert (heard["Impersonate-User"], heard["Impersonate-Extra-reason"]) == ("carol", "audit")
    assert "Impersonate-Group" in heard


def test_without_a_review_of_oneself_the_kubeconfig_says_who_one_is(
    open_session: Open, server: ApiServer
) -> None:
    server.api.says_who = False  # as before 1.28
    assert open_session().identify().name == "here"
    server.api.says_who = True
    server.faults = [Fault(status=200, body=b'{"status": {"userInfo": []}}', after=1)]
    assert open_session().identify().name == "here"


@pytest.mark.parametrize(
    ("user", "error", "said"),
    [
        ({"token": f"unknown-{CANARY}"}, SessionExpiredError, "does not know the credentials"),
        ({"token": "token-of-ann"}, CredentialsRefusedError, "permissions kubernetes"),
        ({}, NoCredentialsError, "no token, and no certificate"),
        ({"username": "u", "password": CANARY}, NoCredentialsError, "no token"),
        ({"auth-provider": {"name": "gcp"}}, NoCredentialsError, "removed in 1.26"),
        ({"token": f"two\nlines {CANARY}"}, CredentialsRefusedError, "cannot be used"),
        ({"client-certificate-data": "eA==", "client-key-data": "eA=="}, None, "none in PEM"),
    ],
)
def test_a_user_that_cannot_get_in_is_told_what_to_do(
    user: Any, error: Any, said: str, open_session: Open
) -> None:
    with pytest.raises(error or CredentialsRefusedError, match=said) as refused:
        open_session(user).identify()
    assert CANARY not in refused.value.message


def test_a_key_that_is_another_ones_is_said(open_session: Open, authority: Authority) -> None:
    certificate, _ = authority.client("bob")
    _, key = authority.client("eve")
    user = {"client-certificate": str(certificate), "client-key": str(key)}
    with pytest.raises(CredentialsRefusedError, match="another one's"):
        open_session(user).identify()


def test_a_cluster_of_another_authority_is_not_trusted(
    open_session: Open, tmp_path: Path, server: ApiServer
) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(TlsRefusedError, match="by nobody whom it trusts"):
        open_session(trusted=Authority(tmp_path / "other")).identify()
    with pytest.raises(TlsRefusedError, match="by nobody whom it trusts"):
        open_session(trusted=None).identify()
    assert server.asked == []  # and no token was sent


def test_what_is_no_authority_is_said(open_session: Open) -> None:
    said = {"certificate-authority-data": base64.b64encode(b"no certificate").decode()}
    for text in (said, {"certificate-authority-data": base64.b64encode(b"\xff").decode()}):
        with pytest.raises(CredentialsRefusedError, match="no certificate in PEM"):
            open_session(**text).identify()


def test_a_cluster_that_is_not_to_be_verified_is_not(open_session: Open) -> None:
    session = open_session(trusted=None, **{"insecure-skip-tls-verify": True})
    assert session.identify().name == "admin"


@pytest.mark.parametrize(
    ("name", "since", "until", "said"),
    [
        (x509.DNSName("kubernetes"), -1, 10, "names another host"),
        (None, -20, -10, "not valid today"),
        (None, 10, 20, "not valid today"),
    ],
)
def test_a_certificate_that_does_not_fit_is_said(
    name: Any, since: int, until: int, said: str, authority: Authority, tmp_path: Path
) -> None:
    given = (name,) if name else ()
    files = authority.server(*given, since=since, until=until)
    with ApiServer(store_of(), {TOKEN: ADMIN}, tls=files) as other:
        with pytest.raises(TlsRefusedError, match=said):
            opened(tmp_path, config(other, authority, {"token": TOKEN})).identify()
        if name:
            named = config(other, authority, {"token": TOKEN}, **{"tls-server-name": "kubernetes"})
            assert opened(tmp_path, named).identify().name == "admin"


def opened(folder: Path, document: Any, *, brief: float | None = None) -> Any:
    path = written(folder / "other-config", document)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(path))
        return PROVIDER.open(Way({}, brief=brief), utc_now)


def test_no_token_goes_over_an_open_line(tmp_path: Path) -> None:
    with ApiServer(store_of(), {TOKEN: ADMIN}) as plain:
        user = {"token": TOKEN, "as": "carol"}
        with pytest.raises(CredentialsRefusedError):  # nobody in particular may not
            opened(tmp_path, config(plain, None, user)).identify()
        assert not {"authorization", "impersonate-user"} & {
            name.lower() for heard in plain.heard for name in heard
        }


def test_a_server_without_tls_is_said(tmp_path: Path, authority: Authority) -> None:
    with ApiServer(store_of(), {TOKEN: ADMIN}) as plain:
        said = config(plain, authority, {"token": TOKEN})
        said["clusters"][0]["cluster"]["server"] = plain.url.replace("http:", "https:")
        with pytest.raises(TlsRefusedError, match="does not speak TLS"):
            opened(tmp_path, said).identify()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(status=200, body=b"<html>Sign in</html>"), "HTTP 200"),
        (Fault(status=200, body=b"[]"), "HTTP 200"),
        (Fault(status=200, body=b"{}"), "has no UID"),
        (Fault(status=200, body=b'{"metadata": []}'), "has no UID"),
        (Fault(status=200, body=b'{"metadata": {"uid": "x"}}'), "has no UID"),
        (Fault(status=302, body=b"", headers={"Location": "https://login"}), "HTTP 302"),
        (Fault(status=404, body=b"404 page not found"), "HTTP 404"),
        (Fault(status=502, body=b"<html>Bad gateway</html>"), "HTTP 502"),
        (Fault(status=200, headers={"Content-Length": "100000000"}, cut=0), "too large"),
    ],
)
def test_what_is_no_cluster_is_said(
    fault: Fault, said: str, open_session: Open, server: ApiServer
) -> None:
    server.faults = [fault]
    with pytest.raises(UnexpectedAnswerError, match=re.escape(said)):
        open_session().identify()


@pytest.mark.parametrize(
    ("fault", "said"),
    [(Fault(hang=60), "does not answer"), (Fault(cut=20), "does not answer (RemoteProtocolError)")],
)
def test_a_cluster_that_breaks_off_is_left_in_time(
    fault: Fault, said: str, open_session: Open, server: ApiServer
) -> None:
    server.faults = [fault]
    with pytest.raises(EndpointUnreachableError, match=re.escape(said)):
        open_session(brief=0.5).identify()


def test_a_port_where_nobody_listens_is_said(open_session: Open) -> None:
    with pytest.raises(EndpointUnreachableError, match="cannot be reached"):
        open_session(server="https://127.0.0.1:9").identify()


def test_a_cluster_is_reached_through_its_proxy(open_session: Open) -> None:
    with tunnel() as (url, asked):
        session = open_session(**{"proxy-url": url})
        assert session.identify().name == "admin"
        assert asked == [httpx.URL(session.cluster.server).netloc.decode()]
    for wrong in (url, "socks5://127.0.0.1:9", "nonsense", f"ftp://u:{CANARY}@x"):
        with pytest.raises(CloudAccessError, match=r"proxy") as refused:
            open_session(**{"proxy-url": wrong}).identify()
        assert CANARY not in refused.value.message


@contextmanager
def tunnel() -> Iterator[tuple[str, list[str]]]:
    """Run a proxy that connects to wherever it is asked to."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            asked.append(self.path)
            host, _, port = self.path.rpartition(":")
            with socket.create_connection((host, int(port))) as far:
                self.send_response(200)
                self.end_headers()
                back = threading.Thread(target=_pump, args=(far, self.connection))
                back.start()
                _pump(self.connection, far)
                back.join()

        def log_message(self, *_: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


def test_a_context_of_a_connection_is_opened_and_the_operators_goes_before_it(
    server: ApiServer, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = config(server, authority, {"token": TOKEN})
    said["contexts"].append({"name": "far", "context": {"cluster": "here", "user": "none"}})
    monkeypatch.setenv("KUBECONFIG", str(written(tmp_path / "config", said)))
    assert PROVIDER.open(Way({"context": "far"}), utc_now).cluster.name == "far"
    assert PROVIDER.open(Way({"context": "far"}, Choice("here")), utc_now).cluster.name == "here"
    assert PROVIDER.open(Way({"context": None}), utc_now).cluster.name == "here"


def test_no_private_file_is_left(
    open_session: Open, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    certificate, key = authority.client("bob", "system:masters")
    user = {"client-certificate": str(certificate), "client-key": str(key)}
    open_session(user).identify()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_sessions_leave_no_open_connection(open_session: Open) -> None:
    def opened_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = 0
    for turn in range(4):
        session = open_session()
        session.identify()
        session.renew(session.generation)
        session.close()
        before = before or (opened_files() if turn else 0)
    until(lambda: opened_files() <= before, "the server's ends are closed")


def test_the_http_client_never_logs_what_is_asked_or_answered(
    open_session: Open, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        open_session().identify()
    assert [each.name for each in caplog.records if each.name.startswith("http")] == []
