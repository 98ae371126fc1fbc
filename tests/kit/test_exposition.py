"""What is exposed reads back, by Prometheus's own client, as what was counted."""

from __future__ import annotations

import math
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.parser import text_string_to_metric_families

from cloudsealed.kit.exposition import Family, exposed

NUMBERS = st.floats() | st.integers(-(2**53), 2**53)


class One:
    def __init__(self, *families: Family) -> None:
        self.families = families

    def collect(self) -> Iterator[Family]:
        yield from self.families


@settings(max_examples=100)
@given(st.lists(st.tuples(st.text(max_size=8), NUMBERS), max_size=4), st.text(max_size=8))
def test_any_text_and_any_number_read_back(rows: list[tuple[str, float]], text: str) -> None:
    family = Family("a_total", "counter", f"x{text}x", ("own", "other"))
    for label, number in rows:
        family.add((label, text), number)
    (read,) = text_string_to_metric_families(exposed([One(family)]).decode())
    assert (read.name, read.type, read.documentation) == ("a", "counter", f"x{text}x")
    found = [(each.labels["own"], each.labels["other"], each.value) for each in read.samples]
    for (label, other, number), (own, given_number) in zip(found, rows, strict=True):
        assert (label, other) == (own, text)
        assert number == given_number or (math.isnan(number) and math.isnan(given_number))


def test_a_histogram_reads_as_that_of_prometheus_own_client() -> None:
    registry = CollectorRegistry()
    theirs = Histogram("h", "Times", ("route",), registry=registry, buckets=(0.5, 1.0))
    ours = Family("h", "histogram", "Times", ("route",))
    for seconds in (0.25, 0.75, 3.0):
        theirs.labels("/a").observe(seconds)
    ours.add_buckets(("/a",), (("0.5", 1), ("1.0", 2), ("+Inf", 3)), 4.0)
    (read,) = text_string_to_metric_families(exposed([One(ours)]).decode())
    (expected,) = registry.collect()
    expected_samples = [each for each in expected.samples if not each.name.endswith("_created")]
    assert [(s.name, s.labels, s.value) for s in read.samples] == [
        (s.name, s.labels, s.value) for s in expected_samples
    ]


def test_families_without_figures_still_say_what_they_are() -> None:
    registry = CollectorRegistry()
    Counter("b", "Some", ("x",), registry=registry)
    (expected,) = registry.collect()
    (read,) = text_string_to_metric_families(
        exposed([One(Family("b_total", "counter", "Some", ("x",)))]).decode()
    )
    assert (read.name, read.type, read.samples) == (expected.name, expected.type, expected.samples)
