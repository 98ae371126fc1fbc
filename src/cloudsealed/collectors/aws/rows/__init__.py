"""Every row of AWS: a module of this folder for each service, in the order of their names."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Final

from cloudsealed.collectors.model import Row

ROWS: Final[tuple[Row, ...]] = tuple(
    row
    for module in sorted(iter_modules(__path__, f"{__name__}."))
    for row in import_module(module.name).ROWS
)
