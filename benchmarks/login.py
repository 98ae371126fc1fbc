"""How much 50 parallel logins slow the findings list.

    python benchmarks/login.py

One server process as it is shipped, on all cores. A process of its own asks for
`GET /v1/findings?limit=50` on two connections, one request after the other. In every other round
50 people log in at once, as browsers do: the form's page, then its POST with cookie, CSRF token and
a right password, which the server hashes. The budget of logins is raised by a setting, and who is
turned away because too many wait tries again. Interleaved rounds of the same length. Bar: the
median of the p99s during logins <= 2x that of the rounds alone. Exits 1 when it is missed.
"""

from __future__ import annotations

import multiprocessing
import re
import statistics
import sys
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from urllib.parse import urlencode

from client import Answer, Connection, Load
from million import TENANT
from serving import LIST, serving, token_of, unlimited

from cloudsealed.vocabulary import Role
from cloudsealed.wiring import build_services

ROUNDS, SECONDS, BAR = 7, 3.0, 2.0
PEOPLE = 50
PASSWORD = "correct horse battery staple"
_TOKEN = re.compile(rb'name="csrf" value="([0-9a-f]+)"')
_COOKIE = re.compile(rb"set-cookie: ([^;]+);", re.IGNORECASE)

_RETRY = re.compile(rb"retry-after: ([0-9]+)", re.IGNORECASE)


def _listing(port: int, token: str, pipe: Pipe) -> None:
    """Measure a round each time the pipe says so; answer with the latencies."""
    while pipe.recv():  # new connections each time: the server closes those that wait
        pipe.send(Load(port, token, connections=2).run(LIST, SECONDS))


@dataclass(slots=True)
class Person:
    """Somebody who logs in again and again until `ends`."""

    port: int
    email: str
    logged_in: int = 0
    turned_away: int = 0

    def log_in(self, ends: float) -> None:
        """Log in until a moment of the monotonic clock has come."""
        connection = Connection(self.port)
        form = connection.ask(b"GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n")
        request = self._request(form)
        while time.monotonic() < ends:
            answer = connection.ask(request)
            if answer.status == 303:
                self.logged_in += 1
            else:
                assert answer.status == 429, answer
                self.turned_away += 1
                time.sleep(min(_wait(answer), max(0.0, ends - time.monotonic())))

    def _request(self, form: Answer) -> bytes:
        token, cookie = _TOKEN.search(form.body), _COOKIE.search(form.head)
        assert token is not None, form
        assert cookie is not None, form
        fields = {"csrf": token[1].decode(), "email": self.email, "password": PASSWORD}
        body = urlencode(fields).encode()
        head = (
            f"POST /login HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie[1].decode()}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
        )
        return f"{head}\r\n".encode() + body


def _wait(refusal: Answer) -> float:
    """Return for how many seconds a refusal says to wait."""
    given = _RETRY.search(refusal.head)
    assert given is not None, refusal
    return float(given[1])


def _log_in(port: int, email: str) -> list[Person]:
    """Have everybody log in at once for the length of a round."""
    people = [Person(port, email) for _ in range(PEOPLE)]
    ends = time.monotonic() + SECONDS
    threads = [threading.Thread(target=person.log_in, args=(ends,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return people


def _p99(latencies: list[float]) -> float:
    return statistics.quantiles(latencies, n=100)[98]


def main() -> int:
    """Measure and compare with the bar."""
    settings = unlimited()
    services = build_services(settings)
    token, email = token_of(services), f"person-{time.monotonic_ns()}@example.com"
    services.users.create(tenant=TENANT, email=email, role=Role.VIEWER, password=PASSWORD)
    services.database.close()
    alone: list[float] = []
    during: list[float] = []
    people: list[Person] = []
    with serving(settings, pinned=False) as port:
        ours, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        process = context.Process(target=_listing, args=(port, token, theirs), daemon=True)
        process.start()
        for number in range(2 * ROUNDS + 1):
            ours.send(True)
            if number % 2:
                people += _log_in(port, email)
            latencies = ours.recv()
            (during if number % 2 else alone).append(_p99(latencies))
        ours.send(False)
        process.join(10)
    a, b = statistics.median(alone), statistics.median(during)
    logged_in = sum(person.logged_in for person in people)
    turned_away = sum(person.turned_away for person in people)
    print(f"  {logged_in} logins in {ROUNDS * SECONDS:.0f} s, {turned_away} turned away")
    print(f"  p99 of the list alone {a * 1000:.1f} ms, during logins {b * 1000:.1f} ms")
    print(f"  ratio {b / a:.2f} (bar {BAR})")
    good = b <= BAR * a and logged_in >= ROUNDS
    print("bar met" if good else "BAR MISSED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
