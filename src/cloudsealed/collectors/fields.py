"""The fields by which providers' connections differ, as bodies say them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from cloudsealed.kit.shapes import Component, FormError, Path, Text, Texts

_MOST_REGIONS = 50


@dataclass(frozen=True, slots=True)
class _Regions(Texts):
    """Some of the regions of providers."""

    fits: tuple[re.Pattern[str], ...] = ()

    def read(self, value: Any, at: Path) -> tuple[str, ...]:
        found = Texts.read(self, value, at)
        for region in found:
            if not any(each.fullmatch(region) for each in self.fits):
                raise FormError(at, f"names no region: {region}")
        return found


def regions(name: str, told: str, doc: str, example: str, *fits: re.Pattern[str]) -> Texts:
    """Return the shape of a list of regions, each of which fits one pattern of these; a document
    knows a region by a name, and is told a pattern."""
    region = Component(name, Text(longest=64, told=told, least=0), doc, (example,))
    return _Regions(region, most=_MOST_REGIONS, fits=fits)
