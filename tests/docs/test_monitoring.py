"""The board and the alerts ask for figures that there are, in words that Prometheus reads."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from typing import Any

import promql_parser
import pytest

ROOT = Path(__file__).parents[2]
BOARD = runpy.run_path(str(ROOT / "tools" / "board.py"))
QUERIES = [query for _, _, *asked in BOARD["PANELS"] for query, _ in asked]
QUERIES += [rule[1] for rule in BOARD["RULES"]]
SUFFIXES = re.compile(r"_(bucket|sum|count)$")
OF_PROMETHEUS = {"up"}


def selectors(node: Any) -> list[Any]:
    """Return every vector that a query selects, at any depth."""
    if isinstance(node, promql_parser.VectorSelector):
        return [node]
    if isinstance(node, promql_parser.MatrixSelector):
        return [node.vector_selector]
    below = [getattr(node, name, None) for name in ("expr", "lhs", "rhs", "param")]
    below += list(getattr(node, "args", None) or ())
    return [found for each in below if each is not None for found in selectors(each)]


def known() -> dict[str, str]:
    """Return what each figure is, by name, as docs/operate/watching.md has it from the code."""
    text = (ROOT / "docs" / "operate" / "watching.md").read_text()
    table = text.partition("<!-- derived: metrics -->")[2].partition("<!-- end -->")[0]
    return dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", table, re.MULTILINE))


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_asks_for_figures_that_there_are(query: str) -> None:
    found = selectors(promql_parser.parse(query))
    assert found, query
    kinds = known()
    for each in found:
        if each.name in OF_PROMETHEUS:
            continue
        family = SUFFIXES.sub("", each.name)
        assert family in kinds, each.name
        assert (kinds[family] == "histogram") == (family != each.name)
        counted = re.search(rf"(rate|increase)\({each.name}\b", query) is not None
        assert counted == (kinds[family] in ("counter", "histogram")), "what grows is asked by rate"


def test_the_files_are_those_of_the_tables() -> None:
    for path, text in BOARD["written"]().items():
        assert path.read_text() == text, "python tools/board.py"


def test_panels_lie_beside_each_other_and_alerts_say_what_to_do() -> None:
    panels = json.loads(BOARD["BOARD"].read_text())["panels"]
    places = [(each["gridPos"]["x"], each["gridPos"]["y"]) for each in panels]
    assert len({*places}) == len(places) == len({each["id"] for each in panels})
    for rule in json.loads(BOARD["ALERTS"].read_text())["groups"][0]["rules"]:
        assert re.fullmatch(r"\d+m", rule["for"])
        assert rule["annotations"]["summary"].endswith(".")
