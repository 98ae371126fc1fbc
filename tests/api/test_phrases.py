"""A status is called the same on every Python: `http.HTTPStatus` changed its names in 3.13."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from cloudsealed.api import protocol
from cloudsealed.api.phrases import phrase

RENAMED = {
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    416: "Requested Range Not Satisfiable",
    422: "Unprocessable Entity",
}


@pytest.mark.parametrize("status", [int(each) for each in HTTPStatus])
def test_the_wire_and_the_document_call_a_status_the_same(status: int) -> None:
    assert protocol.BoundedProtocol
    assert STATUS_LINE[status] == f"HTTP/1.1 {status} {phrase(status)}\r\n".encode()
    assert phrase(status) == RENAMED.get(status, HTTPStatus(status).phrase)
