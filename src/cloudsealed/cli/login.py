"""`cloudsealed login` and `logout`: a token of one's own, by the device flow (RFC 8628).

The user logs in with a browser, here or on another machine; no password is typed in a terminal.
"""

from __future__ import annotations

import time
from typing import Any, Final

import typer

from cloudsealed.cli import kept
from cloudsealed.cli.client.connection import server_url
from cloudsealed.cli.exchange import RefusedError, ServerError, post
from cloudsealed.cli.terminal import Terminal

_GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
_SLOWER = 5  # seconds (RFC 8628, section 3.5)
_LONGEST = 60
SCOPES: Final = (
    "findings:read resources:read audits:read policies:read reports:read connections:read"
    " schedules:read views:read"
)
"""What the commands need that show what a server has."""


def login(
    scope: str = typer.Option(
        SCOPES, help="What the token may do, within your role; such as 'audits:write', or 'admin'."
    ),
) -> None:
    """Log in to the server CLOUDSEALED_URL with a browser; keep its token for the commands."""
    console, url = Terminal(), server_url()
    asked = post(url, "/oauth/device_authorization", scope=scope)
    if not asked.keys() >= {"verification_uri", "user_code", "device_code"}:
        raise ServerError(f"What {url} answered is no code for a device: is it CloudSealed?")
    console.print(f"Open      {asked['verification_uri']}")
    console.print(f"and enter {asked['user_code']}", style="bold")
    given = _answer(url, asked)
    kept.keep(url, given)
    console.print(f"Logged in to {url}, with {given.get('scope', scope)}")


def _answer(url: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Ask until the user has answered; raises RefusedError when they said no, or nothing."""
    pause, code = _pause(asked.get("interval")), str(asked["device_code"])
    while True:
        time.sleep(pause)  # the protocol's own pause: the server has nothing that says it sooner
        try:
            return post(url, "/oauth/token", grant_type=_GRANT_TYPE, device_code=code)
        except RefusedError as error:
            if error.refusal in ("slow_down", "temporarily_unavailable"):
                pause = _pause(pause + _SLOWER)
            elif error.refusal != "authorization_pending":
                raise


def _pause(seconds: Any) -> int:
    """Return how many seconds to wait, within reason whatever a server says."""
    return min(seconds, _LONGEST) if isinstance(seconds, int) and seconds > 0 else _SLOWER


def logout() -> None:
    """End the login at the server CLOUDSEALED_URL, and forget its token."""
    url, console = server_url(), Terminal()
    token = kept.forget(url)
    if token is None:
        console.print(f"There is no login at {url}")
        return
    try:
        post(url, "/oauth/revoke", token=token)
    except ServerError as error:
        raise ServerError(
            f"The token is forgotten here, but its server did not end it: {error.message}."
            " End it under your account there"
        ) from error
    console.print(f"Logged out of {url}")
