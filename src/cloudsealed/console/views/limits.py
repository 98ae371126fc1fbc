"""Limits: how much of every budget of requests is left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cloudsealed.console.language import worded
from cloudsealed.console.look import Look, View
from cloudsealed.kit.clock import rfc3339

BUDGETS = {
    "core": (
        worded("Requests"),
        worded("Of this browser's session; every token and app has a budget of its own."),
    ),
    "reports": (worded("Reports"), worded("Reports that are made, by hand or by the API.")),
    "audits": (worded("Audits"), worded("Audits that are started, by hand or by the API.")),
    "simulations": (worded("Simulations"), worded("Changes of policies that are tried out.")),
    "exports": (worded("Exports"), worded("Files of findings, resources and events.")),
    "explanations": (worded("Explanations"), worded("Verdicts whose parts are worked out.")),
    "connection_tests": (worded("Tests of connections"), worded("Tries to reach an account.")),
}
"""What each budget is of; all but the first are the organisation's together."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a window of a budget stands: of `limit` requests in `seconds`, `used` are spent."""

    limit: int
    used: int
    remaining: int
    seconds: int
    ends_at: str

    @property
    def share(self) -> float:
        """How much of it is spent, in per cent."""
        return min(100.0, 100 * self.used / self.limit) if self.limit else 100.0


async def _gather(look: Look) -> Mapping[str, Any]:
    limits = await look.api.get("/v1/rate_limit")
    return {"budgets": list(_budgets(limits["resources"]))}


def _budgets(
    resources: Mapping[str, Mapping[str, Any]],
) -> Iterator[tuple[str, str, str, list[Standing]]]:
    for name, held in resources.items():
        title, about = BUDGETS.get(name, (name, ""))
        yield name, title, about, [_standing(window) for window in held["windows"]]


def _standing(window: Mapping[str, int]) -> Standing:
    return Standing(
        window["limit"],
        window["used"],
        window["remaining"],
        window["window"],
        rfc3339(datetime.fromtimestamp(window["reset"], UTC)),
    )


VIEWS = (View("/limits", "limits.html", _gather),)
