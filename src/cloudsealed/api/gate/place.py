"""Where clients reach the installation: its public URL, and the path of it that requests may carry.

A proxy before the server may pass the public URL's path on or take it off; both are answered, so
that everything behind the gate knows its own paths alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from cloudsealed.api.errors import InvalidRequestError
from cloudsealed.settings import InvalidSettingError

_HOST = re.compile(rb"([A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
_LOOPBACK = re.compile(rb"(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]{1,5})?")


class Place:
    """The public URL. Where nobody set it, links lead to the `Host` that a request names, if that
    is the machine itself: any other name is the client's word, which could lead others away."""

    def __init__(self, public_url: str, *, follows_host: bool) -> None:
        self._url = public_url.rstrip("/")
        self._follows_host = follows_host
        self.prefix = urlsplit(self._url).path
        self._below = f"{self.prefix}/"

    def inside(self, scope: Any) -> Any:
        """Return the scope of a request without the public URL's path."""
        path = scope["path"]
        if not self.prefix or not (path + "/").startswith(self._below):
            return scope
        return {**scope, "path": path.removeprefix(self.prefix) or "/"}

    def base(self, scope: Mapping[str, Any]) -> str:
        """Return what absolute links begin with, without a slash at the end."""
        if self._follows_host:
            host = next((value for name, value in scope["headers"] if name == b"host"), b"")
            if _LOOPBACK.fullmatch(host):
                return f"{scope.get('scheme', 'http')}://{host.decode()}"
        return self._url

    def refuse_shadowed(self, paths: frozenset[str]) -> None:
        """Raise InvalidSettingError when the path begins like a path of the server's own."""
        first = "/" + self.prefix[1:].partition("/")[0]
        if self.prefix and any((path + "/").startswith(f"{first}/") for path in paths):
            raise InvalidSettingError(
                f"CLOUDSEALED_PUBLIC_URL: its path may not begin with {first}, which is the API's"
            )


def check_host(scope: Mapping[str, Any]) -> None:
    """Raise InvalidRequestError for a missing, repeated or malformed Host (RFC 9112, 3.2)."""
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    if len(hosts) == 1 and (not hosts[0] or _HOST.fullmatch(hosts[0])):
        return
    if hosts or scope.get("http_version") not in ("1.0", "2", "3"):
        raise InvalidRequestError("Send one Host header, with a host in it")
