"""`/` leads people to the pages and programs to an index."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from cloudsealed.api.app import create_app
from cloudsealed.console import Console

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture
def ask(services: Any) -> Any:
    app = create_app(services, Console(services))

    def ask(path: str, **headers: str) -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost:1"
            ) as http:
                return await http.get(path, headers=headers)

        return asyncio.run(asked())

    return ask


def test_a_browser_is_led_to_the_overview_and_from_there_to_the_login(ask: Any) -> None:
    answer = ask("/", accept=BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (303, "http://localhost:1/overview")
    assert "Accept" in answer.headers["vary"]
    assert ask("/overview").headers["location"].startswith("/login")


@pytest.mark.parametrize("accept", ["*/*", "application/json", "", "image/png", "text/html;q=0"])
def test_a_program_gets_an_index_whose_addresses_all_answer(ask: Any, accept: str) -> None:
    answer = ask("/", accept=accept)
    assert answer.headers["content-type"] == "application/json"
    index = answer.json()
    assert index.pop("name") == "CloudSealed"
    assert index["api"] == "http://localhost:1/v1"
    for address in index.values():
        assert ask(address.removeprefix("http://localhost:1")).status_code in (200, 401)
