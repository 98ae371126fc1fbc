"""Spans by OpenTelemetry's SDK, sent by OTLP over HTTP: what `kit.traces` imports when it needs it.

Its variables are the standard's (`OTEL_EXPORTER_OTLP_*`, `OTEL_TRACES_SAMPLER`, `OTEL_BSP_*` …).
Spans are sent by a thread of the SDK's from a bounded queue; what it cannot send is dropped. Of an
exception the name of its class is told, and nothing else: its text may be anybody's.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import blake2b

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from cloudsealed.kit import logs
from cloudsealed.kit.traces import Facts, Headers, Kind, Span

_LOW = (1 << 64) - 1
_TRY_SECONDS = 2.0
_UNNAMED = "unknown_service"
_UNSAMPLED = trace.TraceFlags(trace.TraceFlags.DEFAULT)
_SAMPLED = trace.TraceFlags(trace.TraceFlags.SAMPLED)
_NEW = Context()
"""A context without a span: what begins in it begins a trace."""
_propagator = TraceContextTextMapPropagator()
_work: ContextVar[int | None] = ContextVar("work", default=None)


class _Ids(RandomIdGenerator):
    """Ids by chance, but those of the span that begins a piece of work: these are the work's."""

    def generate_trace_id(self) -> int:
        return _work.get() or super().generate_trace_id()

    def generate_span_id(self) -> int:
        return (_work.get() or 0) & _LOW or super().generate_span_id()


class _Open:
    """A span of the SDK's as `kit.traces` has it."""

    __slots__ = ("_prefix", "_span")

    def __init__(self, span: trace.Span, prefix: str) -> None:
        self._span = span
        self._prefix = prefix

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def tell(self, facts: Facts) -> None:
        self._span.set_attributes(_named(self._prefix, facts))

    def fail(self, reason: str) -> None:
        self._span.set_status(Status(StatusCode.ERROR))
        self._span.set_attribute("error.type", reason)


class Telemetry:
    """Makes spans of a service and sends them to the collector that the environment names."""

    def __init__(self, service: str, version: str) -> None:
        self._prefix = f"{service}."
        self._provider = TracerProvider(
            id_generator=_Ids(), resource=_resource(service, version), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer(service, version)

    @contextmanager
    def open(
        self, name: str, kind: Kind, facts: Facts, work: str, headers: Headers
    ) -> Iterator[Span]:
        """Open a span, as `kit.traces.span` says."""
        made = self._made(name, kind, _named(self._prefix, {**logs.here(), **facts}), work, headers)
        opened = _Open(made, self._prefix)
        with trace.use_span(
            made, end_on_exit=True, record_exception=False, set_status_on_exception=False
        ):
            try:
                yield opened
            except BaseException as error:
                opened.fail(type(error).__name__)
                raise

    def _made(self, name: str, kind: Kind, facts: Facts, work: str, headers: Headers) -> trace.Span:
        start, kind_there = self._tracer.start_span, SpanKind[kind.name]
        if kind is Kind.PRODUCER:
            asking = trace.get_current_span()
            token = _work.set(_number(work))
            try:
                made = start(name, _NEW, kind_there, facts, _links(asking.get_span_context()))
            finally:
                _work.reset(token)
            asking.add_link(made.get_span_context())
            return made
        if kind is Kind.CONSUMER:
            above = trace.set_span_in_context(NonRecordingSpan(self._beginning(work)), _NEW)
            return start(name, above, kind_there, facts)
        return start(name, None, kind_there, facts, _links(_heard(headers)))

    def _beginning(self, work: str) -> SpanContext:
        """Return the span that begins the trace of some work, sampled as its own maker decides."""
        number = _number(work)
        decided = self._provider.sampler.should_sample(_NEW, number, "").decision
        flags = _SAMPLED if decided is Decision.RECORD_AND_SAMPLE else _UNSAMPLED
        return SpanContext(number, number & _LOW, is_remote=True, trace_flags=flags)

    def end(self, seconds: float) -> None:
        """Send what is left in a thread, and wait for it for at most so many seconds."""
        thread = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        thread.start()
        thread.join(seconds)


def takes_spans() -> bool:
    """Say whether the collector takes what it is sent, which is nothing."""
    logging.getLogger("opentelemetry").addHandler(logging.NullHandler())  # whoever asks is told
    exporter = OTLPSpanExporter(timeout=_TRY_SECONDS)
    try:
        return exporter.export([]) is SpanExportResult.SUCCESS
    finally:
        exporter.shutdown()  # type: ignore[no-untyped-call]  # the SDK's own


def _named(prefix: str, facts: Facts) -> dict[str, str | int | float | bool]:
    """Return facts under the standard's names, which have a dot, and ours."""
    return {name if "." in name else prefix + name: value for name, value in facts.items()}


def _number(work: str) -> int:
    """Return the trace of some work; the low half is the span that begins it."""
    return int.from_bytes(blake2b(work.encode(), digest_size=16).digest())


def _links(context: SpanContext) -> list[Link]:
    return [Link(context)] if context.is_valid else []


def _heard(headers: Headers) -> SpanContext:
    """Return the span that headers name (W3C Trace Context); an invalid one when they do not."""
    found: Mapping[str, str] = {
        name.decode("latin-1"): text.decode("latin-1")
        for name, text in headers
        if name == b"traceparent"
    }
    return trace.get_current_span(_propagator.extract(found, _NEW)).get_span_context()


def _resource(service: str, version: str) -> Resource:
    """Return what the environment says of this service, and its own name where that says none."""
    told = Resource.create()
    own = Resource({"service.name": service, "service.version": version})
    is_named = not str(told.attributes["service.name"]).startswith(_UNNAMED)
    return own.merge(told) if is_named else told.merge(own)
