"""Whatever is at the other end, and whatever is asked for, is told in words."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cloudsealed.cli.client import ServerError, request

asked: list[str] = []


class Stranger(BaseHTTPRequestHandler):
    """A server that is not ours: a page of a proxy, a body that is cut short, nothing at all."""

    def do_GET(self) -> None:
        asked.append(self.path)
        if self.path == "/nothing":
            return
        if self.path == "/moved":
            self.send_response(307)
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            return
        body = b"<html>Sign in</html>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + (self.path == "/cut")))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Stranger) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("CLOUDSEALED_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("CS_TOKEN", "token")
        monkeypatch.setenv("no_proxy", "*")
        yield
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("path", ["/page", "/cut", "/nothing", "/a b", "/\x1b", "/ü"])
def test_what_is_no_answer_of_ours_is_told_in_words(stranger: None, path: str) -> None:
    with pytest.raises(ServerError):
        request("GET", path)


def test_a_token_is_not_taken_where_a_redirect_leads(stranger: None) -> None:
    asked.clear()
    with pytest.raises(ServerError, match="307"):
        request("GET", "/moved")
    assert asked == ["/moved"]


def test_a_token_that_no_header_can_hold_is_told_in_words(
    stranger: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text in ("a\nb", "ключ"):
        monkeypatch.setenv("CS_TOKEN", text)
        with pytest.raises(ServerError) as told:
            request("GET", "/page")
        assert text not in str(told.value)
