"""Reading what a page sends: its form, within bounds, and where it wants to go on to."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from cloudsealed.auth.oauth.errors import OAuthError
from cloudsealed.auth.oauth.parameters import Parameters, read
from cloudsealed.auth.sessions import CsrfFailedError

LARGEST_FORM = 16 * 1024
LARGEST_VIEWS_FORM = 512 * 1024  # a policy, percent-encoded
MOST_FIELDS = 1200  # a finding's id each
SECONDS = 30


async def form_of(request: Request) -> Parameters:
    """Return the fields of a form; one that no page of ours sends raises CsrfFailedError."""
    try:
        raw = await asyncio.wait_for(_collected(request), SECONDS)
        form = read(raw)
        form.refuse_repeated()
    except (OAuthError, TimeoutError, ClientDisconnect):
        raise CsrfFailedError("The form cannot be read: load the page again") from None
    return form


async def fields_of(request: Request) -> dict[str, list[str]]:
    """Return the fields of a view's form, each with its values in order; a form that cannot be
    read raises CsrfFailedError."""
    try:
        raw = await asyncio.wait_for(_collected(request, LARGEST_VIEWS_FORM), SECONDS)
        found: dict[str, list[str]] = {}
        pairs = parse_qsl(raw.decode("ascii"), True, errors="strict", max_num_fields=MOST_FIELDS)
        for name, value in pairs:
            found.setdefault(name, []).append(value.replace("\r\n", "\n"))
    except (ValueError, TimeoutError, ClientDisconnect):
        raise CsrfFailedError("The form cannot be read: load the page again") from None
    return found


async def _collected(request: Request, largest: int = LARGEST_FORM) -> bytes:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise CsrfFailedError("The form cannot be read: load the page again")
    raw = b""
    async for part in request.stream():
        raw += part
        if len(raw) > largest:
            raise CsrfFailedError("The form is too large")
    return raw


def here(request: Request) -> str:
    """Return the path and query of a request, as a form's address and as what it is about."""
    query = request.scope["query_string"].decode("latin-1")
    path: str = request.scope["path"]
    return f"{path}?{query}" if query else path


def target(wanted: str | None, otherwise: str) -> str:
    """Return where to go on to: a path of this server, never another's address."""
    if wanted is None or not wanted.startswith("/") or wanted[1:2] in ("/", "\\"):
        return otherwise
    return wanted if wanted.isascii() and wanted.isprintable() else otherwise
