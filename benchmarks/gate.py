"""What the gate (credential, budget, request id, headers) costs of the findings list.

    python benchmarks/gate.py

One server process as it is shipped; every request is `GET /v1/findings?limit=50`. Half of the
rounds go through the gate, half past it: the same routes, given the caller and the request's id as
the gate would. What a round costs is the CPU time of the whole server process, so that the share is
of everything that a client's request costs, the writing of the gate's headers counted to the gate.
Pairs of rounds, of which every other begins past the gate; the median of the pairs. Bar: the gate
<= 10 % of the list. Exits 1 when missed.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from client import Connection, Load
from serving import LIST, App, serving, token_of, unlimited

from cloudsealed.api.gate.exchange import KEY, Exchange
from cloudsealed.kit.threads import Holder, belong
from cloudsealed.wiring import Services, build_services

ROUNDS, SECONDS, BAR = 41, 0.4, 0.10
THROUGH, PAST, CPU = "/through", "/past", "/cpu"


def _either_way(gate: App, services: Services) -> App:
    """Serve the API under two prefixes, through the gate and past it, and the CPU time used."""
    authenticator = services.tokens.authenticator
    callers: dict[str, Any] = {}

    def known(scope: Any) -> Any:
        text = dict(scope["headers"])[b"authorization"].decode().removeprefix("Bearer ")
        return authenticator.authenticate(text, "127.0.0.1")

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        if path.startswith(THROUGH):
            await gate({**scope, "path": path.removeprefix(THROUGH)}, receive, send)
        elif path.startswith(PAST):
            caller = callers.get(PAST) or callers.setdefault(PAST, known(scope))
            exchange = Exchange("req_0", "127.0.0.1", caller=caller)
            belong(gate._app._crews, Holder(caller.tenant_id, caller.token_id))
            inner = {**scope, "path": path.removeprefix(PAST), KEY: exchange}
            await gate._app._app(inner, receive, send)
        elif path == CPU:
            body = str(time.process_time_ns()).encode()
            headers = [(b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        else:
            await gate(scope, receive, send)

    return serve


def _pair(cost: Callable[[str], float], number: int) -> tuple[float, float]:
    """Return what a request costs through the gate and past it; neither is always the first."""
    ways = (THROUGH, PAST) if number % 2 else (PAST, THROUGH)
    found = {way: cost(way) for way in ways}
    return found[THROUGH], found[PAST]


def main() -> int:
    """Measure and compare with the bar."""
    settings = unlimited()
    services = build_services(settings)
    token = token_of(services)
    services.database.close()
    with serving(settings, _either_way) as port:
        load, meter = Load(port, token), Connection(port)

        def cost(way: str) -> float:
            """Return the microseconds of CPU that a request costs the server."""
            began = int(meter.ask(f"GET {CPU} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()).body)
            answers = len(load.run(way + LIST, SECONDS))
            ended = int(meter.ask(f"GET {CPU} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()).body)
            return (ended - began) / answers / 1000

        cost(THROUGH), cost(PAST)
        pairs = [_pair(cost, number) for number in range(ROUNDS)]
    through, past = (statistics.median(column) for column in zip(*pairs, strict=True))
    share = statistics.median((a - b) / a for a, b in pairs)
    print(f"  through the gate {through:.0f} us, past it {past:.0f} us")
    print(f"  the gate is {share:.1%} of the list (bar {BAR:.0%})")
    print("bar met" if share <= BAR else "BAR MISSED")
    return 0 if share <= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
