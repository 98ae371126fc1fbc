"""What proves a client, and what does not: without a server."""

from __future__ import annotations

import base64
import hmac
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from cloudsealed.auth.oauth import assertions
from cloudsealed.auth.oauth.assertions import (
    BadKeyError,
    UnprovenError,
    is_signed,
    proven,
    public_keys,
    read,
)

HERE = ("https://host.example/oauth/token", "https://host.example")
NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
RSA, EC, ED = RSAKey.generate_key(2048), ECKey.generate_key("P-256"), OKPKey.generate_key("Ed25519")
KEYS: dict[str, Key] = {"RS256": RSA, "PS256": RSA, "ES256": EC, "EdDSA": ED}


class _Quiet(jws.JWSRegistry):
    def get_alg(self, name: str) -> jws.JWSAlgModel:
        return self.algorithms[name]


def signed(claims: Any, key: Key = EC, alg: str = "ES256", **header: Any) -> str:
    text = claims if isinstance(claims, str) else json.dumps(claims)
    registry = _Quiet(strict_check_header=False)
    return jws.serialize_compact({"alg": alg, **header}, text, key, registry=registry)


def claims(**changes: Any) -> dict[str, Any]:
    now = NOW.timestamp()
    good = {"iss": "c", "sub": "c", "aud": HERE[0], "exp": now + 60, "jti": "1", **changes}
    return {name: value for name, value in good.items() if value is not None}


def keys_of(*keys: Key, **more: str) -> Any:
    return public_keys({"keys": [{**key.as_dict(private=False), **more} for key in keys]})


@pytest.mark.parametrize("alg", KEYS)
def test_each_algorithm_proves_a_client(alg: str) -> None:
    found = read(signed(claims(), KEYS[alg], alg))
    assert is_signed(found, keys_of(RSA, EC, ED))
    assert proven(found, audiences=HERE, now=NOW).digest
    assert not is_signed(found, keys_of(RSAKey.generate_key(2048), ECKey.generate_key("P-256")))


def test_a_key_signs_with_its_own_algorithm_and_by_its_own_name_only() -> None:
    rsa = {**RSA.as_dict(private=False), "alg": "RS256", "kid": "one"}
    keys = public_keys({"keys": [rsa]})
    assert is_signed(read(signed(claims(), RSA, "RS256", kid="one")), keys)
    assert is_signed(read(signed(claims(), RSA, "RS256")), keys)
    assert not is_signed(read(signed(claims(), RSA, "PS256")), keys)
    assert not is_signed(read(signed(claims(), RSA, "RS256", kid="two")), keys)
    assert not is_signed(read(_compact({"alg": "RS256", "kid": ["one"]}, b"AAAA")), keys)


def test_neither_none_nor_a_secret_made_of_the_public_key_signs() -> None:
    pem = RSA.as_pem(private=False)
    public = keys_of(RSA)
    modulus = base64.urlsafe_b64decode(str(RSA.as_dict(private=False)["n"]) + "==")
    hostile = [_compact({"alg": "none"}, b""), _compact({"alg": "none"}, b"AAAA")]
    hostile += [
        _compact({"alg": f"HS{size}"}, secret, f"sha{size}")
        for secret in (pem, modulus)
        for size in (256, 512)
    ]
    for text in hostile:
        assert not is_signed(read(text), public)


def _compact(header: Any, secret: bytes, hashed: str = "sha256") -> str:
    """Return a JWT that an HMAC signed."""
    parts = [base64.urlsafe_b64encode(json.dumps(it).encode()) for it in (header, claims())]
    body = b".".join(part.rstrip(b"=") for part in parts)
    signature = base64.urlsafe_b64encode(hmac.digest(secret, body, hashed)) if secret else b""
    return (body + b"." + signature.rstrip(b"=")).decode()


