"""A program: a worker whose handler hangs on the job about `hang`."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping

from cloudsealed.cli.session import log_to_stderr, settings
from cloudsealed.cli.work import work
from cloudsealed.jobs import Job, PulseStore, Worker, WorkerProcess
from cloudsealed.kit.clock import utc_now
from cloudsealed.storage.open import open_database

PATIENCE = 5.0  # who gets on is not kept from the processor for so long
_KIND = "audit"


def handle(job: Job) -> None:
    """Hang, or get on until the folder holds `go`, or do nothing."""
    if job.subject == "hang":
        threading.Event().wait()
    go = settings().data_dir / "go"
    while job.subject == "long" and not go.exists():
        job.progressed()
        time.sleep(0.05)


def give_up(job: Job, why: Mapping[str, str]) -> None:
    """Leave the words in a file."""
    (settings().data_dir / f"{job.subject}.words").write_text(why["message"])


def main() -> None:
    """Work until standard input closes."""
    log_to_stderr(settings())
    database = open_database(settings())
    worker = Worker(
        database, {_KIND: handle}, slots={_KIND: 2}, endings={_KIND: give_up}, patience=PATIENCE
    )
    stopped = threading.Event()

    def watch() -> None:
        sys.stdin.buffer.read()
        stopped.set()

    threading.Thread(target=watch, daemon=True).start()
    process = WorkerProcess(worker, PulseStore(database), clock=utc_now, patience=60, kept={})
    work(process, stopped)


if __name__ == "__main__":
    main()
