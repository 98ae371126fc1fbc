"""Documents as PDF/UA-1 and PDF/A-2a, set by Typst in a process with bounded memory and time.

The document reaches the template as JSON, as values and never as markup: nothing that a customer
wrote is parsed as Typst. The same document gives the same bytes: fonts are the package's own, and
the date is the audit's. It refuses the network and the host's fonts.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.resources import as_file, files
from typing import Any

import orjson

from cloudsealed.kit.clock import parse_rfc3339
from cloudsealed.kit.confined import ConfinedError, run_confined, take_order
from cloudsealed.reports.glyphs import showable
from cloudsealed.reports.language import catalogue
from cloudsealed.reports.look import PLAIN, Look
from cloudsealed.reports.model import Document

SECONDS = 120
MEMORY = 2 << 30
"""Address space of the process in bytes; a plan of 50,000 findings took a tenth."""

_THREADS = "2"


class RenderError(Exception):
    """The PDF could not be made; its text is for people and holds nothing of the document."""


def render_pdf(
    document: Document, look: Look = PLAIN, *, seconds: float = SECONDS, memory: int = MEMORY
) -> bytes:
    """Return the PDF of a report's document; raises RenderError.

    `seconds` bounds the wall time, `memory` the address space in bytes.
    """
    order = {
        "kind": document["kind"],
        "date": document["audit"]["finished_at"],
        "document": showable(document),
        "look": {
            "colour": look.colour,
            "words": catalogue(document["language"]),
            "logo": list(look.logo) if look.logo is not None else None,  # Typst knows no base64
        },
    }
    threads = {"RAYON_NUM_THREADS": _THREADS}
    try:
        pdf = run_confined(__name__, order, seconds=seconds, memory=memory, environment=threads)
    except ConfinedError as error:
        raise RenderError(f"The PDF could not be made {error}") from error
    if not pdf.startswith(b"%PDF-"):
        raise RenderError("The PDF could not be made")
    return pdf


def _compile(order: Mapping[str, Any]) -> bytes:
    import typst  # only this process pays for the 84 MB of its library

    with as_file(files("cloudsealed.reports")) as folder:
        return typst.compile(
            folder / "templates" / f"{order['kind']}.typ",
            root=folder / "templates",
            font_paths=[folder / "fonts"],
            ignore_system_fonts=True,
            sys_inputs={name: orjson.dumps(order[name]).decode() for name in ("document", "look")},
            pdf_standards=["ua-1", "a-2a"],
            timestamp=parse_rfc3339(order["date"]).replace(
                microsecond=0
            ),  # Typst takes whole seconds
        )


def main() -> None:
    """Read an order as JSON from standard input, write the PDF to standard output."""
    sys.stdout.buffer.write(_compile(take_order()))


if __name__ == "__main__":
    main()
