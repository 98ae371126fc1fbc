"""Fills an audit's ledger: walks every task at once, with a bounded number of calls in flight."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from cloudsealed.audits.records.ledger import RecordedCalls, Recorder
from cloudsealed.audits.steps.plan import Task
from cloudsealed.collectors.model import Answer, CallRequest, Gap, Snapshot
from cloudsealed.collectors.walk import Derived, walk
from cloudsealed.kit.logs import carried

_LOOK_SECONDS = 1.0
_PASSES = 3


def collect(
    tasks: Iterable[Task],
    callers: Mapping[str, RecordedCalls],
    recorder: Recorder,
    *,
    workers: int,
    tick: Callable[[int], None],
    seen: Callable[[int], None] = lambda _number: None,
    again: bool = False,
) -> None:
    """Make every call of the tasks that the ledger lacks; `callers` are by connection. With `again`
    their lists are asked for a second time. A task with throttled calls is walked again for them
    when all others have ended, twice at most.

    `tick` hears at least once a second how many tasks ended since; what it raises (a lost lease, a
    cancellation) ends the collection; `seen` hears before it how many resources were read by then.
    Walks and calls have a pool each: a walk waits for its calls.
    """
    calls, walks = ThreadPoolExecutor(workers, "call"), ThreadPoolExecutor(workers, "walk")
    left = list(tasks)
    resources = dict.fromkeys(map(id, left), 0)  # by task: one that is walked again counts once

    def run(task: Task) -> Task | None:
        """Walk a task; return it when it is to be walked again."""
        caller = callers[task.connection_id]

        def ask(requests: Iterable[CallRequest]) -> Iterable[Answer]:
            return calls.map(carried(caller.call), requests)

        aside = False
        resources[id(task)] = 0
        for derived in walk(task.row, task.place, caller, ask, again=again):
            recorder.stop_if_asked()
            resources[id(task)] += isinstance(derived, Snapshot)
            aside = aside or any(caller.is_aside(gap.unit) for gap in _gaps(derived))
        return task if aside else None

    def look(ended: int) -> None:
        seen(sum(resources.values()))
        tick(ended)

    try:
        for number in range(1, _PASSES + 1):
            for caller in callers.values():
                caller.begin_pass(last=number == _PASSES)
            left = _wait({walks.submit(carried(run), task) for task in _interleaved(left)}, look)
    except BaseException as error:
        recorder.abort(error)
        raise
    finally:  # a call that hangs is left behind: it ends by its deadline, and records nothing
        for pool in (walks, calls):
            pool.shutdown(wait=False, cancel_futures=True)


def _wait(pending: set[Future[Task | None]], tick: Callable[[int], None]) -> list[Task]:
    """Wait for all of `pending`; return the tasks that are left."""
    left: list[Task] = []
    while pending:
        done, pending = wait(pending, timeout=_LOOK_SECONDS, return_when=FIRST_COMPLETED)
        again = [task for future in done if (task := future.result()) is not None]
        left += again
        tick(len(done) - len(again))
    return left


def _gaps(derived: Derived) -> Iterable[Gap]:
    if isinstance(derived, Snapshot):
        return derived.unread.values()
    return [derived.gap] if derived.gap else []


def _interleaved(tasks: Iterable[Task]) -> list[Task]:
    """Order tasks so that neighbours ask different services: each has its own ceiling."""
    seen: dict[tuple[str, str, str], int] = {}
    ranked: list[tuple[int, Task]] = []
    for task in tasks:
        key = (task.place.account, task.place.region, task.row.service)
        seen[key] = seen.get(key, 0) + 1
        ranked.append((seen[key], task))
    return [task for _rank, task in sorted(ranked, key=lambda pair: pair[0])]
