"""What statuses are called, on the wire and in the document: the same on every Python.

From 3.13 on `http.HTTPStatus` has the names of RFC 9110, section 15; the contract has those of the
RFCs before it, as clients and proxies know them.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

CALLED: Final[Mapping[int, str]] = {
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    416: "Requested Range Not Satisfiable",
    422: "Unprocessable Entity",
}


def phrase(status: int) -> str:
    """Return what a status is called."""
    return CALLED.get(status) or HTTPStatus(status).phrase
