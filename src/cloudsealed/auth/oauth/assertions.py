"""`private_key_jwt`: a client proves itself by a JWT that its key signed (RFC 7523, RFC 8725).

Only public keys that were registered count: a key or an address of keys in the JWT's own header is
never looked at. Which algorithms may have signed is decided by the key, never by the JWT.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from cloudsealed.auth.oauth.jws import (
    ALGORITHMS,
    PublicKey,
    Signed,
    is_signed_by,
    load,
    number,
    parse,
)
from cloudsealed.kit.canonical import sha256

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_LIFE = 3600  # seconds from now to `exp`: what widespread clients give it
SKEW = 30  # seconds that a client's clock may differ
MOST_KEYS = 10
_LONGEST = 8192  # of a JWT
LONGEST_KEY_NAME = 255  # of a `jti` and a `kid`
_TYPES = (None, "jwt", "client-authentication+jwt")
_PARTS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
_CURVES = {"EC": "P-256", "OKP": "Ed25519"}
_PRIVATE = frozenset(("d", "p", "q", "dp", "dq", "qi", "oth", "k"))
_BASE64 = re.compile(r"[A-Za-z0-9_-]+")
_RSA_BITS = range(2048, 4097)
_EXPONENTS = range(65537, 1 << 32)  # larger ones make verifying slow


class UnprovenError(Exception):
    """An assertion proves nothing; the text says why, and is told to who holds the key alone."""


class BadKeyError(Exception):
    """A key of a set cannot be registered; the text says why."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """A JWT, and what it says of itself; `client_id` is its `sub`."""

    signed: Signed
    claims: Mapping[str, Any]
    client_id: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What a good assertion is known by, to be used once: a digest, needed until `until`."""

    digest: str
    until: datetime


def public_keys(given: Any) -> tuple[PublicKey, ...]:
    """Return the keys of a JWK set as they are kept; raises BadKeyError."""
    keys = given.get("keys") if isinstance(given, dict) else None
    if not isinstance(keys, list) or not 1 <= len(keys) <= MOST_KEYS:
        raise BadKeyError(f"must be an object whose keys is a list of 1 to {MOST_KEYS} JWKs")
    found = tuple(_public_key(key) for key in keys)
    named = [key["kid"] for key in found if "kid" in key]
    if len(set(named)) != len(named):
        raise BadKeyError("must not have two keys with one kid")
    return found


def _public_key(given: Any) -> PublicKey:
    kind = given.get("kty") if isinstance(given, dict) else None
    if not isinstance(kind, str) or kind not in _PARTS:
        raise BadKeyError("must hold keys whose kty is RSA, EC or OKP")
    if given.keys() & _PRIVATE:
        raise BadKeyError("must hold public keys only: this one's private half is no secret now")
    uses = given.get("key_ops", ["verify"])
    if given.get("use", "sig") != "sig" or not isinstance(uses, list) or "verify" not in uses:
        raise BadKeyError("must hold keys that verify signatures")
    if given.get("alg", ALGORITHMS[kind][0]) not in ALGORITHMS[kind]:
        raise BadKeyError(f"must name {' or '.join(ALGORITHMS[kind])} as the alg of a key {kind}")
    if given.get("crv") != _CURVES.get(kind) and kind in _CURVES:
        raise BadKeyError(f"must hold keys {kind} on the curve {_CURVES[kind]}")
    kept = {name: given[name] for name in ("kty", *_PARTS[kind], "kid", "alg") if name in given}
    if not all(isinstance(text, str) and 0 < len(text) <= 2048 for text in kept.values()):
        raise BadKeyError("must hold keys whose parts are texts")
    if not all(_BASE64.fullmatch(kept.get(name, "")) for name in _PARTS[kind] if name != "crv"):
        raise BadKeyError(f"must hold keys {kind} with {', '.join(_PARTS[kind])} in base64url")
    if len(kept.get("kid", "")) > LONGEST_KEY_NAME:
        raise BadKeyError(f"must hold keys whose kid has at most {LONGEST_KEY_NAME} characters")
    _require_strong(kept)
    return kept


