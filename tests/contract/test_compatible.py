"""A change of the document that breaks clients fails; an addition does not."""

from __future__ import annotations

import copy
import importlib.util
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parent.parent.parent
RELEASED = json.loads((ROOT / "docs" / "api" / "openapi-0.1.0.json").read_text())


def _breaks(new: Any, old: Any = RELEASED) -> list[str]:
    file = ROOT / "tools" / "contract" / "compatible.py"
    spec = importlib.util.spec_from_file_location("compatible", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return list(module.breaks(old, new))


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
    "needs a body now": lambda d: d["paths"]["/v1/tokens/{id}/rotate"]["post"][
        "requestBody"
    ].update(required=True),
    "needs [['admin']], not": lambda d: d["paths"]["/v1/audits"]["get"].update(
        security=[{"bearer": []}, {"oauth": ["admin"]}]
    ),
}


@pytest.mark.parametrize("message", BREAKING)
def test_what_breaks_clients_is_named(message: str) -> None:
    new = copy.deepcopy(RELEASED)
    BREAKING[message](new)
    assert any(message in text for text in _breaks(new)), _breaks(new)


def test_the_rule_that_a_change_breaks_is_named_and_in_the_policy_of_versions() -> None:
    rules = re.findall("^### (.*)$", (ROOT / "docs" / "versioning.md").read_text(), re.MULTILINE)
    named = set()
    for change in BREAKING.values():
        new = copy.deepcopy(RELEASED)
        change(new)
        named |= {text.rpartition("versioning.md: ")[2].rstrip("]") for text in _breaks(new)}
    assert named <= set(rules)
    assert len(named) == len(set(rules))


@pytest.mark.parametrize(("sunset", "broken"), [("2020-01-01", 0), ("2999-01-01", 3), (None, 3)])
def test_what_was_deprecated_may_go_when_its_last_day_is_over(
    sunset: str | None, broken: int
) -> None:
    old = copy.deepcopy(RELEASED)
    said = {"deprecated": True, **({"x-sunset": sunset} if sunset else {})}
    for node in (
        old["paths"]["/v1/me"]["get"],
        _schema(old, "Finding")["properties"]["title"],
        next(p for p in old["paths"]["/v1/tokens"]["get"]["parameters"] if p["name"] == "limit"),
    ):
        node |= said
    new = copy.deepcopy(old)
    del new["paths"]["/v1/me"], _schema(new, "Finding")["properties"]["title"]
    parameters = new["paths"]["/v1/tokens"]["get"]["parameters"]
    parameters[:] = [p for p in parameters if p["name"] != "limit"]
    assert len(_breaks(new, old)) == broken


def test_an_addition_breaks_nobody() -> None:
    new = copy.deepcopy(RELEASED)
    new["paths"]["/v1/new"] = copy.deepcopy(new["paths"]["/v1/me"])
    _schema(new, "Finding")["properties"]["more"] = {"type": "string"}
    _schema(new, "TokenBody")["properties"]["more"] = {"type": "string"}
    new["paths"]["/v1/tokens"]["get"]["parameters"].append({"name": "more", "schema": {}})
    assert _breaks(new) == []


@pytest.mark.parametrize(("words", "broken"), [("check|classification", 0), ("check", 1)])
def test_a_list_of_words_may_become_a_pattern_that_takes_them_all(words: str, broken: int) -> None:
    new = copy.deepcopy(RELEASED)
    del _schema(new, "PolicyKind")["enum"]
    _schema(new, "PolicyKind")["pattern"] = f"^({words})$"
    found = [text for text in _breaks(new) if text.startswith("PolicyKind")]
    assert len(found) == broken
