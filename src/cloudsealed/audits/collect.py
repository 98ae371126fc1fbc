"""Fills an audit's ledger: walks every task at once, with a bounded number of calls in flight."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from cloudsealed.audits.derive import Task
from cloudsealed.audits.ledger import Recorder
from cloudsealed.collectors.model import Answer, Caller, CallRequest
from cloudsealed.collectors.walk import walk

_LOOK_SECONDS = 1.0


def collect(
    tasks: Iterable[Task], callers: Mapping[str, Caller], recorder: Recorder, *,
    workers: int, tick: Callable[[int], None], again: bool = False,
) -> None:  # fmt: skip
    """Make every call of the tasks that the ledger lacks; `callers` are by connection. With `again`
    their lists are asked for a second time.

    `tick` hears at least once a second how many tasks ended since; what it raises (a lost lease, a
    cancellation) ends the collection. Walks and calls have a pool each: a walk waits for its calls.
    """
    calls, walks = ThreadPoolExecutor(workers, "call"), ThreadPoolExecutor(workers, "walk")

    def run(task: Task) -> None:
        caller = callers[task.connection_id]

        def ask(requests: Iterable[CallRequest]) -> Iterable[Answer]:
            return calls.map(caller.call, requests)

        for _derived in walk(task.row, task.place, caller, ask, again=again):
            recorder.stop_if_asked()

    try:
        _wait({walks.submit(run, task) for task in _interleaved(tasks)}, tick)
    except BaseException as error:
        recorder.abort(error)
        raise
    finally:  # a call that hangs is left behind: it ends by its deadline, and records nothing
        for pool in (walks, calls):
            pool.shutdown(wait=False, cancel_futures=True)


def _wait(pending: set[Future[None]], tick: Callable[[int], None]) -> None:
    while pending:
        done, pending = wait(pending, timeout=_LOOK_SECONDS, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()
        tick(len(done))


def _interleaved(tasks: Iterable[Task]) -> list[Task]:
    """Order tasks so that neighbours ask different services: each has its own ceiling."""
    seen: dict[tuple[str, str, str], int] = {}
    ranked: list[tuple[int, Task]] = []
    for task in tasks:
        key = (task.place.account, task.place.region, task.row.service)
        seen[key] = seen.get(key, 0) + 1
        ranked.append((seen[key], task))
    return [task for _rank, task in sorted(ranked, key=lambda pair: pair[0])]
