from __future__ import annotations

import base64

import pytest

from cloudsealed.auth.oauth.errors import InvalidClientError, InvalidOAuthRequestError
from cloudsealed.auth.oauth.parameters import Parameters, proof, read


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_a_parameter_without_a_value_is_absent_and_one_given_twice_is_refused() -> None:
    found = read(b"a=1&b=&c=x+y%26&c=z&d")
    assert found.get("a") == "1"
    assert found.get("b") is None
    assert found.get("d") is None
    for name in ("c",):
        with pytest.raises(InvalidOAuthRequestError):
            found.get(name)
    with pytest.raises(InvalidOAuthRequestError):
        found.need("b")
    with pytest.raises(InvalidOAuthRequestError):
        read(b"b=&b=").refuse_repeated()


@pytest.mark.parametrize("raw", [b"a=%ff", b"a=%00", b"&".join(b"p%d=1" % n for n in range(70))])
def test_what_cannot_be_read_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidOAuthRequestError):
        read(raw)


def test_basic_credentials_are_form_encoded() -> None:
    found = proof(Parameters({}), basic("a%3Ab:c%25+d"))
    assert (found.client_id, found.secret) == ("a:b", "c% d")


@pytest.mark.parametrize("header", ["", "Basic", "Basic !", "Bearer x", basic("no-colon")])
def test_a_bad_authorization_header_is_an_invalid_client(header: str) -> None:
    with pytest.raises(InvalidClientError):
        proof(Parameters({}), header)
