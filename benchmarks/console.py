"""CPU that the server spends on pages over a million findings, beside the API's list.

    python benchmarks/console.py

One server process (uvicorn, SQLite); each page is asked for some times when what it counts has been
counted: that is done beside the page, at most once in twenty times what it took, and shown apart.
There are 250,000 resources and 200 audits of 20 accounts too, of which the newest judged all.
Bars: 60 ms and 12 statements a page, none of which goes through all findings or resources. Exits 1
when one is missed.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import re
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import httpx
from _audited import furnish
from _process import cpu_of
from million import TENANT
from serving import LIST, serving, token_of, unlimited

from cloudsealed.api.listen import Listen
from cloudsealed.api.server import server
from cloudsealed.console import Console
from cloudsealed.settings import Settings
from cloudsealed.storage.statements import SqliteConnection
from cloudsealed.vocabulary import Role
from cloudsealed.wiring import build_services

ROUNDS, EACH, BAR = 5, 20, 60.0  # ms
LOOKS, MOST = 5, 12  # statements of the cheapest look
LISTS = ("/resources", "/audits")
"""Pages with no bar of statements: what is open is asked for each of the 50 resources of a page."""

_THROUGH_ALL = re.compile(r"SCAN (findings|resources)\b")
PASSWORD = "correct horse battery"  # of a store that this machine alone sees
FACETS = (
    "severity=critical",
    "status=open",
    "dimension=security",
    "region=eu-west-1",
    "service=ec2",
    "triage=acknowledged",
    "policy=aws-ec2-sg-ssh-open",
    "framework=cis-aws-5.0",
)


def _known(settings: Settings) -> tuple[str, str, str]:
    """Return a token, the e-mail address of who may log in, and a finding's id."""
    services = build_services(settings)
    email = f"bench-{time.monotonic_ns()}@example.com"
    services.users.create(tenant=TENANT, email=email, role=Role.ADMIN, password=PASSWORD)
    with services.database.read() as connection:
        raw: Any = connection._raw  # type: ignore[attr-defined]  # SQLite, as the store is
        ident: str = raw.execute("SELECT id FROM findings LIMIT 1 OFFSET 500").fetchone()[0]
    token = token_of(services)
    services.database.close()
    return token, email, ident


def _logged_in(port: int, email: str) -> httpx.Client:
    browser = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60)
    page = browser.get("/login").text
    csrf = page.partition('name="csrf" value="')[2].partition('"')[0]
    answer = browser.post("/login", data={"csrf": csrf, "email": email, "password": PASSWORD})
    assert answer.status_code == 303, answer.text
    return browser


def _counted(browser: httpx.Client, path: str, process: int) -> float:
    """Ask for a page until all is counted; return the CPU that took, in ms."""
    began = cpu_of(process)
    while True:
        answer = browser.get(path)
        assert answer.status_code == 200, (path, answer.text)
        if "data-pending" not in answer.text:
            return (cpu_of(process) - began) * 1000
        time.sleep(0.1)


def _cost(client: httpx.Client, path: str, process: int) -> float:
    """Return the CPU of one request, in ms: the least of some rounds."""
    rounds = []
    for _ in range(ROUNDS):
        began = cpu_of(process)
        for _ in range(EACH):
            assert client.get(path).status_code == 200, path
        rounds.append((cpu_of(process) - began) * 1000 / EACH)
    return statistics.median(rounds)


def _plans(settings: Settings, email: str, paths: list[str]) -> dict[str, tuple[int, list[str]]]:
    """Return of each page how many statements it asks, and the steps through all of a table."""
    services, asked = build_services(settings), list[tuple[SqliteConnection, Any, Any]]()
    for name in ("all", "first", "run"):
        setattr(SqliteConnection, name, _watched(getattr(SqliteConnection, name), asked))
    app = server(services, Listen(), Console(services)).config.app
    found = asyncio.run(_looked(app, email, paths, asked))
    services.database.close()
    return found


def _watched(run: Callable[..., Any], asked: list[tuple[SqliteConnection, Any, Any]]) -> Any:
    def ask(self: SqliteConnection, statement: Any, *given: Any) -> Any:
        asked.append((self, statement, *(given or ({},))))
        return run(self, statement, *given)

    return ask


async def _looked(
    app: Any, email: str, paths: list[str], asked: list[tuple[SqliteConnection, Any, Any]]
) -> dict[str, tuple[int, list[str]]]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as browser:
        csrf = (await browser.get("/login")).text.partition('name="csrf" value="')[2]
        form = {"csrf": csrf.partition('"')[0], "email": email, "password": PASSWORD}
        assert (await browser.post("/login", data=form)).status_code == 303
        found = {}
        for path in paths:
            while "data-pending" in (await browser.get(path)).text:
                await asyncio.sleep(0.1)
            looks = []
            for _ in range(LOOKS):
                asked.clear()
                assert (await browser.get(path)).status_code == 200, path
                looks.append(list(asked))
            least = min(looks, key=len)
            steps = [
                str(row[3]) for lent, said, given in least for row in lent.explain(said, given)
            ]
            found[path] = len(least), [step for step in steps if _THROUGH_ALL.match(step)]
        return found


def main() -> int:
    """Measure and compare with the bars."""
    settings = unlimited()
    furnish(settings)
    token, email, ident = _known(settings)
    resource = f"/resources/res_{125:026d}"
    paths = ["/overview", resource, f"/findings/{ident}", "/findings?status=open&sort=-severity"]
    paths += [*(f"/findings?{facet}" for facet in FACETS), *LISTS]
    costs, counting = {}, {}
    with serving(settings) as port:
        process = multiprocessing.active_children()[0].pid
        assert process is not None
        headers = {"Authorization": f"Bearer {token}"}
        api = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False)
        base = _cost(api, LIST, process)
        print(f"{LIST}: {base:.1f} ms")
        browser = _logged_in(port, email)
        for path in paths:
            counting[path] = _counted(browser, path, process)
            costs[path] = _cost(browser, path, process)
    good = True
    for path, (statements, through) in _plans(settings, email, paths).items():
        cost = costs[path]
        few = statements <= MOST or path in LISTS
        good = good and cost <= BAR and few and not through
        print(
            f"{path}: {cost:.1f} ms, {cost / base:.1f}x the list, {statements} statements;"
            f" counted in {counting[path]:.0f} ms{'; '.join(('', *through))}"
        )
    print("bars met" if good else "BAR MISSED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
