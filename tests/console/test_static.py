"""The stylesheet's colours: what is written can be read, in light and in dark (WCAG 2.2, 1.4.6)."""

from __future__ import annotations

import re

import pytest

from cloudsealed.console.rendering import assets

_GROUNDS = ("ground", "paper", "sunk")
_SEVERITIES = ("critical", "high", "medium", "low", "info")
_ON: dict[str, tuple[str, ...]] = {
    "ink": (*_GROUNDS, "accent-ground", "warn-ground"),
    "quiet": (*_GROUNDS, "warn-ground"),
    "accent": (*_GROUNDS, "accent-ground"),
    "on-accent": ("accent",),
    **{name: (*_GROUNDS, f"{name}-ground") for name in ("bad", "good", "warn")},
    **dict.fromkeys(_SEVERITIES, (*_GROUNDS, "accent-ground")),
}
"""Each colour of text, and the grounds that it stands on."""


def tokens() -> dict[str, tuple[str, str]]:
    """Return the colours, light and dark, by name."""
    found = re.findall(
        r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);", assets()["console.css"].content.decode()
    )
    return {name: (light, dark) for name, light, dark in found}


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [0, 1])
def test_every_text_has_seven_times_the_contrast_of_its_ground(scheme: int) -> None:
    held = {name: both[scheme] for name, both in tokens().items()}
    pairs = [(text, ground) for text, grounds in _ON.items() for ground in grounds]
    low = {pair: contrast(held[pair[0]], held[pair[1]]) for pair in pairs}
    assert not {pair: ratio for pair, ratio in low.items() if ratio < 7}


def test_our_scripts_are_small() -> None:
    sizes = {name: len(each.content) for name, each in assets().items() if name.endswith(".js")}
    assert sum(sizes.values()) <= 20_000
    assert sizes["editor.js"] <= 7_000
