"""Spans of what this process does, for an OpenTelemetry collector, where the environment names one.

`span` is the one way to open a span. It carries what log records are about here (`request`, `job`,
`subject` …) and the facts that it is given: kinds and outcomes, never what was asked or answered.
What the SDK needs is imported by `begin` alone, and only when there is a collector: otherwise a
span is nothing, and costs as much. It refuses to know what is traced.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from enum import Enum, auto
from typing import Protocol

log = logging.getLogger(__name__)

Facts = Mapping[str, str | int | float | bool]
Headers = Iterable[tuple[bytes, bytes]]
"""Of a request, as ASGI has them: names in small letters."""

COLLECTORS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""The variables that name a collector (OpenTelemetry, "OTLP Exporter Configuration")."""
_END_SECONDS = 2.0


class Kind(Enum):
    """What a span is to others: the words of OpenTelemetry."""

    INTERNAL = auto()
    SERVER = auto()
    CLIENT = auto()
    PRODUCER = auto()
    CONSUMER = auto()


class Span(Protocol):
    """What is done here, from the beginning of its block to the end."""

    def rename(self, name: str) -> None:
        """Give it another name."""

    def tell(self, facts: Facts) -> None:
        """Add facts."""

    def fail(self, reason: str) -> None:
        """Say that it failed, by a word of ours."""


class Tracing(Protocol):
    """Whoever makes spans and sends them."""

    def open(
        self, name: str, kind: Kind, facts: Facts, work: str, headers: Headers
    ) -> AbstractContextManager[Span]:
        """Open a span, as `span` says."""

    def end(self, seconds: float) -> None:
        """Send what is left, for at most so many seconds."""


class _Nothing:
    """The span where nothing is traced."""

    def __enter__(self) -> Span:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def rename(self, name: str) -> None: ...

    def tell(self, facts: Facts) -> None: ...

    def fail(self, reason: str) -> None: ...


_NOTHING = _Nothing()
_tracing: Tracing | None = None


def span(
    name: str,
    kind: Kind = Kind.INTERNAL,
    facts: Facts | None = None,
    *,
    work: str = "",
    headers: Headers = (),
) -> AbstractContextManager[Span]:
    """Open a span below the one that is open in this context; an exception makes it failed.

    `work` names a piece of work that is done later, elsewhere: it has a trace of its own, which is
    known from the name. A PRODUCER's span begins that trace, linked both ways with the span
    that is open here, and a CONSUMER's stands below it. `headers` are those of who asks: a trace
    that they name is linked, and not joined, as it may be anybody's.
    """
    if _tracing is None:
        return _NOTHING
    return _tracing.open(name, kind, facts or {}, work, headers)


def begin(service: str, version: str) -> None:
    """Trace from here on, if the environment names a collector. Whatever is wrong with that, the
    process goes on without traces and says so."""
    global _tracing  # noqa: PLW0603 - a process traces or does not
    if _tracing is not None or not is_asked_for():
        return
    try:
        from cloudsealed.kit.telemetry import Telemetry

        _tracing = Telemetry(service, version)
    except ImportError:
        log.warning("nothing is traced: that needs an extra: pip install '%s[telemetry]'", service)
    except Exception as error:  # the SDK's, of variables that it cannot read
        log.warning("nothing is traced: %s: %s", type(error).__name__, error)


def end(seconds: float = _END_SECONDS) -> None:
    """Send what is left, and trace no more; a collector that does not answer is left alone."""
    global _tracing
    if _tracing is not None:
        ending, _tracing = _tracing, None
        ending.end(seconds)


def collector_fault(service: str) -> str | None:
    """Try the collector that the environment names, for seconds at most; return what is wrong with
    the way to it, None if nothing is, and with none named."""
    if not is_asked_for():
        return None
    try:
        from cloudsealed.kit.telemetry import takes_spans

        return None if takes_spans() else "The collector of traces does not take them"
    except ImportError:
        return f"Traces need an extra: pip install '{service}[telemetry]'"
    except Exception as error:  # the SDK's, of variables that it cannot read
        return f"Nothing is traced: {type(error).__name__}: {error}"


@contextmanager
def traced(service: str, version: str) -> Iterator[None]:
    """Trace what is done in the block, as `begin` says."""
    begin(service, version)
    try:
        yield
    finally:
        end()


def is_asked_for() -> bool:
    """Say whether the environment names a collector, and does not turn traces off."""
    is_off = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    exporters = os.environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    named = any(os.environ.get(name, "").strip() for name in COLLECTORS)
    return named and not is_off and exporters in ("", "otlp")
