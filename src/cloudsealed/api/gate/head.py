"""A request's head: its size, and its bearer token (RFC 6750, section 2.1: in no other place)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudsealed.api.errors import HeadersTooLargeError, UriTooLongError
from cloudsealed.api.gate.place import check_host
from cloudsealed.auth.errors import MissingCredentialsError, TwoCredentialsError

LONGEST_HEAD = 16 * 1024
LONGEST_URI = 8 * 1024
REFUSAL = "cloudsealed.refusal"  # in a scope: what the protocol refuses about the request
_SCHEME = b"bearer "


def read_head(scope: Mapping[str, Any]) -> list[bytes]:
    """Return the values of Authorization.

    Raises what the protocol refused, and what `check_host` raises, UriTooLongError and
    HeadersTooLargeError.
    """
    if REFUSAL in scope:
        raise scope[REFUSAL]
    check_host(scope)
    if len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"]) > LONGEST_URI:
        raise UriTooLongError(f"The path and query must be at most {LONGEST_URI} bytes")
    size, given = 0, []
    for name, value in scope["headers"]:
        size += len(name) + len(value) + 4
        if name == b"authorization":
            given.append(value)
    if size > LONGEST_HEAD:
        raise HeadersTooLargeError(f"The request's head must be at most {LONGEST_HEAD} bytes")
    return given


def bearer(scope: Mapping[str, Any]) -> str:
    """Return the token's text.

    Raises as `read_head`, MissingCredentialsError and TwoCredentialsError.
    """
    given, query = read_head(scope), scope["query_string"]
    in_query = b"access_token=" in query and b"&access_token=" in b"&" + query
    if len(given) + in_query > 1:
        raise TwoCredentialsError("The request carries more than one credential")
    if not given:
        hint = " (never in the query)" if in_query else ""
        raise MissingCredentialsError(f"Send `Authorization: Bearer TOKEN`{hint}")
    token = given[0][len(_SCHEME) :].strip()
    if given[0][: len(_SCHEME)].lower() != _SCHEME or not token:
        raise MissingCredentialsError("The Authorization header must be `Bearer TOKEN`")
    return token.decode("latin-1")
