"""The pages of who operates an installation say what there is: alerts, tests, figures."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OPERATE = ROOT / "docs" / "operate"
RULES = json.loads((ROOT / "docs" / "monitoring" / "alerts.yaml").read_text())["groups"][0]["rules"]
PAGES = sorted(OPERATE.glob("*.md"))
CITED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
NAMED = re.compile(r"\b(cloudsealed_[a-z_]+?)(?:_bucket|_sum|_count)?\b(?=[`{])")


def test_every_alert_has_its_section_and_no_other_has() -> None:
    headings = re.findall(
        r"^## (CloudSealed\w+)$", (OPERATE / "alerts.md").read_text(), re.MULTILINE
    )
    assert sorted(headings) == sorted(rule["alert"] for rule in RULES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_alerts_and_figures_that_a_page_names_are_there(page: Path) -> None:
    text = page.read_text()
    alerts = set(re.findall(r"`(CloudSealed\w+)`", text))
    assert alerts <= {rule["alert"] for rule in RULES}
    table = (OPERATE / "watching.md").read_text()
    known = set(re.findall(r"^\| `(\w+)` \| (?:gauge|counter|histogram) \|", table, re.MULTILINE))
    assert set(NAMED.findall(text)) <= known


def test_every_test_that_a_failure_names_is_there() -> None:
    cited = CITED.findall((OPERATE / "failures.md").read_text())
    assert len(cited) > 20
    for path, name in cited:
        assert f"def {name}" in (ROOT / path).read_text(), f"{path}::{name}"


def test_every_failure_of_the_table_has_its_section() -> None:
    text = (OPERATE / "failures.md").read_text()
    said = re.findall(r"^\| \[[^]]+\]\(#([\w-]+)\)", text, re.MULTILINE)
    headings = [
        each.lower().replace(" ", "-") for each in re.findall(r"^## (.+)$", text, re.MULTILINE)
    ]
    assert said == headings