def _require_strong(key: PublicKey) -> None:
    try:
        if key["kty"] == "RSA" and number(key["n"]).bit_length() not in _RSA_BITS:
            raise BadKeyError(
                f"must hold RSA keys of {_RSA_BITS.start} to {_RSA_BITS.stop - 1} bits"
            )
        public = load(key)
    except ValueError as error:
        raise BadKeyError("must hold whole and valid keys") from error
    if isinstance(public, RSAPublicKey) and public.public_numbers().e not in _EXPONENTS:
        raise BadKeyError(
            f"must hold RSA keys whose exponent is {_EXPONENTS.start}, or little more"
        )


def read(text: str) -> Assertion:
    """Return what a JWT says, proven by nothing; raises UnprovenError when it is none."""
    if len(text) > _LONGEST:
        raise UnprovenError("It is too long")
    try:
        signed = parse(text)
        claims, kind = json.loads(signed.payload.decode()), signed.header.get("typ")
    except (ValueError, RecursionError) as error:
        raise UnprovenError("It is no JWT") from error
    subject = claims.get("sub") if isinstance(claims, dict) else None
    if not isinstance(subject, str) or not (subject.isascii() and subject.isprintable()):
        raise UnprovenError("It has no sub")
    if (kind.lower() if isinstance(kind, str) else kind) not in _TYPES:
        raise UnprovenError("It is no JWT of a client")
    return Assertion(signed, claims, subject)


def is_signed(assertion: Assertion, keys: Sequence[PublicKey]) -> bool:
    """Say whether one of a client's keys signed an assertion."""
    signed = assertion.signed
    return any(is_signed_by(signed, key) for key in _candidates(keys, signed.header))


def _candidates(keys: Sequence[PublicKey], header: Mapping[str, Any]) -> Iterator[PublicKey]:
    """Yield the keys that may have signed: those of the kid, if one is named, and of the alg."""
    for key in keys:
        named = "kid" not in header or header["kid"] == key.get("kid")
        if named and key.get("alg", header["alg"]) == header["alg"]:
            yield key


def proven(assertion: Assertion, *, audiences: Sequence[str], now: datetime) -> Proof:
    """Return what an assertion that its client's key signed is known by; raises UnprovenError.

    RFC 7523, section 3: `iss` and `sub` are the client, `aud` names this server and nobody else,
    `exp` is near, `jti` is there.
    """
    claims, moment = assertion.claims, now.timestamp()
    if claims.get("iss") != assertion.client_id:
        raise UnprovenError("iss and sub must both be the client id")
    named = claims.get("aud")
    meant = named if isinstance(named, list) else [named]
    if not meant or any(each not in audiences for each in meant):
        raise UnprovenError("aud must be the token endpoint or the issuer")
    ends = _moment(claims, "exp")
    if ends is None or ends <= moment - SKEW:
        raise UnprovenError("exp is missing or past")
    if ends > moment + LONGEST_LIFE + SKEW:
        raise UnprovenError(f"exp must be within {LONGEST_LIFE} seconds from now")
    for name in ("nbf", "iat"):
        begins = _moment(claims, name)
        if name in claims and (begins is None or begins > moment + SKEW):
            raise UnprovenError(f"{name} must be a moment that is past")
    number = claims.get("jti")
    if not isinstance(number, str) or not 0 < len(number) <= LONGEST_KEY_NAME:
        raise UnprovenError("jti must be a text that no other assertion has")
    needed = timedelta(seconds=math.ceil(ends - moment) + SKEW)
    return Proof(sha256(number.encode("utf-8", "surrogatepass")), now + needed)


def _moment(claims: Mapping[str, Any], name: str) -> float | None:
    """Return a NumericDate (RFC 7519, section 2); None for what is none."""
    value = claims.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if abs(value) < 1e12 else None
