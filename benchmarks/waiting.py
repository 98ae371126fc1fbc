"""What explanations and tests of connections, 64 of each, do to everybody else's requests.

    python -m benchmarks.waiting

A `serve` as it is run, whose cloud never comes to the end of an answer. This process asks for
`GET /v1/me` on one connection; another keeps 64 explanations and 64 tests of a connection in
flight, and who is refused asks again when `Retry-After` says. The rounds alone come first, for the
tests hang on when nobody asks any more. Bar: the median of the p99s during these <= 3x that of the
rounds alone. Also shown: what an explanation costs, of the process that forks it and of its child.
Exits 1 when the bar is missed.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import statistics
import sys
import tempfile
import threading
import time
from multiprocessing.synchronize import Event
from pathlib import Path

from benchmarks._process import cpu_of
from benchmarks.client import PATIENCE, Connection, Load
from tests.dripping import Dripping
from tests.explained import explainable
from tests.served import Served, served

ROUNDS, SECONDS, MANY, BAR = 7, 2.0, 64, 3.0
ALONE = 30  # explanations that are measured one after the other
_UNLIMITED = {
    f"CLOUDSEALED_LIMIT_{name}": "100000000/minute"
    for name in ("CORE", "EXPLANATIONS", "CONNECTION_TESTS")
}
_RETRY = re.compile(rb"retry-after: ([0-9]+)", re.IGNORECASE)


def _again_and_again(port: int, request: bytes) -> None:
    connection = Connection(port)
    connection.socket.settimeout(10 * PATIENCE)
    while True:
        answer = connection.ask(request)
        if answer.status == 503:
            given = _RETRY.search(answer.head)
            assert given is not None, answer
            time.sleep(float(given[1]))
        else:
            assert answer.status == 200, answer


def _keep_in_flight(port: int, requests: list[bytes], stop: Event) -> None:
    for request in requests * MANY:
        threading.Thread(target=_again_and_again, args=(port, request), daemon=True).start()
    stop.wait()
    os._exit(0)


def _p99(load: Load) -> float:
    return statistics.quantiles(load.run("/v1/me", SECONDS), n=100)[98]


def _explanations(running: Served, path: str) -> tuple[float, float]:
    """Return the seconds of an explanation, of the processor and until it is answered."""
    running.http.get(path)
    children = Path(f"/proc/{running.process.pid}/task").glob("*/children")
    pids = [int(pid) for each in children for pid in each.read_text().split()]
    [warm] = [pid for pid in pids if "kit.warm" in Path(f"/proc/{pid}/cmdline").read_text()]
    before, took = cpu_of(warm), []
    for _ in range(ALONE):
        began = time.perf_counter()
        assert running.http.get(path).status_code == 200
        took.append(time.perf_counter() - began)
    return (cpu_of(warm) - before) / ALONE, statistics.median(took)


def _compare(running: Served, cloud: Dripping) -> tuple[float, float]:
    token, port = running.made["token"], running.http.base_url.port
    assert port is not None
    head = f"Host: localhost\r\nAuthorization: Bearer {token}\r\n"
    explanation = f"/v1/findings/{explainable(running)}/explanation"
    cpu, latency = _explanations(running, explanation)
    print(f"  an explanation: {cpu * 1000:.0f} ms of CPU, {latency * 1000:.0f} ms until answered")
    test = f"/v1/connections/{running.connect('silent').json()['id']}/test"
    requests = [
        f"GET {explanation} HTTP/1.1\r\n{head}\r\n".encode(),
        f"POST {test} HTTP/1.1\r\n{head}Content-Length: 0\r\n\r\n".encode(),
    ]
    load = Load(port, token, connections=1)
    _p99(load)
    alone = [_p99(load) for _ in range(ROUNDS)]
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    others = context.Process(target=_keep_in_flight, args=(port, requests, stop), daemon=True)
    others.start()
    while not cloud.asked:
        time.sleep(0.1)
    load = Load(port, token, connections=1)  # the server has closed those that waited
    _p99(load)
    during = [_p99(load) for _ in range(ROUNDS)]
    stop.set()
    others.join(10)
    return statistics.median(alone), statistics.median(during)


def main() -> int:
    """Measure and compare with the bar."""
    cloud = Dripping(backlog=2 * MANY)
    environment = {
        **_UNLIMITED,
        "AWS_ENDPOINT_URL": cloud.url,
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
    }
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        with served(folder / "data", folder / "log", environment) as running:
            alone, during = _compare(running, cloud)
            cloud.end()
    ratio = during / alone
    print(f"  p99 of /v1/me alone {alone * 1000:.1f} ms, during these {during * 1000:.1f} ms")
    print(f"  ratio {ratio:.2f} (bar {BAR})")
    print("bar met" if ratio <= BAR else "BAR MISSED")
    return 0 if ratio <= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
