"""Log records as lines or as JSON: what they are about, and the same one at most once a minute.

What a record is about (`request`, `job`, `audit` …) is kept in a context variable, so that no call
has to carry it; a thread that is begun for it is handed `carried` work. Control characters come out
escaped: no text from outside begins a line of its own.
It refuses to know what is logged.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, ParamSpec, TypeVar

import orjson

P = ParamSpec("P")
T = TypeVar("T")

SAME_SECONDS = 60.0
MOST_KEPT = 1000
ACCESS_LOG = "cloudsealed.access"
"""The logger of a line for each request."""
_MOST_IDS = 10
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_about: ContextVar[Mapping[str, str] | None] = ContextVar("about", default=None)
enter = _about.set
"""Says what this context is about from here on; cheaper than `about`, for one that ends itself."""


def here() -> Mapping[str, str]:
    """Return what this context is about."""
    return _about.get() or {}


@contextmanager
def about(**ids: str) -> Iterator[None]:
    """Let the records of the block carry these ids."""
    token = _about.set({**here(), **ids})
    try:
        yield
    finally:
        _about.reset(token)


def carried(work: Callable[P, T]) -> Callable[P, T]:
    """Return `work` for another thread, whose records are about what this one's are."""
    context = copy_context()

    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return context.copy().run(work, *args, **kwargs)  # one context cannot run in two threads

    return run


def say(log: logging.Logger, message: str, **facts: object) -> None:
    """Log something that happened, with its facts."""
    log.info(message, extra={"facts": facts})


def detail(log: logging.Logger, message: str, **facts: object) -> None:
    """Log what only who looks for it wants to know, with its facts."""
    log.debug(message, extra={"facts": facts})


def escaped(text: str) -> str:
    """Return a text whose control characters and lone surrogates are `\\xNN` or `\\uNNNN`."""
    return _CONTROL.sub(lambda m: m[0].encode("unicode_escape").decode(), text)


def _facts(record: logging.LogRecord) -> dict[str, object]:
    ids: Mapping[str, str] = getattr(record, "about", None) or {}
    return {**ids, **getattr(record, "facts", {})}


def _moment(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class LineFormatter(logging.Formatter):
    """`MOMENT LEVEL logger: message name=value …`; a traceback's lines follow, indented."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line or lines."""
        facts = "".join(f" {name}={_shown(value)}" for name, value in _facts(record).items())
        head = f"{_moment(record)} {record.levelname} {record.name}: "
        lines = [head + escaped(record.getMessage()) + facts]
        if record.exc_info:
            traced = self.formatException(record.exc_info)
            lines += [f"    {escaped(line)}" for line in traced.split("\n")]
        return "\n".join(lines)


def _shown(value: object) -> str:
    text = escaped(str(value))
    return orjson.dumps(text).decode() if " " in text or '"' in text or not text else text


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, what it is about, exception."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line."""
        found: dict[str, object] = {
            "time": _moment(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_facts(record),
        }
        if record.exc_info:
            found["exception"] = self.formatException(record.exc_info)
        text = orjson.dumps(_sound(found), default=str).decode()
        return _CONTROL.sub(lambda m: f"\\u{ord(m[0]):04x}", text)


def _sound(facts: Mapping[str, object]) -> dict[str, object]:
    """Return the facts without lone surrogates, which no JSON can carry."""
    return {
        name: v.encode("utf-8", "backslashreplace").decode() if isinstance(v, str) else v
        for name, v in facts.items()
    }


@dataclass(slots=True)
class _Same:
    """A line that was written at `since`, and the record and number of those held back."""

    since: float
    held: int = 0
    last: logging.LogRecord | None = None
    requests: list[str] = field(default_factory=list)


class LogHandler(logging.StreamHandler[IO[str]]):
    """Writes records, the same line at most once in SAME_SECONDS; then how many more there were.

    Lines are the same when logger, level and text are, and the kind of an exception and the line
    that raised it: two faults do not pass for one. Those of loggers in `every` are never held back.
    At most MOST_KEPT lines are remembered, the newest.
    """

    def __init__(
        self,
        stream: IO[str] = sys.stderr,
        *,
        every: tuple[str, ...] = (),
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(stream)
        self._every = frozenset(every)
        self._ticks = ticks
        self._known: OrderedDict[tuple[object, ...], _Same] = OrderedDict()
        self._alarm: threading.Timer | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, or count it; one that cannot be written harms nobody who logs."""
        try:
            self._emit(record)
        except Exception:
            self.handleError(record)

    def _emit(self, record: logging.LogRecord) -> None:
        record.about = _about.get()
        if record.name in self._every or hasattr(record, "facts"):
            super().emit(record)
            return
        key = _key(record)
        self._sweep(self._ticks() - SAME_SECONDS)
        same = self._known.get(key)
        if same is not None:
            self._hold(same, record)
            return
        while len(self._known) >= MOST_KEPT:
            self._tell(self._known.popitem(last=False)[1])
        self._known[key] = _Same(self._ticks())
        super().emit(record)

    def sweep(self) -> None:
        """Tell of what was held back and is over."""
        self.acquire()
        try:
            self._alarm = None
            self._sweep(self._ticks() - SAME_SECONDS)
            if any(same.held for same in self._known.values()):
                self._set_alarm()
        finally:
            self.release()

    def close(self) -> None:
        """Tell of everything that was held back; `logging` calls this at exit."""
        self.acquire()
        try:
            if self._alarm is not None:
                self._alarm.cancel()
            self._sweep(float("inf"))
        finally:
            self.release()
        super().close()

    def _hold(self, same: _Same, record: logging.LogRecord) -> None:
        same.held += 1
        same.last = record
        ident = (getattr(record, "about", None) or {}).get("request")
        if ident and len(same.requests) < _MOST_IDS:
            same.requests.append(ident)
        if self._alarm is None:
            self._set_alarm()

    def _set_alarm(self) -> None:
        self._alarm = threading.Timer(SAME_SECONDS, self.sweep)
        self._alarm.daemon = True
        self._alarm.start()

    def _sweep(self, before: float) -> None:
        while self._known and next(iter(self._known.values())).since <= before:
            self._tell(self._known.popitem(last=False)[1])

    def _tell(self, same: _Same) -> None:
        if same.last is None:
            return
        last = same.last
        text = f"{last.getMessage()} … {same.held} more like it in the last minute"
        told = logging.LogRecord(last.name, last.levelno, "", 0, text, None, None)
        told.about = {"requests": ",".join(same.requests)} if same.requests else {}
        super().emit(told)


def _key(record: logging.LogRecord) -> tuple[object, ...]:
    kind, _, trace = record.exc_info or (None, None, None)
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    raised = (trace.tb_frame.f_code.co_filename, trace.tb_lineno) if trace else None
    return record.name, record.levelno, record.getMessage(), kind, raised
