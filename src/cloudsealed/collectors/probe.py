"""Whether what a connection is to its cloud may ask what an audit asks: tried, not guessed.

Each call that lists resources is made once, in one region; only its first page is asked for and
what it says is thrown away. Calls about single resources are not tried: those need a resource.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from cloudsealed.collectors.asked import asked
from cloudsealed.collectors.asking import parameters_of
from cloudsealed.collectors.model import Answer, Caller, CallRequest, Place, Unit, unit_of
from cloudsealed.collectors.provider import CloudProvider
from cloudsealed.collectors.registry import places
from cloudsealed.vocabulary import CallOutcome

_AT_ONCE = 8
_DENIED = (CallOutcome.DENIED, CallOutcome.DENIED_BY_ORGANIZATION)


@dataclass(frozen=True, slots=True)
class Probe:
    """How many kinds of calls were answered or refused, and those that were refused."""

    tried: int
    refused: Sequence[tuple[Unit, Answer]]
    provider: CloudProvider

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values: `missing` by action, and the statement that allows them; what
        an organisation forbids no statement cures."""
        missing = sorted(
            (
                {
                    "action": self.provider.permission_of(unit.service, unit.operation),
                    "service": unit.service,
                    "operation": unit.operation,
                    "region": unit.region,
                    "error_code": answer.error_code,
                    "curable": answer.curable,
                }
                for unit, answer in self.refused
            ),
            key=lambda each: str(each["action"]),
        )
        cures = {str(each["action"]) for each in missing if each["curable"]}
        return {
            "calls_tried": self.tried,
            "missing": missing,
            "iam_statement": self.provider.statement(cures) if cures else None,
        }


NOT_TRIED = {"calls_tried": 0, "missing": [], "iam_statement": None}


def probe(
    provider: CloudProvider,
    caller: Caller,
    account: str,
    partition: str,
    region: str,
    *,
    seconds: float,
) -> Probe:
    """Try the calls that list; what has not ended after `seconds` counts as not tried."""
    requests = list(_requests(provider, account, partition, region))
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        futures = {pool.submit(caller.call, request): request for request in requests}
        done, _late = wait(futures, seconds)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    answered = [(futures[each].unit, each.result()) for each in done if each.exception() is None]
    known = [(unit, answer) for unit, answer in answered if answer.outcome in _TOLD]
    return Probe(len(known), [pair for pair in known if pair[1].outcome in _DENIED], provider)


_TOLD = frozenset(CallOutcome) - {CallOutcome.THROTTLED, CallOutcome.FAILED}


def _requests(
    provider: CloudProvider, account: str, partition: str, region: str
) -> Iterator[CallRequest]:
    """Yield one request for each call that lists without a parent."""
    found: dict[tuple[str, str], CallRequest] = {}
    for row in provider.rows:
        (place,) = places(row, account, partition, [region])
        lists: list[tuple[str, str, Mapping[str, Any]]] = [
            (each.service, each.operation, each.constants) for each in asked(row).lists
        ]
        if row.operation is not None and row.parent is None:
            lists.append((row.service, row.operation, row.constants))
        for service, operation, constants in lists:
            request = _request(place, service, operation, constants)
            found.setdefault((service, operation), request)
    yield from found.values()


def _request(
    place: Place, service: str, operation: str, constants: Mapping[str, Any]
) -> CallRequest:
    parameters = parameters_of({}, constants, {}, place)
    assert parameters is not None, "constants are never nowhere"
    return CallRequest(unit=unit_of(place, service, operation, parameters))
