"""The product as it is run: `serve` in a process of its own."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson

from tests.program import Started, program
from tests.waiting import SECONDS, until

Document = dict[str, Any]


class Served:
    """An installation that is served. Its log is a file beside the data folder; each of its
    processes may have so many open `files`. It is a new one unless its `init` said `made`."""

    def __init__(
        self,
        data: Path,
        log: Path,
        environment: Mapping[str, str],
        files: int = 1024,
        made: Document | None = None,
        code: str = "",
    ) -> None:
        self.data = data
        self.log = log
        self._files = files
        self._code = code
        self.environment = {
            **os.environ,
            "CLOUDSEALED_DATA_DIR": str(data),
            "CLOUDSEALED_LIMIT_AUDITS": "1000/hour",
            **environment,
        }
        self.made = made or orjson.loads(self.run("init", "--json"))
        self.process: Started
        self.http: httpx.Client

    def run(self, *arguments: str) -> str:
        """Return what a command prints, which must succeed."""
        done = program().run(*arguments, folder=self.data.parent, environment=self.environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = program().start(
                "serve",
                "--port",
                "0",
                environment=self.environment,
                code=self._code,
                stdout=log,
                stderr=log,
                limits={"NOFILE": self._files},
            )
        url = until(self._address, "serve answers")
        self.http = httpx.Client(
            base_url=url,
            trust_env=False,
            timeout=SECONDS,
            headers={"Authorization": f"Bearer {self.made['token']}"},
        )

    def _address(self) -> str | None:
        assert self.process.poll() is None, self.log.read_text()
        found = re.search(r'running on (http://[^\s"]+)', self.log.read_text())
        return found[1] if found else None

    @property
    def worker(self) -> int:
        """The process id of the worker that runs; 0 when none does."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        found = [int(pid) for task in tasks for pid in (task / "children").read_text().split()]
        return max(found, default=0)

    def ready(self) -> Document:
        answer: Document = self.http.get("/readyz").json()
        return answer

    def faults(self) -> dict[str, str]:
        return {k: v["fault"] for k, v in self.ready()["parts"].items() if v["fault"]}

    def complaints(self) -> list[str]:
        """Return the lines of the log that say of an exception that nobody expected."""
        lines = self.log.read_text().splitlines()
        return [line for line in lines if "Traceback" in line]

    def connect(self, name: str) -> httpx.Response:
        """Ask for a connection, which is a write."""
        body = {"provider": "aws", "name": name, "regions": ["eu-west-1"]}
        return self.http.post("/v1/connections", json=body)

    def audit(self, connection: str, **scope: list[str]) -> str:
        body = {"connection_ids": [connection], "scope": scope or None}
        answer = self.http.post("/v1/audits", json=body)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def ended(self, ident: str, seconds: float = 600) -> Document:
        """Wait for an audit's end."""

        def look() -> Document | None:
            answer = self.http.get(f"/v1/audits/{ident}")
            found: Document = answer.json()
            over = answer.status_code == 200 and found["status"] in (
                "completed",
                "failed",
                "canceled",
            )
            return found if over else None

        found: Document = until(look, f"the audit {ident} ends", seconds)
        return found

    def stop(self) -> float:
        """Ask it to end; return how many seconds that took."""
        began = time.monotonic()
        self.process.terminate()
        self.process.wait(180)
        self.http.close()
        return time.monotonic() - began


@contextmanager
def served(
    data: Path,
    log: Path,
    environment: Mapping[str, str],
    *,
    files: int = 1024,
    made: Document | None = None,
    code: str = "",
) -> Iterator[Served]:
    """Serve an installation until the block ends, a new one unless its `init` said `made`.

    `code` is run in the place of the program, which it then has to be.
    """
    found = Served(data, log, environment, files, made, code)
    found.start()
    try:
        yield found
    finally:
        if found.process.poll() is None:
            found.stop()
