from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cloudsealed.engine import EvaluationError


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("http://127.0.0.1:2379", True),
        ("https://[::1]:2379/x", True),
        ("http://localhost:2379", True),
        ("unix:///run/kine.sock", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("10.0.0.1", False),
        ("127.0.0.1.example.com", False),
        ("localhost.example.com", False),
        ("https://10.0.0.5:2379", False),
        ("https://10.0.0.5:2379/127.0.0.1", False),
        ("https://127.0.0.1@10.0.0.5", False),
    ],
)
def test_only_what_stays_on_the_machine_is_a_loopback(
    value_of: Callable[..., Any], where: str, expected: bool
) -> None:
    assert value_of("is_loopback(x)", x=where) is expected


@pytest.mark.parametrize("url", ["http://", "http://:80", "http://[::1", "a" * 3000])
def test_a_url_without_a_host_is_an_error(value_of: Callable[..., Any], url: str) -> None:
    with pytest.raises(EvaluationError):
        value_of("is_loopback(x)", x=url)
