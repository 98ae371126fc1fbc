"""Which server the commands speak to: CLOUDSEALED_URL, with the token CS_TOKEN or else that of
`cloudsealed login`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from cloudsealed.cli import kept
from cloudsealed.cli.exchange import ServerError, client_of

if TYPE_CHECKING:
    import httpx

URL: Final = "CLOUDSEALED_URL"
_DEFAULT: Final = "http://127.0.0.1:8000"


def server_url() -> str:
    """Return the address of the server; raises ServerError when it is none."""
    base = os.environ.get(URL, _DEFAULT).strip().rstrip("/")
    if not base.startswith(("http://", "https://")):
        raise ServerError(f"{URL} must begin with http:// or https://")
    return base


def connect() -> httpx.Client:
    """Return the client that every command of this folder speaks through: whoever answers, and by
    which transport, is decided here alone.

    Its `base_url` is named in errors. Raises ServerError when there is no token.
    """
    base = server_url()
    headers = {"Authorization": f"Bearer {_token(base)}", "Accept": "application/json, */*;q=0.5"}
    return client_of(base, headers)


def _token(base: str) -> str:
    token = os.environ.get("CS_TOKEN") or kept.token(base)
    if not token:
        raise ServerError("There is no token: run `cloudsealed login`, or put one into CS_TOKEN")
    if not (token.isascii() and token.isprintable()):
        raise ServerError("CS_TOKEN holds what no token does: a line end, perhaps")
    return token
