"""What it costs to answer a list as gzip, br or zstd.

    python benchmarks/coding.py

One server process as it is shipped; every request is `GET /v1/findings` with 50 and with 200
findings, plain and in each coding in turn. What a round costs is the CPU time of the whole server
process. Interleaved rounds, the median of the pairs. Bar: a coded list <= 1.5 of the plain one.
Exits 1 when missed. The share of the bytes that are left is printed beside it.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

from client import Connection, Load
from serving import LIST, App, serving, token_of, unlimited

from cloudsealed.api.gate.coding import CODINGS, IDENTITY
from cloudsealed.wiring import Services, build_services

ROUNDS, SECONDS, BAR = 15, 0.4, 1.5
CPU = "/cpu"


def _with_cpu(app: App, _services: Services) -> App:
    """Serve the application, and the CPU time that its process has used."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        if scope.get("path") != CPU:
            await app(scope, receive, send)
            return
        body = str(time.process_time_ns()).encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return serve


def main() -> int:
    """Measure and compare with the bar."""
    settings = unlimited()
    services = build_services(settings)
    token = token_of(services)
    services.database.close()
    missed = False
    with serving(settings, _with_cpu) as port:
        loads = {name: Load(port, token, accepts=name) for name in (IDENTITY, *CODINGS)}
        for load in loads.values():
            load.run(LIST, 0.1)  # a connection that asks for nothing is closed
        meter = Connection(port)

        def used() -> int:
            return int(meter.ask(f"GET {CPU} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()).body)

        def cost(name: str, path: str) -> float:
            """Return the microseconds of CPU that a request costs the server."""
            began = used()
            answers = len(loads[name].run(path, SECONDS))
            return (used() - began) / answers / 1000

        def size(name: str, path: str) -> int:
            head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
            asked = f"{head}Accept-Encoding: {name}\r\n\r\n"
            return len(meter.ask(asked.encode()).body)

        for limit in (50, 200):
            path = f"/v1/findings?limit={limit}"
            cost(IDENTITY, path)
            plain = size(IDENTITY, path)
            for name in CODINGS:
                pairs = [(cost(name, path), cost(IDENTITY, path)) for _ in range(ROUNDS)]
                ratio = statistics.median(coded / bare for coded, bare in pairs)
                bare = statistics.median(column[1] for column in pairs)
                missed |= ratio > BAR
                left = size(name, path) / plain
                print(
                    f"  {limit} findings as {name}: {ratio:.2f} of {bare:.0f} us, {left:.0%} left"
                )
    print("BAR MISSED" if missed else "bar met")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
