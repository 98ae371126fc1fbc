from __future__ import annotations

import pytest

from cloudsealed.auth.oauth import redirects


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example.com/cb",
        "https://app.example.com:8443/cb?a=1",
        "http://127.0.0.1/cb",
        "http://[::1]:9000/cb",
        "http://localhost:3000/cb",
        "com.example.app:/cb",
        "com.example.app://cb",
    ],
)
def test_uris_that_can_be_registered_match_themselves(uri: str) -> None:
    assert redirects.fault(uri) is None
    assert redirects.matching((uri,), uri)


@pytest.mark.parametrize(
    "uri",
    [
        "http://app.example.com",
        "myapp:/cb",
        "https://",
        "https://a/*",
        "https://a/#",
        "a",
        "",
        "https://[x",
    ],
)
def test_uris_that_cannot_be_registered_have_a_fault(uri: str) -> None:
    assert redirects.fault(uri)


def test_only_the_port_of_a_literal_loopback_address_is_free() -> None:
    registered = ("http://127.0.0.1:1/cb?a=1", "https://app.example.com/cb", "http://localhost/cb")
    assert redirects.matching(registered, "http://127.0.0.1:2/cb?a=1")
    assert redirects.matching(registered, "http://127.0.0.1/cb?a=1")
    for uri in (
        "http://127.0.0.1:2/cb",
        "http://127.0.0.1:2/cb?a=1#",
        "http://127.0.0.1:2/cb?a=1&b",
        "http://127.0.0.1:/cb?a=1",
        "http://127.0.0.1:02/cb?a=1",
        "HTTP://127.0.0.1:2/cb?a=1",
        "http://127.0.0.1:x/cb?a=1",
        "https://app.example.com:1/cb",
        "http://localhost:1/cb",
        "http://127.0.0.1:2@evil.example.com/cb?a=1",
    ):
        assert not redirects.matching(registered, uri), uri


def test_an_answer_keeps_the_query_of_the_uri() -> None:
    answer = {"code": "a b", "state": None}
    assert redirects.answered("https://a/cb", answer) == "https://a/cb?code=a+b"
    assert redirects.answered("https://a/cb?x=1", answer) == "https://a/cb?x=1&code=a+b"
