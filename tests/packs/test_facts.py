"""The tables of facts: each row says where it is from, and the tables agree with each other."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest

from cloudsealed.packs.facts import facts

SUBJECTS = sorted(
    each.name.removesuffix(".csv")
    for each in files("cloudsealed.packs.facts").iterdir()
    if each.name.endswith(".csv")
)
KEYS = {
    "products": ("product",),
    "versions": ("product", "version"),
    "generations": ("product", "family"),
    "tls_policies": ("policy",),
    "volumes": ("type",),
    "removed_apis": ("api", "kind"),
}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_row_says_its_source_and_the_day_of_checking(subject: str) -> None:
    rows = facts(subject)
    assert rows
    for row in rows:
        assert row["source"]
        assert date.fromisoformat(row["checked"])
        assert None not in row.values()


@pytest.mark.parametrize("subject", sorted(KEYS))
def test_no_table_says_a_thing_twice(subject: str) -> None:
    told = Counter(tuple(row[name] for name in KEYS[subject]) for row in facts(subject))
    assert [key for key, times in told.items() if times > 1] == []


def test_every_version_is_of_a_product_and_its_dates_are_in_order() -> None:
    products = {row["product"] for row in facts("products")}
    assert {row["product"] for row in facts("versions")} == products
    for row in facts("versions"):
        ends = [row[name] for name in ("standard_ends", "extended_ends") if row[name]]
        assert ends == sorted(ends)
        assert not row["extended_ends"] or row["standard_ends"]
        assert [str(date.fromisoformat(day)) for day in ends] == ends


ROOT = Path(__file__).parents[2]
HEAD = "product,version,end_of_active_support,end_of_life,end_of_extended_support\n"


def newer_list() -> Path:
    """Where the list of versions is that others keep, if it is anywhere."""
    given = os.environ.get("CLOUDSEALED_TEST_DATA")
    data = Path(given) if given else ROOT.parent / "shared" / "data"
    return data / "facts" / "lifecycles.csv"


def compared(path: Path) -> tuple[int, str]:
    command = [sys.executable, ROOT / "tools" / "facts.py", path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.skipif(not newer_list().exists(), reason=f"no list of versions at {newer_list()}")
def test_the_tables_of_versions_say_what_the_list_at_hand_says() -> None:
    code, text = compared(newer_list())
    assert "\n0 differences\n" in f"\n{text}"
    assert code == 0


def test_the_command_names_each_date_and_each_version_that_differs(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(
        HEAD
        + "aws-lambda,python3.9,2026-01-15,2027-03-03,\n"
        + "aws-lambda,python4.0,2036-01-15,False,\n"
        + "amazon-rds-mysql,8.0.46,2026-07-31,2026-07-31,2029-07-31\n"
        + "commodore-basic,2,1984-01-01,1985-01-01,\n"
    )
    code, text = compared(path)
    assert code == 1
    assert "aws-lambda python3.9: standard_ends is 2025-12-15, there 2026-01-15\n" in text
    assert "aws-lambda python4.0: not in our table\n" in text
    assert "note: amazon-rds-mysql 8.4 is only in our table\n" in text
    assert "8.0.46" not in text
    assert "amazon-eks" not in text
    assert "commodore" not in text
