"""The command `worker`: background work in child processes, started again when they die."""

from __future__ import annotations

import logging
import os
import resource
import signal
import sys
import threading
from typing import IO

import typer

from cloudsealed import __version__
from cloudsealed.cli.beside import MOST_PROCESSES, workers_beside
from cloudsealed.cli.session import log_to_stderr, open_installation, settings
from cloudsealed.jobs import WorkerProcess
from cloudsealed.kit import traces
from cloudsealed.storage.open import require_connections

log = logging.getLogger(__name__)

CANNOT_GO_ON = 70  # EX_SOFTWARE of sysexits.h
_LOOK_SECONDS = 1.0


def worker(
    processes: int = typer.Option(
        1, min=1, max=MOST_PROCESSES, help="How many processes work; one keeps a core busy."
    ),
    until_stdin_closes: bool = typer.Option(False, hidden=True),
) -> None:
    """Run background work: audits, simulations and reports."""
    log_to_stderr(settings())
    stopped = _stopped_by_signals()
    if until_stdin_closes:
        threading.Thread(target=_watch, args=(sys.stdin.buffer, stopped), daemon=True).start()
        installation = open_installation(create=False)
        _bound_memory(installation.settings.worker_memory * 1024 * 1024)
        from cloudsealed.working import worker_process  # which is slow to import

        work(worker_process(installation), stopped)
    installation = open_installation(create=False)  # refuse at once what no restart would mend
    require_connections(
        installation.database,
        processes=processes,
        connections=installation.settings.database_connections,
    )
    installation.database.close()
    with workers_beside(processes) as beside:
        while not stopped.wait(_LOOK_SECONDS) and any(each.is_watched for each in beside):
            pass


def work(process: WorkerProcess, stopped: threading.Event) -> None:
    """Work until `stopped`, or until this process cannot go on: then it ends for the next one.

    Either way it does not wait for an audit under way, which the next worker resumes.
    """
    traces.begin("cloudsealed", __version__)
    process.start()
    code = 0
    while not stopped.wait(_LOOK_SECONDS):
        if fault := process.fault():
            log.critical("this worker cannot go on: %s", fault)
            code = CANNOT_GO_ON
            break
    process.end()
    traces.end()
    logging.shutdown()
    os._exit(code)  # threads that hang do not keep it


def _stopped_by_signals() -> threading.Event:
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    return stopped


def _bound_memory(most: int) -> None:
    """Let this process have at most so many bytes of its own; what it maps of the database's file,
    whole and once a connection, is not counted."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _watch(stream: IO[bytes], stopped: threading.Event) -> None:
    stream.read()
    stopped.set()
