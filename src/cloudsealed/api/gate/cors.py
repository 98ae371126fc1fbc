"""Cross-origin requests (Fetch standard, CORS protocol) from the origins that a setting lists.

Without the setting there is none. Credentials are bearer tokens, so cookies are never allowed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_EXPOSED = (
    "X-Request-Id, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-RateLimit-Used,"
    " X-RateLimit-Resource, RateLimit, RateLimit-Policy, Retry-After, Link, ETag, Location,"
    " Content-Disposition, WWW-Authenticate, Idempotency-Replayed, Accept-Ranges, Content-Range,"
    " Content-Encoding, Deprecation, Sunset"
)
_ALLOWED = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, If-Range, Range,"
    " Last-Event-ID"
)


class Cors:
    """The origins that may call."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._origins = frozenset(origin.encode() for origin in origins)

    def is_preflight(self, scope: Mapping[str, Any]) -> bool:
        """Say whether an OPTIONS request is a preflight from a listed origin."""
        headers = dict(scope["headers"])
        return headers.get(b"origin") in self._origins and (
            b"access-control-request-method" in headers
        )

    def headers(self, scope: Mapping[str, Any]) -> Sequence[tuple[bytes, bytes]]:
        """Return the headers of any response to this request."""
        if not self._origins:
            return ()
        origin = next((v for k, v in scope["headers"] if k == b"origin"), b"")
        if origin not in self._origins:
            return [(b"vary", b"Origin")]
        return [
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", _EXPOSED.encode()),
            (b"vary", b"Origin"),
        ]

    def preflight(self) -> list[tuple[bytes, bytes]]:
        """Return the further headers of a preflight's answer, the same for every path."""
        return [
            (b"access-control-allow-methods", b"GET, HEAD, POST, PATCH, DELETE"),
            (b"access-control-allow-headers", _ALLOWED.encode()),
            (b"access-control-max-age", b"600"),
        ]
