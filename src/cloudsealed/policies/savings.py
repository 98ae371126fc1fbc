"""What a cure saves a month: quantities times prices, with every number that it comes from.

It refuses to guess: without a price of the very region there is no amount, but a reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from cloudsealed.engine import Saving
from cloudsealed.packs.prices import Price, price

CURRENCY = "USD"
_CENT = Decimal("0.01")
_MOST = 10**12
"""What no cure saves a month: a quantity that makes more is a mistake."""
_PARTS = Decimal("0.000001")
_LONG = 80


def saved(savings: Sequence[Saving], *, provider: str, region: str) -> dict[str, Any]:
    """Return the amount, its formula, basis, confidence and prices; or `unknown`, why there is
    none. A bundled list price is what the vendor asks on demand, so discounts make it less; by
    somebody's record of that list confidence is low."""
    total, prices, terms = Decimal(0), list[dict[str, Any]](), list[str]()
    second_hand = False
    for name, number in savings:
        shown = name[:_LONG].encode("ascii", "backslashreplace").decode()
        if not abs(number) < _MOST:  # which nothing is that is no number
            return {"unknown": f"It cannot be counted: the quantity of {shown} is {number:g}"}
        quantity = Decimal(str(number)).quantize(_PARTS)
        if not quantity:
            continue
        found = price(provider, region, name)
        if found is None:
            return {"unknown": f"No list price of {shown} in {region} is known"}
        total += quantity * found.units_a_month * found.usd
        second_hand = second_hand or found.second_hand
        prices.append(_told(found, quantity))
        terms.append(_term(found, quantity, first=not terms))
    if total >= _MOST:
        return {"unknown": "It cannot be counted: no cure saves so much"}
    amount = total.quantize(_CENT, ROUND_HALF_UP)
    if amount <= 0:
        return {"unknown": "By list prices the cure saves nothing"}
    return {
        "amount": str(amount),
        "currency": CURRENCY,
        "formula": " ".join(terms),
        "price_basis": "bundled_list",
        "confidence": "low" if second_hand else "medium",
        "prices": prices,
    }


def _told(found: Price, quantity: Decimal) -> dict[str, Any]:
    return {
        "name": found.name,
        "quantity": _plain(quantity * found.units_a_month),
        "unit": found.unit,
        "unit_price": _plain(found.usd),
        "region": found.region,
        "sku": found.sku,
        "source": found.source,
        "as_of": found.checked,
    }


def _term(found: Price, quantity: Decimal, *, first: bool) -> str:
    sign = "-" if quantity < 0 else "" if first else "+"
    number = _plain(abs(quantity) * found.units_a_month)
    gap = " " if sign and not first else ""
    return f"{sign}{gap}{number} {found.unit} x {_plain(found.usd)} {CURRENCY}"


def _plain(number: Decimal) -> str:
    """Return a number without an exponent and without zeros that say nothing."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
