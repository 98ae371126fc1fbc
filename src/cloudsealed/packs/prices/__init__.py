"""List prices, as facts: what a unit of something costs in a region, on demand, before discounts.

One CSV file a provider. A row says its price list's `offer`, the `version` of that file, the `sku`
where one row of it is meant, and the day on which somebody `checked` it. Sources of AWS's: its
public price list, as carried by finops-mcp 0.12.0 (Apache-2.0); and where that has none, what
Infracost's tests (Apache-2.0) record of the same list, whose `version` is `infracost-` and their
commit, and `checked` the day on which the record was written last. Refuses to give a region the
price of another, which can differ by a third; what a service without regions asks is `global`.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources

HOURS_A_MONTH = 730
"""AWS's own month: 365 days of 24 hours in 12 parts (AWS Pricing Calculator, "Assumptions")."""

_LISTED = "AWS price list"
_RECORDED = "AWS price list by a record of Infracost's"


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one `unit` in US dollars; `unit` is `hour`, or one that is counted a month."""

    name: str
    region: str
    unit: str
    usd: Decimal
    source: str
    sku: str | None
    checked: str

    second_hand: bool
    """Somebody else's record of a list, which may be older than the list."""

    @property
    def units_a_month(self) -> int:
        """How many units something that is always there has in a month."""
        return HOURS_A_MONTH if self.unit == "hour" else 1


def price(provider: str, region: str, name: str) -> Price | None:
    """Return the bundled list price of something in a region, None where none is known."""
    return _prices(provider).get((region, name))


@cache
def _prices(provider: str) -> Mapping[tuple[str, str], Price]:
    file = resources.files(__name__) / f"{provider}.csv"
    if not file.is_file():
        return {}
    rows = csv.DictReader(file.read_text("utf-8").splitlines())
    return {(row["region"], row["name"]): _price(row) for row in rows}


def _price(row: Mapping[str, str]) -> Price:
    recorded = row["version"].startswith("infracost-")
    return Price(
        name=row["name"],
        region=row["region"],
        unit=row["unit"],
        usd=Decimal(row["usd"]),
        source=f"{_RECORDED if recorded else _LISTED}, {row['offer']} {row['version']}",
        sku=row["sku"] or None,
        checked=row["checked"],
        second_hand=recorded,
    )
