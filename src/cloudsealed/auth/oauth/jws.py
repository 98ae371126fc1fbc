"""Signed texts in compact form (RFC 7515), and which key signed one (RFC 7518, RFC 8037).

It knows four algorithms, each of one kind of key. There is no `none` and no HMAC, and no key is
taken from a header.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

ALGORITHMS: Final = {"RSA": ("RS256", "PS256"), "EC": ("ES256",), "OKP": ("EdDSA",)}
"""What a key of each kind signs with; EC is on the curve P-256, OKP on Ed25519."""

PublicKey = Mapping[str, str]
"""A public key as a JWK: `kty`, the parts of its kind, `kid` and `alg` where it has them."""
Loaded = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

_HALF = 32  # octets of r and of s in a signature on P-256 (RFC 7518, section 3.4)


@dataclass(frozen=True, slots=True)
class Signed:
    """A text in compact form; `signature` is of the octets `of`, and proven by nothing."""

    header: Mapping[str, Any]
    payload: bytes
    of: bytes
    signature: bytes


def parse(text: str) -> Signed:
    """Return the parts of a text; raises ValueError for what is none, and for a header whose `crit`
    asks for what nobody here understands (RFC 7515, section 4.1.11)."""
    head, body, signature = text.split(".")
    header = json.loads(octets(head).decode())
    if not isinstance(header, dict) or not isinstance(header.get("alg"), str) or "crit" in header:
        raise ValueError("no header of a signature")
    return Signed(header, octets(body), f"{head}.{body}".encode(), octets(signature))


def octets(text: str) -> bytes:
    """Return what base64url without padding stands for; raises ValueError for any other text."""
    raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
        raise ValueError("not base64url")
    return raw


def number(text: str) -> int:
    """Return the number of a key's part; raises ValueError."""
    return int.from_bytes(octets(text), "big")


def load(key: PublicKey) -> Loaded:
    """Return a key to verify by; raises ValueError when it is not whole and valid."""
    match key["kty"]:
        case "RSA":
            return rsa.RSAPublicNumbers(number(key["e"]), number(key["n"])).public_key()
        case "EC":
            point = number(key["x"]), number(key["y"])
            return ec.EllipticCurvePublicNumbers(*point, ec.SECP256R1()).public_key()
        case _:
            return ed25519.Ed25519PublicKey.from_public_bytes(octets(key["x"]))


def is_signed_by(signed: Signed, key: PublicKey) -> bool:
    """Say whether a key signed a text, by the algorithm of its header, which must be the key's."""
    algorithm = signed.header["alg"]
    if algorithm not in ALGORITHMS[key["kty"]]:
        return False
    try:
        _verify(load(key), algorithm, signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def _verify(key: Loaded, algorithm: str, signed: Signed) -> None:
    signature, of = signed.signature, signed.of
    if isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(signature, of)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if len(signature) != 2 * _HALF:
            raise InvalidSignature
        halves = (int.from_bytes(half, "big") for half in (signature[:_HALF], signature[_HALF:]))
        key.verify(encode_dss_signature(*halves), of, ec.ECDSA(SHA256()))
    elif algorithm == "PS256":
        salted = padding.PSS(padding.MGF1(SHA256()), padding.PSS.DIGEST_LENGTH)
        key.verify(signature, of, salted, SHA256())
    else:
        key.verify(signature, of, padding.PKCS1v15(), SHA256())
