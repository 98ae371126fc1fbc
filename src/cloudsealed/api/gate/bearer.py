"""Reads the bearer token of a request (RFC 6750, section 2.1: the header, and nowhere else)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudsealed.auth.errors import MissingCredentialsError, TwoCredentialsError


def bearer(scope: Mapping[str, Any]) -> str:
    """Return the token's text; raises MissingCredentialsError and TwoCredentialsError."""
    given: list[bytes] = [value for name, value in scope["headers"] if name == b"authorization"]
    in_query = b"&access_token=" in b"&" + scope["query_string"]
    if len(given) + in_query > 1:
        raise TwoCredentialsError("The request carries more than one credential")
    if not given:
        hint = " (never in the query)" if in_query else ""
        raise MissingCredentialsError(f"Send `Authorization: Bearer TOKEN`{hint}")
    scheme, _, token = given[0].decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise MissingCredentialsError("The Authorization header must be `Bearer TOKEN`")
    return token.strip()
