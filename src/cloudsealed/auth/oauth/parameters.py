"""Strict reading of form-encoded parameters (RFC 6749, sections 3.1 and 3.2). Pure."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from cloudsealed.auth.oauth.errors import InvalidClientError, InvalidOAuthRequestError

_MOST = 64


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a request says. A parameter without a value is as good as absent; unknown ones stay."""

    values: dict[str, str]
    repeated: frozenset[str] = frozenset()

    def get(self, name: str) -> str | None:
        """Return a parameter; raises InvalidOAuthRequestError when it is there twice."""
        if name in self.repeated:
            raise InvalidOAuthRequestError(f"{name} is given twice")
        return self.values.get(name)

    def need(self, name: str) -> str:
        """Return a parameter; raises InvalidOAuthRequestError when it is absent or there twice."""
        value = self.get(name)
        if value is None:
            raise InvalidOAuthRequestError(f"{name} is missing")
        return value

    def refuse_repeated(self) -> None:
        """Raise InvalidOAuthRequestError when anything is there twice."""
        if self.repeated:
            raise InvalidOAuthRequestError("A parameter is given twice")


def read(raw: bytes) -> Parameters:
    """Return the parameters of a query or body; raises InvalidOAuthRequestError."""
    values: dict[str, str] = {}
    seen: set[str] = set()
    repeated: set[str] = set()
    for part in filter(None, raw.split(b"&", _MOST)):
        name, _, value = part.partition(b"=")
        key, text = _decoded(name), _decoded(value)
        if key in seen:
            repeated.add(key)
        elif text:
            values[key] = text
        seen.add(key)
    if len(seen) > _MOST:
        raise InvalidOAuthRequestError("There are too many parameters")
    return Parameters(values, frozenset(repeated))


def _decoded(text: bytes) -> str:
    try:
        found = unquote_to_bytes(text.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise InvalidOAuthRequestError("The parameters are not UTF-8") from None
    if "\x00" in found:
        raise InvalidOAuthRequestError("A parameter holds the character NUL")
    return found


@dataclass(frozen=True, slots=True)
class ClientProof:
    """Who a client says it is; `secret` None when it gives none (method `none`)."""

    client_id: str
    secret: str | None


def proof(parameters: Parameters, authorization: str | None) -> ClientProof:
    """Return how a client proves itself, by exactly one method (RFC 6749, section 2.3).

    Raises InvalidClientError, and InvalidOAuthRequestError when there are two methods.
    """
    client_id, secret = parameters.get("client_id"), parameters.get("client_secret")
    if authorization is None:
        if client_id is None:
            raise InvalidClientError("The client does not say who it is")
        return ClientProof(client_id, secret)
    basic = _basic(authorization)
    if secret is not None or client_id not in (None, basic.client_id):
        raise InvalidOAuthRequestError("The client proves itself in two ways: use one")
    return basic


def _basic(authorization: str) -> ClientProof:
    scheme, _, encoded = authorization.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError
        raw = base64.b64decode(encoded.strip(), validate=True)
        name, colon, secret = raw.partition(b":")
        if not colon:
            raise ValueError
        return ClientProof(_decoded(name), _decoded(secret))
    except (ValueError, binascii.Error, InvalidOAuthRequestError):
        raise InvalidClientError("The Authorization header is not of the scheme Basic") from None
