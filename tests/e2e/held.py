"""Many audits and requests of a `serve` of real processes, and what these hold of the system."""

from __future__ import annotations

import http.client
import itertools
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from tests.served import Served
from tests.waiting import until

_UNLIMITED = "1000000/minute"
_LIMITS = ("CORE", "AUDITS", "ANONYMOUS", "LOGIN", "REPORTS", "SIMULATIONS")
CONNECTIONS = 4
NARROW = {
    **{f"CLOUDSEALED_LIMIT_{name}": _UNLIMITED for name in _LIMITS},
    "CLOUDSEALED_DATABASE_CONNECTIONS": str(CONNECTIONS),
}
"""Settings under which no budget ends, and so few connections that all are open within minutes."""
_CLIENTS = 12
_HEAP = 64 * 2**20  # HEAP_MAX_SIZE of glibc's arena.c
_HELD_OPEN = ("01", "08")  # ESTABLISHED, CLOSE_WAIT of the kernel's tcp_states.h
Figures = dict[str, int]
_Kind = tuple[str, str, Any, str | None, tuple[int, ...]]
"""Method, path, body, another token, and the statuses that are right."""


@dataclass(frozen=True)
class Held:
    """What one process holds: open handles, threads, resident memory in KiB, and the arenas that
    its malloc has beside the first, each with free memory of its own."""

    files: int
    threads: int
    memory: int
    arenas: int

    @classmethod
    def of(cls, pid: int) -> Held:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        status = dict(line.split(":", 1) for line in lines)
        return cls(
            len(list(Path(f"/proc/{pid}/fd").iterdir())),
            int(status["Threads"]),
            int(status["VmRSS"].split()[0]),
            _arenas(pid),
        )


class Busy:
    """A served installation under work."""

    def __init__(self, running: Served, **scope: list[str]) -> None:
        self._running = running
        self._scope = scope
        self._connection = running.connect("all").json()["id"]
        self._url = urlsplit(str(running.http.base_url))

    def audit(self, number: int) -> None:
        """Run `number` audits, two at a time as the worker does; every call of theirs answers."""
        for _ in range(0, number, 2):
            for ident in [self._running.audit(self._connection, **self._scope) for _ in range(2)]:
                found = self._running.ended(ident)
                assert found["status"] == "completed", found
                failed = [found["calls"][name] for name in ("denied", "throttled", "failed")]
                assert not any(failed), found

    def request(self, number: int) -> None:
        """Send `number` requests of many kinds, from clients that work at once."""
        kinds = self._kinds()
        share = -(-number // _CLIENTS)

        def run(start: int) -> None:
            client = http.client.HTTPConnection(str(self._url.hostname), self._url.port, timeout=60)
            for kind in itertools.islice(itertools.cycle(kinds), start, start + share):
                status = self._send(client, kind)
                assert status in kind[-1], (kind, status)
            client.close()

        with ThreadPoolExecutor(_CLIENTS) as clients:
            list(clients.map(run, range(_CLIENTS)))
        port = self._url.port
        assert port is not None
        until(lambda: _open_at(port) <= 1, "the server closes the connections of these clients")

    def _kinds(self) -> tuple[_Kind, ...]:
        finding = self._running.http.get("/v1/findings?limit=1").json()["data"][0]["id"]
        expression = {"kind": "check", "key": "a", "title": "A", "dimension": "security"}
        read = (
            "/v1/findings?limit=50",
            f"/v1/findings/{finding}",
            f"/v1/findings/{finding}/evidence",
            "/v1/resources?limit=20",
            "/v1/findings/summary",
            "/v1/audits",
            "/v1/policies?limit=100",
            "/login",
            "/readyz",
        )
        return (
            *(("GET", path, None, None, (200,)) for path in read),
            ("GET", "/v1/me", None, "cspat_unknown", (401,)),
            ("GET", "/v1/findings/fnd_none", None, None, (404,)),
            ("POST", "/v1/policies/validate", expression, None, (200, 422)),
        )

    def _send(self, client: http.client.HTTPConnection, kind: _Kind) -> int:
        method, path, body, token, _right = kind
        headers = {"Authorization": f"Bearer {token or self._running.made['token']}"}
        content = None if body is None else json.dumps(body)
        client.request(method, path, content, {**headers, "Content-Type": "application/json"})
        answer = client.getresponse()
        answer.read()
        return answer.status

    def figures(self) -> Figures:
        """Return what the API, the worker and the database's server hold, by name."""
        found = {
            f"{name} {kind}": value
            for name, pid in (("api", self._running.process.pid), ("worker", self._running.worker))
            for kind, value in vars(Held.of(pid)).items()
        }
        if url := self._running.environment.get("CLOUDSEALED_DATABASE_URL"):
            with psycopg.connect(url) as admin:
                row = admin.execute(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                ).fetchone()
                assert row is not None
                found["connections"] = row[0]
        return found


def _arenas(pid: int) -> int:
    """Return how many heaps of threads there are: glibc reserves 64 MiB for each, so aligned."""
    lines = [line.split()[:2] for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]
    maps = [(*_ends(place), rights) for place, rights in lines]
    return sum(
        begin % _HEAP == 0 and (used, begin + _HEAP, "---p") == rest
        for (begin, used, _rights), rest in itertools.pairwise(maps)
    )


def _ends(place: str) -> tuple[int, int]:
    begin, end = place.split("-")
    return int(begin, 16), int(end, 16)


def _open_at(port: int) -> int:
    """Return how many connections a server of this machine holds open at its port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] in _HELD_OPEN for row in rows)


def lives(busy: Busy, *, audits: int, requests: int, warm: int = 10) -> tuple[Figures, Figures]:
    """Run audits and requests in turns; return what is held after `warm` audits, and at the end.

    Half of the requests are sent before the first figures are taken.
    """
    busy.audit(warm)
    busy.request(requests // 2)
    first = last = busy.figures()
    print(json.dumps(first), flush=True)
    rounds = max(1, (audits - warm) // 10)
    for _ in range(rounds):
        busy.audit((audits - warm) // rounds)
        busy.request(requests // 2 // rounds)
        last = busy.figures()
        print(json.dumps(last), flush=True)
    return first, last


def grown(first: Mapping[str, int], last: Mapping[str, int], factor: float) -> dict[str, Any]:
    """Return (first, last) of what is more than `factor` times as much at last."""
    pairs = {name: (value, last[name]) for name, value in first.items()}
    return {name: pair for name, pair in pairs.items() if pair[1] > pair[0] * factor}
