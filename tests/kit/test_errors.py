"""Each error has a code of its own, a status and a docstring that says when it happens."""

from __future__ import annotations

from cloudsealed import wiring  # noqa: F401 - loads every module that defines an error
from cloudsealed.api.app import TABLES
from cloudsealed.api.errors import catalogue
from cloudsealed.kit.errors import CloudSealedError, NotFoundError, error_classes


def test_every_error_says_its_code_its_status_and_when_it_happens() -> None:
    for kind in error_classes():
        assert kind.code.replace("_", "").isalpha(), kind
        assert kind.code.islower(), kind
        assert 400 <= kind.status <= 599, kind
        assert kind.__doc__, kind


def test_what_is_not_found_names_the_noun_and_the_id() -> None:
    error = NotFoundError("finding", "fnd_1")
    assert (error.message, str(error)) == ("No such finding: fnd_1",) * 2
    assert error.status == 404


def test_details_and_headers_are_kept_and_default_to_none() -> None:
    detail = {"field": "x", "code": "c", "message": "m"}
    error = CloudSealedError("no", details=[detail], headers={"Retry-After": "1"})
    assert (error.details, error.headers) == ((detail,), {"Retry-After": "1"})
    bare = CloudSealedError("no")
    assert (bare.details, bare.headers, bare.code, bare.status) == ((), {}, "internal_error", 500)


def test_every_code_that_is_served_says_what_to_do_and_none_by_default() -> None:
    assert TABLES  # with which every filter has its error
    said = {code: entry["remedy"] for code, entry in catalogue().items()}
    default = {code for code, text in said.items() if text == CloudSealedError.remedy}
    assert default == {"internal_error"}
    assert [code for code, text in said.items() if not text.endswith(".")] == []
