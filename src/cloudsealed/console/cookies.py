"""The one cookie of the pages: a session's secret, or a visitor's who is not logged in."""

from __future__ import annotations

from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

from starlette.responses import Response
from starlette.types import Scope

_PLAIN = "cloudsealed_session"  # over http, on the loopback: `__Host-` needs https


@dataclass(frozen=True, slots=True)
class SessionCookie:
    """Reads and writes the cookie; `secure` when browsers come by https (RFC 6265bis, 4.1.3)."""

    secure: bool

    @property
    def name(self) -> str:
        """The cookie's name; a `__Host-` cookie cannot be set by another host or over http."""
        return f"__Host-{_PLAIN}" if self.secure else _PLAIN

    def read(self, scope: Scope) -> str:
        """Return the secret, empty when there is none."""
        for name, value in scope["headers"]:
            if name == b"cookie":
                try:
                    found = SimpleCookie(value.decode("latin-1")).get(self.name)
                except CookieError:
                    return ""
                return found.value if found else ""
        return ""

    def write(self, response: Response, text: str) -> None:
        """Give the browser a secret, for as long as it is open."""
        response.set_cookie(
            self.name, text, path="/", secure=self.secure, httponly=True, samesite="lax"
        )
