"""Charts, drawn here as SVG; pages colour them. Each has a title, and a table says the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

_WIDTH, _HEIGHT = 320.0, 96.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 26.0, 8.0, 8.0, 18.0


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a trend and what stands below it; a value of None is a gap."""

    label: str
    value: float | None


def trend(points: Sequence[Point], *, title: str, most: float) -> Markup:
    """Return a line over time from 0 to `most`, with both axes."""
    across = (_WIDTH - _LEFT - _RIGHT) / max(1, len(points) - 1)
    up = (_HEIGHT - _TOP - _BOTTOM) / most
    floor = _HEIGHT - _BOTTOM

    def place(index: int, value: float) -> tuple[str, str]:
        return f"{_LEFT + index * across:.1f}", f"{floor - value * up:.1f}"

    path, dots, pen = [], [], "M"
    for index, point in enumerate(points):
        if point.value is None:
            pen = "M"
            continue
        x, y = place(index, point.value)
        path.append(f"{pen}{x} {y}")
        dots.append(Markup('<circle class="dot" cx="{}" cy="{}" r="2.5"/>').format(x, y))
        pen = "L"
    lines = Markup("").join(
        Markup(
            '<line class="axis" x1="{x}" x2="{end}" y1="{y}" y2="{y}"/>'
            '<text x="{before}" y="{y}" dy="4" text-anchor="end">{value}</text>'
        ).format(
            x=_LEFT,
            end=_WIDTH - _RIGHT,
            before=_LEFT - 5,
            y=f"{floor - value * up:.1f}",
            value=f"{value:.0f}",
        )
        for value in (0, most / 2, most)
    )
    ends = [(0, "start"), (len(points) - 1, "end")] if len(points) > 1 else [(0, "start")]
    labels = Markup("").join(
        Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(
            f"{_LEFT + index * across:.1f}", _HEIGHT - 4, anchor, points[index].label
        )
        for index, anchor in (ends if points else ())
    )
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}'
        '<path class="trend" d="{}"/>{}{}</svg>'
    ).format(
        f"{_WIDTH:.0f}",
        f"{_HEIGHT:.0f}",
        title,
        lines,
        " ".join(path),
        Markup("").join(dots),
        labels,
    )


def shares(counts: Sequence[tuple[str, int]], *, title: str) -> Markup:
    """Return one bar that is parted as the counts are; each part has its word as class."""
    total = sum(count for _, count in counts) or 1
    parts, x = [], 0.0
    for name, count in counts:
        width = 100 * count / total
        parts.append(
            Markup('<rect class="{}" x="{}" y="0" width="{}" height="4"/>').format(
                name, f"{x:.2f}", f"{max(width - 0.3, 0):.2f}"
            )
        )
        x += width
    return Markup(
        '<svg class="chart bar" viewBox="0 0 100 4" preserveAspectRatio="none" role="img"'
        ' aria-label="{}">{}</svg>'
    ).format(title, Markup("").join(parts))
