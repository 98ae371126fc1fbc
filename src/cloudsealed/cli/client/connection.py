"""Which server the commands speak to: CLOUDSEALED_URL, with the token CS_TOKEN or else that of
`cloudsealed login`. Where nothing names a server, the installation of this folder is read without
one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from cloudsealed.cli import kept
from cloudsealed.cli.exchange import DEFAULT_URL, ServerError, client_of

if TYPE_CHECKING:
    import httpx

URL: Final = "CLOUDSEALED_URL"


def server_url() -> str:
    """Return the address of the server; raises ServerError when it is none."""
    base = os.environ.get(URL, DEFAULT_URL).strip().rstrip("/")
    if not base.startswith(("http://", "https://")):
        raise ServerError(f"{URL} must begin with http:// or https://")
    if "@" in base.partition("://")[2].partition("/")[0]:
        raise ServerError(f"{URL} must not hold a user: the token alone says who you are")
    return base


def is_local() -> bool:
    """Say whether commands read this folder: nothing says that there is a server."""
    if os.environ.get(URL) or os.environ.get("CS_TOKEN"):
        return False
    return not kept.knows(DEFAULT_URL)


def connect() -> httpx.Client:
    """Return the client that every command of this folder speaks through: whoever answers, and by
    which transport, is decided here alone.

    Its `base_url` is named in errors. Raises ServerError when there is no token.
    """
    if is_local():
        from cloudsealed.cli import local  # with what reads an installation: slow to import

        return local.client()
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
