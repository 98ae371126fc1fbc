"""Signatures: the examples of the RFCs, and what an attacker makes of a good one."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws as theirs
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from cloudsealed.auth.oauth.jws import is_signed_by, octets, parse

KEYS: dict[str, Key] = {
    "RS256": RSAKey.generate_key(2048),
    "PS256": RSAKey.generate_key(2048),
    "ES256": ECKey.generate_key("P-256"),
    "EdDSA": OKPKey.generate_key("Ed25519"),
}
EXAMPLES = {
    "RFC 7515, A.3": (
        (
            "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
            "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djx"
            "La8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
        ),
        {
            "kty": "EC",
            "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        },
    ),
    "RFC 8037, A.4": (
        (
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09"
            "PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        ),
        {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    ),
}


class _Quiet(theirs.JWSRegistry):
    def get_alg(self, name: str) -> theirs.JWSAlgModel:
        return self.algorithms[name]


def text(alg: str, **header: Any) -> str:
    registry = _Quiet(strict_check_header=False)
    return theirs.serialize_compact({"alg": alg, **header}, b"{}", KEYS[alg], registry=registry)


def public(alg: str) -> Any:
    return KEYS[alg].as_dict(private=False)


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_of_the_rfcs_are_signed_by_their_keys(name: str) -> None:
    signed, key = EXAMPLES[name]
    assert is_signed_by(parse(signed), key)


GOOD = {alg: text(alg) for alg in KEYS}


@settings(max_examples=200)
@given(st.sampled_from(sorted(KEYS)), st.data())
def test_a_text_with_one_other_character_is_signed_by_nobody(alg: str, data: Any) -> None:
    good = GOOD[alg]
    place = data.draw(st.integers(0, len(good) - 1))
    other = data.draw(st.sampled_from("ABQgwxyz0159-_.=+/ \n"))
    if good[place] == other:
        assert is_signed_by(parse(good), public(alg))
        return
    try:
        found = parse(good[:place] + other + good[place + 1 :])
    except ValueError:
        return
    assert not any(is_signed_by(found, public(each)) for each in KEYS)


def test_a_signature_in_another_form_of_the_same_numbers_is_none() -> None:
    head, body, signature = GOOD["ES256"].split(".")
    raw = octets(signature)
    numbers = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    for other in (encode_dss_signature(*numbers), raw + b"\0", b"\0" + raw, bytes(64), b""):
        assert not is_signed_by(parse(f"{head}.{body}.{encoded(other)}"), public("ES256"))


@pytest.mark.parametrize(
    "header",
    [{"alg": "ES256", "crit": ["exp"]}, {"alg": "ES256", "crit": []}, {}, {"alg": 1}, [], "x"],
)
def test_a_header_that_asks_for_more_or_names_no_algorithm_is_refused(header: Any) -> None:
    with pytest.raises(ValueError, match="header"):
        parse(f"{encoded(json.dumps(header).encode())}.e30.AAAA")


@pytest.mark.parametrize("bad", ["A", "AB", "AA==", "A A", "AAA\n", "+/8", "é"])
def test_what_is_not_base64url_in_its_one_form_is_refused(bad: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever says so
        octets(bad)
