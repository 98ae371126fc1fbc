"""Spans tell what is done, and nothing of what it was about; nobody waits for their collector."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from tests.collector import Collector, Seen, collector
from tests.servers import free_port
from tests.waiting import SECONDS, until

from cloudsealed.kit import traces
from cloudsealed.kit.ids import new_id
from cloudsealed.kit.logs import about, carried
from cloudsealed.kit.traces import Kind, span

SENDS = ("opentelemetry.sdk", "opentelemetry.exporter", "google.protobuf", "requests")
SECRET = "larkspur-secret"


@pytest.fixture(autouse=True)
def ended(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test leaves alone ends with it: an exporter that tries again draws from `random`, and
    Hypothesis holds that against whichever test runs by then."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(SECONDS)
        assert not thread.is_alive(), thread


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector that this process sends its spans to."""
    with collector() as found:
        for name, text in found.environment.items():
            monkeypatch.setenv(name, text)
        traces.begin("product", "1.2")
        yield found
        traces.end()


def sent(there: Collector) -> dict[str, Seen]:
    traces.end(SECONDS)
    return {each.name: each for each in there.spans}


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
    ],
)
def test_without_a_collector_nothing_is_imported_and_a_span_is_nothing(
    environment: dict[str, str],
) -> None:
    code = (
        "import sys, cloudsealed.cli.serve, cloudsealed.cli.audit, cloudsealed.working\n"
        "from cloudsealed.kit.traces import begin, end, span\n"
        "begin('product', '1')\n"
        "assert span('a') is span('b')\n"
        "with span('a') as found: found.rename('b'); found.tell({'c': 1}); found.fail('d')\n"
        "end()\n"
        f"print([name for name in {SENDS} if name in sys.modules])\n"
    )
    ran = run(code, **environment)
    assert (ran.stdout, ran.stderr) == ("[]\n", "")


def test_a_collector_without_the_extra_is_said_and_the_process_goes_on() -> None:
    code = (
        "import sys\n"
        "sys.modules['opentelemetry.sdk'] = None\n"
        "from cloudsealed.kit.traces import begin, span\n"
        "begin('cloudsealed', '1')\n"
        "with span('a'): print('goes on')\n"
    )
    ran = run(code, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1")
    assert ran.stdout == "goes on\n"
    assert "pip install 'cloudsealed[telemetry]'" in ran.stderr


def test_a_variable_that_cannot_be_read_is_said_and_the_process_goes_on() -> None:
    code = (
        "from cloudsealed.kit.traces import begin, span\n"
        "begin('cloudsealed', '1')\n"
        "with span('a'): print('goes on')\n"
    )
    ran = run(
        code,
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1",
        OTEL_BSP_MAX_QUEUE_SIZE="10",
        OTEL_BSP_MAX_EXPORT_BATCH_SIZE="20",
    )
    assert ran.stdout == "goes on\n"
    assert "nothing is traced: ValueError" in ran.stderr


def test_spans_stand_below_each_other_also_in_another_thread(there: Collector) -> None:
    with about(request="req_1"), span("outer", Kind.SERVER) as outer:
        outer.rename("GET /v1/x")
        outer.tell({"http.route": "/v1/x", "outcome": "ok"})

        def work() -> None:
            with span("inner"):
                pass

        thread = threading.Thread(target=carried(work))
        thread.start()
        thread.join()
    found = sent(there)
    above, below = found["GET /v1/x"], found["inner"]
    assert (below.trace, below.parent, above.parent) == (above.trace, above.id, "")
    assert above.facts == {
        "product.request": "req_1",
        "http.route": "/v1/x",
        "product.outcome": "ok",
    }
    assert above.service == "product"
    assert not above.failed


def test_an_exception_is_told_by_the_name_of_its_class_alone(there: Collector) -> None:
    with pytest.raises(ValueError, match=SECRET), span("broken"):
        raise ValueError(SECRET)
    found = sent(there)["broken"]
    assert (found.failed, found.events) == (True, 0)
    assert found.facts == {"error.type": "ValueError"}
    assert all(SECRET.encode() not in body for body in there.bodies)


def test_work_that_is_done_later_has_a_trace_that_is_linked_both_ways(there: Collector) -> None:
    job = "any name: aud_1/collect/eu-west-1"
    with span("asked", Kind.SERVER), span("queued", Kind.PRODUCER, work=job):
        pass
    for name in ("tried", "tried again"):
        with span(name, Kind.CONSUMER, work=job), span(f"{name}: a part"):
            pass
    found = sent(there)
    asked, queued = found["asked"], found["queued"]
    assert asked.links == ((queued.trace, queued.id),)
    assert queued.links == ((asked.trace, asked.id),)
    assert (queued.parent, queued.trace != asked.trace) == ("", True)
    for name in ("tried", "tried again"):
        done = found[name]
        assert (done.trace, done.parent, done.links) == (queued.trace, queued.id, ())
        assert found[f"{name}: a part"].parent == done.id


def test_all_of_a_work_is_sampled_or_nothing(
    there: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    traces.end()
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    traces.begin("product", "1.2")
    works = [new_id("job") for _ in range(60)]
    for work in works:
        with span("asked"), span(f"{work} queued", Kind.PRODUCER, work=work):
            pass
        with span(f"{work} done", Kind.CONSUMER, work=work):
            pass
    found = sent(there)
    kept = [[f"{work} {part}" in found for part in ("queued", "done")] for work in works]
    assert {tuple(each) for each in kept} == {(True, True), (False, False)}


def test_a_trace_that_whoever_asks_names_is_linked_and_not_joined(there: Collector) -> None:
    named = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for name, header in (("good", named), ("bad", b"00-nothing"), ("none", None)):
        headers = [(b"host", b"x")] + ([(b"traceparent", header)] if header else [])
        with span(name, Kind.SERVER, headers=headers):
            pass
    found = sent(there)
    assert found["good"].links == (("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"),)
    assert (found["bad"].links, found["none"].links) == ((), ())
    assert all(each.parent == "" for each in found.values())
    assert len({each.trace for each in found.values()}) == 3


def test_a_collector_that_hangs_holds_no_span_and_no_end_up(there: Collector) -> None:
    there.hang()
    for number in range(5_000):  # more than the queue holds
        with span(f"span {number}"):
            pass
    traces.end(0.1)
    assert there.spans == []  # it has not answered yet


def test_a_collector_that_is_away_is_said_and_holds_nothing_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
    with caplog.at_level(logging.WARNING), traces.traced("product", "1.2"):
        with span("a"):
            pass
        until(lambda: caplog.records, "it is said")
