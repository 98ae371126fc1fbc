"""A change of the document that breaks clients fails; an addition does not."""

from __future__ import annotations

import copy
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parent.parent.parent
RELEASED = json.loads((ROOT / "docs" / "api" / "openapi-0.1.0.json").read_text())


def _breaks(new: Any) -> list[str]:
    file = ROOT / "tools" / "contract" / "compatible.py"
    spec = importlib.util.spec_from_file_location("compatible", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return list(module.breaks(RELEASED, new))


def test_the_served_document_keeps_every_promise_of_the_released_one(tenant: Any) -> None:
    served = httpx.get(f"{tenant.url}/openapi.json", trust_env=False).json()
    assert _breaks(served) == []


def _schema(document: Any, name: str) -> Any:
    return document["components"]["schemas"][name]


Change = Callable[[Any], object]
BREAKING: dict[str, Change] = {
    "GET /v1/me is gone": lambda d: d["paths"].pop("/v1/me"),
    "is renamed now": lambda d: d["paths"]["/v1/me"]["get"].update(operationId="renamed"),
    "no longer answers 404": lambda d: d["paths"]["/v1/audits/{id}"]["get"]["responses"].pop("404"),
    "no longer takes limit": lambda d: d["paths"]["/v1/tokens"]["get"].update(parameters=[]),
    "Finding: title is gone": lambda d: _schema(d, "Finding")["properties"].pop("title"),
    "Finding: title may be missing now": lambda d: _schema(d, "Finding")["required"].remove(
        "title"
    ),
    "TokenBody: x is needed now": lambda d: _schema(d, "TokenBody")["required"].append("x"),
    "TokenBody: name is refused now": lambda d: _schema(d, "TokenBody")["properties"].pop("name"),
    "PolicyKind: classification is refused now": lambda d: _schema(d, "PolicyKind").update(
        enum=["check"]
    ),
    "needs [['admin']], not": lambda d: d["paths"]["/v1/audits"]["get"].update(
        security=[{"bearer": []}, {"oauth": ["admin"]}]
    ),
}


@pytest.mark.parametrize("message", BREAKING)
def test_what_breaks_clients_is_named(message: str) -> None:
    new = copy.deepcopy(RELEASED)
    BREAKING[message](new)
    assert any(message in text for text in _breaks(new)), _breaks(new)


def test_an_addition_breaks_nobody() -> None:
    new = copy.deepcopy(RELEASED)
    new["paths"]["/v1/new"] = copy.deepcopy(new["paths"]["/v1/me"])
    _schema(new, "Finding")["properties"]["more"] = {"type": "string"}
    _schema(new, "TokenBody")["properties"]["more"] = {"type": "string"}
    new["paths"]["/v1/tokens"]["get"]["parameters"].append({"name": "more", "schema": {}})
    assert _breaks(new) == []