def test_a_key_in_the_header_counts_for_nothing() -> None:
    mine = ECKey.generate_key("P-256")
    text = signed(claims(), mine, jwk=mine.as_dict(private=False), jku="https://evil.example/jwks")
    assert not is_signed(read(text), keys_of(EC))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "other"}, "iss"),
        ({"iss": None}, "iss"),
        ({"aud": "https://evil.example"}, "aud"),
        ({"aud": None}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": [HERE[0], "https://evil.example"]}, "aud"),
        ({"aud": {"a": 1}}, "aud"),
        ({"exp": None}, "exp"),
        ({"exp": NOW.timestamp() - 31}, "exp"),
        ({"exp": NOW.timestamp() + 3631}, "exp"),
        ({"exp": "9999999999"}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": float("nan")}, "exp"),
        ({"exp": float("inf")}, "exp"),
        ({"exp": -float("inf")}, "exp"),
        ({"exp": 10**400}, "exp"),
        ({"nbf": NOW.timestamp() + 31}, "nbf"),
        ({"iat": NOW.timestamp() + 31}, "iat"),
        ({"iat": "now"}, "iat"),
        ({"jti": None}, "jti"),
        ({"jti": ""}, "jti"),
        ({"jti": 7}, "jti"),
        ({"jti": "x" * 256}, "jti"),
    ],
)
def test_a_claim_that_is_wrong_is_named(changes: Any, reason: str) -> None:
    with pytest.raises(UnprovenError, match=reason):
        proven(read(signed(claims(**changes))), audiences=HERE, now=NOW)


def test_what_is_needed_of_a_used_assertion_outlives_it() -> None:
    ends = NOW.timestamp() + assertions.LONGEST_LIFE
    found = proven(read(signed(claims(exp=ends, aud=[HERE[1]]))), audiences=HERE, now=NOW)
    assert found.until.timestamp() >= ends + assertions.SKEW
    assert proven(read(signed(claims(jti="\ud800"))), audiences=HERE, now=NOW).digest


@settings(max_examples=40)
@given(st.one_of(st.text(), st.binary().map(lambda raw: raw.decode("latin-1"))))
def test_no_text_is_taken_for_an_assertion_and_none_is_an_accident(text: str) -> None:
    with pytest.raises(UnprovenError):
        read(text)


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(("alg", "kid", "typ", "sub", "crit", "b64")), inner)
    ),
    max_leaves=6,
)


@settings(max_examples=60)
@given(_JSON, _JSON)
def test_no_header_and_no_claims_are_an_accident(header: Any, body: Any) -> None:
    parts = [json.dumps(part).encode() for part in (header, body)]
    text = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    try:
        found = read(f"{text}.AAAA")
    except UnprovenError:
        return
    assert not is_signed(found, keys_of(RSA, EC, ED))
    with pytest.raises(UnprovenError):
        proven(found, audiences=HERE, now=NOW)


@pytest.mark.parametrize(
    "bad",
    [
        None,
        {},
        {"kty": "oct", "k": "AAAA"},
        {"kty": ["EC"]},
        RSA.as_dict(private=True),
        EC.as_dict(private=True),
        {**RSA.as_dict(private=False), "n": "w" * 171},
        {**RSA.as_dict(private=False), "e": "Aw"},
        {**RSA.as_dict(private=False), "e": "_" * 40},
        ECKey.generate_key("P-384").as_dict(private=False),
        OKPKey.generate_key("X25519").as_dict(private=False),
        {**EC.as_dict(private=False), "y": "AAAA"},
        {**EC.as_dict(private=False), "x": None},
        {**EC.as_dict(private=False), "use": "enc"},
        {**EC.as_dict(private=False), "key_ops": 1},
        {**EC.as_dict(private=False), "alg": "HS256"},
        {**EC.as_dict(private=False), "alg": "RS256"},
        {**EC.as_dict(private=False), "kid": 1},
        {**EC.as_dict(private=False), "kid": "x" * 256},
        {"kty": "RSA", "n": "=", "e": "AQAB"},
        {"kty": "RSA", "e": "AQAB"},
    ],
)
def test_a_key_that_is_weak_private_or_none_is_not_registered(bad: Any) -> None:
    with pytest.raises(BadKeyError):
        public_keys({"keys": [bad]})


def test_a_set_has_one_to_ten_keys_each_with_its_own_name() -> None:
    one = {**EC.as_dict(private=False), "kid": "a", "x5c": ["ignored"], "ext": True}
    assert public_keys({"keys": [one]})[0].keys() == {"kty", "crv", "x", "y", "kid"}
    for bad in ({"keys": []}, {"keys": [one] * 11}, {"keys": [one, one]}, [], {"keys": one}):
        with pytest.raises(BadKeyError):
            public_keys(bad)


def test_the_clock_of_a_client_may_differ_by_half_a_minute() -> None:
    moment = datetime.fromtimestamp(time.time(), UTC)
    late = claims(exp=moment.timestamp() - 29, iat=moment.timestamp() + 29)
    assert proven(read(signed(late)), audiences=HERE, now=moment)
