"""Links lead to where clients are, and the public URL's path is known to the gate alone."""

from __future__ import annotations

from typing import Any

import pytest

from cloudsealed.api.errors import InvalidRequestError
from cloudsealed.api.gate.place import Place, check_host
from cloudsealed.settings import InvalidSettingError, Settings

AUDIT = Place("https://example.com/audit", follows_host=False)


def scope(path: str = "/", *hosts: bytes, version: str = "1.1") -> dict[str, Any]:
    headers = [(b"host", host) for host in hosts]
    return {"path": path, "headers": headers, "scheme": "http", "http_version": version}


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        ("/audit/v1/me", "/v1/me"),
        ("/v1/me", "/v1/me"),
        ("/audit", "/"),
        ("/audit/", "/"),
        ("/auditor", "/auditor"),
        ("/audit/audit/v1", "/audit/v1"),
    ],
)
def test_a_path_that_a_proxy_kept_is_taken_off_once(asked: str, known: str) -> None:
    assert AUDIT.inside(scope(asked))["path"] == known


def test_without_a_path_in_the_public_url_no_path_changes() -> None:
    given = scope("/audit/v1/me")
    assert Place("https://example.com", follows_host=False).inside(given) is given


def test_links_follow_the_public_url_and_without_one_the_host_that_was_asked() -> None:
    local = Place("http://127.0.0.1:8000", follows_host=True)
    assert AUDIT.base(scope("/", b"evil.example")) == "https://example.com/audit"
    assert local.base(scope("/", b"localhost:9000")) == "http://localhost:9000"
    assert local.base(scope("/", b"[::1]:9000")) == "http://[::1]:9000"
    for odd in (b"", b"a/b", b'a"b', b"a@b", b"a b", b"evil.example", b"127.0.0.1.evil.example"):
        assert local.base(scope("/", odd)) == "http://127.0.0.1:8000"


@pytest.mark.parametrize("path", ["/v1", "/v1/x", "/docs"])
def test_a_public_path_that_begins_like_one_of_ours_is_refused(path: str) -> None:
    place = Place(f"https://example.com{path}", follows_host=False)
    with pytest.raises(InvalidSettingError, match="may not begin with"):
        place.refuse_shadowed(frozenset(("/v1/findings", "/docs", "/docs/{name}")))


@pytest.mark.parametrize("host", [b"example.com", b"127.0.0.1:8000", b"[::1]:8000", b"[::1]", b""])
def test_one_host_of_any_form_is_taken(host: bytes) -> None:
    check_host(scope("/", host))


@pytest.mark.parametrize("hosts", [(), (b"a", b"b"), (b"a", b"a"), (b"a b",), (b"a/b",), (b"u@a",)])
def test_no_host_two_hosts_and_a_malformed_one_are_refused(hosts: tuple[bytes, ...]) -> None:
    with pytest.raises(InvalidRequestError, match="one Host header"):
        check_host(scope("/", *hosts))


def test_only_http_1_0_does_without_a_host() -> None:
    check_host(scope(version="1.0"))
    with pytest.raises(InvalidRequestError):
        check_host(scope("/", b"a", b"b", version="1.0"))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("https://example.com/", "https://example.com"),
        ("HTTPS://Example.com:8443/a/b-c/", "https://example.com:8443/a/b-c"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_the_setting_is_kept_in_one_form(text: str, read: str) -> None:
    assert Settings.from_environment({"CLOUDSEALED_PUBLIC_URL": text}).public_url == read


@pytest.mark.parametrize(
    "text",
    [
        "example.com",
        "ftp://example.com",
        "https://",
        "https://a@example.com",
        "https://e/?q",
        "https://e/#f",
        "https://e/a//b",
        "https://e/a/../b",
        "https://e/.",
        "https://e/a%2Fb",
        "https://e:x",
        "https://e:70000",
        "https://e/a b",
    ],
)
def test_a_setting_that_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidSettingError, match="PUBLIC_URL"):
        Settings.from_environment({"CLOUDSEALED_PUBLIC_URL": text})
