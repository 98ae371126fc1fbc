"""A resource and what it is tied to, laid out here as SVG: what refers to it on its left, what it
refers to on its right, each a link. Pages colour it, and a table says the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import east_asian_width

from markupsafe import Markup

from cloudsealed.console.rendering import middle

_WIDE, _HIGH, _GAP, _BETWEEN = 204, 42, 12, 108
_MOST = 12  # on a side; the table has all
_LONGEST = 23  # narrow characters of a label
_TITLE = 200


@dataclass(frozen=True, slots=True)
class Node:
    """What one sees of a resource: what it is called, its type, how it is tied to the one in the
    middle, and its page; None where no audit saw it."""

    label: str
    detail: str
    tie: str
    href: str | None


def star(
    centre: Node, incoming: Sequence[Node], outgoing: Sequence[Node], *, title: str, more: str
) -> Markup:
    """Return the graph; `more` tells how many, `{n}`, are left out of a side."""
    sides = [side for side in (incoming, outgoing) if side]
    rows = max(min(len(side), _MOST) + (len(side) > _MOST) for side in sides)
    height = rows * (_HIGH + _GAP) - _GAP + 4
    left = (_WIDE + _BETWEEN) if incoming else 0
    right = left + _WIDE + _BETWEEN
    width = (right + _WIDE if outgoing else left + _WIDE) + 4
    place = (left + 2.0, height / 2 - _HIGH / 2)
    parts = [
        *_side(incoming, 2.0, place, height, more, is_before=True),
        *_side(outgoing, right + 2.0, place, height, more, is_before=False),
        _box(centre, *place, "node here"),
    ]
    return Markup(
        '<svg class="graph" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="group"'
        ' aria-label="{title}">{parts}</svg>'
    ).format(w=width, h=height, title=title, parts=Markup("").join(parts))


def _side(
    nodes: Sequence[Node],
    x: float,
    centre: tuple[float, float],
    height: float,
    more: str,
    *,
    is_before: bool,
) -> list[Markup]:
    shown = nodes[:_MOST]
    count = len(shown) + (len(nodes) > _MOST)
    y = (height - count * (_HIGH + _GAP) + _GAP) / 2
    parts: list[Markup] = []
    for node in shown:
        parts += [_edge(x, y, centre, node.tie, is_before=is_before)]
        parts += [_box(node, x, y, "node" if node.href else "node lost")]
        y += _HIGH + _GAP
    if len(nodes) > _MOST:
        text = more.replace("{n}", str(len(nodes) - _MOST))
        parts.append(_text(x + _WIDE / 2, y + _HIGH / 2 + 4, text, "tie", "middle"))
    return parts


def _edge(x: float, y: float, centre: tuple[float, float], tie: str, *, is_before: bool) -> Markup:
    """Return the arrow from who refers to what is referred to, and what the relation is called."""
    here = (centre[0] if is_before else centre[0] + _WIDE, centre[1] + _HIGH / 2)
    there = (x + _WIDE if is_before else x, y + _HIGH / 2)
    start, end = (there, here) if is_before else (here, there)
    bend = (end[0] - start[0]) / 2
    line = (
        f"M{start[0]:.0f} {start[1]:.0f}C{start[0] + bend:.0f} {start[1]:.0f}"
        f" {end[0] - bend:.0f} {end[1]:.0f} {end[0] - 6:.0f} {end[1]:.0f}"
    )
    head = (
        f"M{end[0] - 7:.0f} {end[1] - 4:.0f}L{end[0]:.0f} {end[1]:.0f}"
        f"L{end[0] - 7:.0f} {end[1] + 4:.0f}z"
    )
    side = there[0] + (6 if is_before else -8)
    label = _text(side, there[1] - 5, tie, "tie", "start" if is_before else "end")
    return Markup('<path class="edge" d="{}"/><path class="tip" d="{}"/>{}').format(
        line, head, label
    )


def _box(node: Node, x: float, y: float, kind: str) -> Markup:
    inner = Markup(
        '<title>{full}</title><rect x="{x}" y="{y:.0f}" width="{w}" height="{h}" rx="6"/>{a}{b}'
    ).format(
        full=f"{middle(node.label, _TITLE)} ({node.detail})",
        x=f"{x:.0f}",
        y=y,
        w=_WIDE,
        h=_HIGH,
        a=_text(x + 12, y + 18, _short(node.label), "name", "start"),
        b=_text(x + 12, y + 34, _short(node.detail), "detail", "start"),
    )
    if node.href is None:
        return Markup('<g class="{}">{}</g>').format(kind, inner)
    return Markup('<a class="{}" href="{}">{}</a>').format(kind, node.href, inner)


def _text(x: float, y: float, text: str, kind: str, anchor: str) -> Markup:
    return Markup('<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>').format(
        kind, f"{x:.0f}", f"{y:.0f}", anchor, text
    )


def _short(text: str) -> str:
    """Return a label as it fits into a box: an ARN by its last part, the middle left out."""
    if text.startswith("arn:"):
        text = text.rpartition("/")[2] if "/" in text else text.rpartition(":")[2]
    most = len(text)
    while _width(found := middle(text, most)) > _LONGEST:
        most = min(most - 1, _LONGEST)
    return found


def _width(text: str) -> int:
    """Return how many narrow characters a text is as wide as (Unicode, annex 11)."""
    return sum(2 if east_asian_width(each) in "WF" else 1 for each in text)
