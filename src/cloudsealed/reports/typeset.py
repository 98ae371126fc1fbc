"""Sets one document with Typst: the program that `render` runs in a process of its own.

It imports nothing of the product that it can do without, since each report pays for its start.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import typst

from cloudsealed.kit.confined import take_order
from cloudsealed.reports.glyphs import FONTS

HERE = Path(__file__).parent


def compiled(order: Mapping[str, Any]) -> bytes:
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


def main() -> None:
    """Read an order as JSON from standard input, write the PDF to standard output."""
    sys.stdout.buffer.write(compiled(take_order()))


if __name__ == "__main__":
    main()
