"""The cookies of the pages: a session's secret, or a visitor's who is not logged in; and by what an
account knows a device where it has logged in, which is no credential."""

from __future__ import annotations

from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

from starlette.responses import Response
from starlette.types import Scope

_LONGEST = 400 * 86_400  # seconds; browsers keep nothing longer (RFC 6265bis, 5.5)


@dataclass(frozen=True, slots=True)
class Cookie:
    """Reads and writes a cookie; `secure` when browsers come by https (RFC 6265bis, 4.1.3).

    It lives for as long as the browser is open, or `stays` for as long as browsers let it.
    """

    plain: str
    secure: bool
    stays: bool = False

    @property
    def name(self) -> str:
        """The cookie's name; a `__Host-` cookie cannot be set by another host or over http."""
        return f"__Host-{self.plain}" if self.secure else self.plain  # it needs https

    def read(self, scope: Scope) -> str:
        """Return what it holds, empty when there is none."""
        for name, value in scope["headers"]:
            if name == b"cookie":
                try:
                    found = SimpleCookie(value.decode("latin-1")).get(self.name)
                except CookieError:
                    return ""
                return found.value if found else ""
        return ""

    def write(self, response: Response, text: str) -> None:
        """Give it to the browser."""
        response.set_cookie(
            self.name, text, path="/", secure=self.secure, httponly=True, samesite="lax",
            max_age=_LONGEST if self.stays else None,
        )  # fmt: skip


def session_cookie(*, secure: bool) -> Cookie:
    """Return the cookie of sessions."""
    return Cookie("cloudsealed_session", secure)


def device_cookie(*, secure: bool) -> Cookie:
    """Return the cookie of devices."""
    return Cookie("cloudsealed_device", secure, stays=True)
