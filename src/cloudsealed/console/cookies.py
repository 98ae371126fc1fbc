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
    """Reads and writes a cookie below `path`; `secure` when browsers come by https (RFC 6265bis,
    4.1.3).

    It lives for as long as the browser is open, or `stays` for as long as browsers let it.
    """

    plain: str
    secure: bool
    path: str
    stays: bool = False

    @property
    def name(self) -> str:
        """The cookie's name; a `__Host-` cookie cannot be set by another host or over http, but
        is of every path; below one, `__Secure-` keeps it from http at least."""
        if not self.secure:
            return self.plain  # both prefixes need https
        return f"{'__Host' if self.path == '/' else '__Secure'}-{self.plain}"

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
            self.name,
            text,
            path=self.path,
            secure=self.secure,
            httponly=True,
            samesite="lax",
            max_age=_LONGEST if self.stays else None,
        )


def session_cookie(*, secure: bool, path: str) -> Cookie:
    """Return the cookie of sessions."""
    return Cookie("cloudsealed_session", secure, path)


def device_cookie(*, secure: bool, path: str) -> Cookie:
    """Return the cookie of devices."""
    return Cookie("cloudsealed_device", secure, path, stays=True)
