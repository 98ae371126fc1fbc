"""Sets one document with Typst: the program that `render` runs in a process of its own.

It imports nothing of the product that it can do without, since each report pays for its start.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import typst

from cloudsealed.reports.glyphs import FONTS

HERE = Path(__file__).parent


def answer(order: Mapping[str, Any]) -> bytes:
    """Return the PDF of an order: `kind`, `date` (RFC 3339), `document` and `look`."""
    values = {name: orjson.dumps(order[name]).decode() for name in ("document", "look")}
    return typst.compile(
        HERE / "templates" / f"{order['kind']}.typ",
        root=HERE / "templates",
        font_paths=[FONTS],
        ignore_system_fonts=True,
        sys_inputs=values,
        pdf_standards=["ua-1", "a-2a"],
        # Typst takes whole seconds.
        timestamp=datetime.fromisoformat(order["date"]).replace(microsecond=0),
    )
