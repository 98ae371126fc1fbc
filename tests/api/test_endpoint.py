from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cloudsealed.api import endpoint
from cloudsealed.api.precondition import etag, names
from cloudsealed.storage.database import ReadDeadlineError


def test_a_read_that_takes_too_long_for_the_event_loop_runs_in_a_thread(
    connect: Any, services: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = services.tenants.all()[0].id
    services.policies.synchronize(tenant=tenant)
    slow: Any = {"filters": {"enabled": ("true",)}, "limit": 200}
    with pytest.raises(ReadDeadlineError):
        services.policies.list(tenant=tenant, **slow, deadline=-1)
    monkeypatch.setattr(endpoint, "QUICK_SECONDS", -1)

    async def ask() -> Any:
        async with connect() as http:
            return await http.get("/v1/policies", params={"enabled": "true", "limit": 200})

    answer = asyncio.run(ask())
    assert answer.status_code == 200
    everything = services.policies.list(tenant=tenant, **slow)
    assert len(answer.json()["data"]) == len(everything.items) > 50


def test_an_entity_tag_is_found_in_a_list_weak_or_starred() -> None:
    tag = etag(b"{}")
    for header in (tag, f'"x", W/{tag}', "*"):
        assert names(header, tag)
    for header in ("", '"x"', tag[:-2] + '"'):
        assert not names(header, tag)
