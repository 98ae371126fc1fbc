"""Content negotiation (RFC 9110, section 12.5.1): which offered media type a client prefers."""

from __future__ import annotations

from collections.abc import Sequence


def choose(accept: str, offered: Sequence[str]) -> str | None:
    """Return the offered type that `accept` prefers, the first of equals; None if it takes none."""
    if not accept:
        return offered[0]
    ranges = [_range(part) for part in accept.split(",") if part.strip()]
    best = max(offered, key=lambda kind: _quality(kind, ranges))
    return best if _quality(best, ranges) > 0 else None


def _range(text: str) -> tuple[str, float]:
    kind, *parameters = (part.strip().lower() for part in text.split(";"))
    quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
    try:
        return kind, float(quality)
    except ValueError:
        return kind, 0.0


def _quality(kind: str, ranges: Sequence[tuple[str, float]]) -> float:
    """Return the quality that the most specific matching range gives."""
    family = kind.split("/")[0] + "/*"
    for form in (kind, family, "*/*"):
        matching = [quality for name, quality in ranges if name == form]
        if matching:
            return matching[0]
    return 0.0
