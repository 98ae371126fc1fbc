"""Redirect URIs: which may be registered, which match, and how an answer is put on one. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import SplitResult, urlencode, urlsplit

LONGEST_URI = 2000
_LOOPBACK = ("127.0.0.1", "::1")
_PRINTABLE = re.compile(r"[!-~]+")
_PRIVATE_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+")


def fault(uri: str) -> str | None:
    """Return why a URI cannot be registered, None when it can.

    https anywhere, http on this machine, or an app's own scheme with a dot (RFC 8252, section 7).
    """
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "must be an absolute URI"
    if len(uri) > LONGEST_URI or not _PRINTABLE.fullmatch(uri) or set(uri) & set('"\\<>^`{|}*'):
        return "must be an absolute URI, in full, without wildcards"
    if "#" in uri or "@" in parts.netloc:
        return "must have neither a fragment nor a user"
    if _PRIVATE_SCHEME.fullmatch(parts.scheme):
        return None
    if parts.scheme == "https" and host:
        return None
    if parts.scheme == "http" and host in (*_LOOPBACK, "localhost"):
        return None
    return (
        "must be https, http on 127.0.0.1, [::1] or localhost, or a scheme such as com.example.app"
    )


def matching(registered: tuple[str, ...], given: str) -> bool:
    """Say whether a URI is registered: to the letter, but for the port of a loopback address."""
    return given in registered or any(_differ_in_port(uri, given) for uri in registered)


def _differ_in_port(registered: str, given: str) -> bool:
    """Say whether two URIs on a loopback address differ in nothing but the port (RFC 8252, 7.3)."""
    try:
        one, other = urlsplit(registered), urlsplit(given)
        port = other.port
    except ValueError:
        return False
    if one.scheme != "http" or one.hostname not in _LOOPBACK:
        return False
    host = f"[{one.hostname}]" if one.hostname == "::1" else one.hostname
    asked = host if port is None else f"{host}:{port}"
    return given == SplitResult("http", asked, one.path, one.query, "").geturl()


def answered(uri: str, parameters: Mapping[str, str | None]) -> str:
    """Return a redirect URI with an answer in its query; what is None is left out."""
    query = urlencode({k: v for k, v in parameters.items() if v is not None})
    return f"{uri}{'&' if '?' in uri else '?'}{query}"


def source(uri: str) -> str:
    """Return what a page's `form-action` must name, so that its form may end at this URI."""
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https") or ":" in (parts.hostname or ""):
        return f"{parts.scheme}:"  # the grammar has no sources for IPv6 addresses
    return f"{parts.scheme}://{parts.netloc}"


def place(uri: str) -> str:
    """Return how a URI is named to people: its host, or its scheme."""
    parts = urlsplit(uri)
    return parts.netloc or f"{parts.scheme}:"
