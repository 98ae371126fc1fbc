"""Figures in the text format of Prometheus, version 0.0.4. It counts nothing itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_IN_HELP = str.maketrans({"\\": r"\\", "\n": r"\n"})
_IN_LABEL = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})

Kind = Literal["counter", "gauge", "histogram"]
Labels = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Family:
    """Figures of one name, each with its labels' texts; a counter's name ends in `_total`."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    lines: list[str] = field(default_factory=list)

    def add(self, texts: Sequence[str], value: float) -> None:
        """Add a counter's or a gauge's figure, `texts` in the order of the labels."""
        self._add("", zip(self.labels, texts, strict=True), value)

    def add_buckets(
        self, texts: Sequence[str], counts: Iterable[tuple[str, float]], total: float
    ) -> None:
        """Add a histogram: how many were at most each bound, the last `+Inf`, and their sum."""
        own, count = list(zip(self.labels, texts, strict=True)), 0.0
        for bound, count in counts:
            self._add("_bucket", [*own, ("le", bound)], count)
        self._add("_count", own, count)
        self._add("_sum", own, total)

    def text(self) -> str:
        """Return the family as it is scraped."""
        head = f"# HELP {self.name} {self.help.translate(_IN_HELP)}\n"
        return f"{head}# TYPE {self.name} {self.kind}\n{''.join(self.lines)}"

    def _add(self, suffix: str, labels: Labels, value: float) -> None:
        shown = ",".join(f'{name}="{text.translate(_IN_LABEL)}"' for name, text in sorted(labels))
        braced = f"{{{shown}}}" if shown else ""
        self.lines.append(f"{self.name}{suffix}{braced} {_number(value)}\n")


class Collector(Protocol):
    """Whoever has figures."""

    def collect(self) -> Iterator[Family]:
        """Yield them as they are now."""
        ...


def exposed(collectors: Iterable[Collector]) -> bytes:
    """Return everything that collectors have now."""
    return "".join(each.text() for one in collectors for each in one.collect()).encode()


def _number(value: float) -> str:
    if math.isfinite(value):
        return repr(float(value))
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
