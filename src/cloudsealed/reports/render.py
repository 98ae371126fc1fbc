"""Documents as PDF/UA-1 and PDF/A-2a, set by Typst in a process with bounded memory and time.

The document reaches the template as JSON, as values and never as markup: nothing that a customer
wrote is parsed as Typst. The same document gives the same bytes: fonts come from a package
of their own, and the date is the audit's. It refuses the network and the host's fonts.
"""

from __future__ import annotations

from cloudsealed.kit.confined import ConfinedError, run_confined
from cloudsealed.reports.glyphs import showable
from cloudsealed.reports.language import catalogue
from cloudsealed.reports.look import PLAIN, Look
from cloudsealed.reports.model import Document

SECONDS = 120
MEMORY = 2 << 30
"""Address space of the process in bytes; a plan of 50,000 findings took a tenth."""

_PROGRAM = "cloudsealed.reports.typeset"
_THREADS = "2"


class RenderError(Exception):
    """The PDF could not be made; its text is for people and holds nothing of the document."""


def render_pdf(
    document: Document, look: Look = PLAIN, *, seconds: float = SECONDS, memory: int = MEMORY
) -> bytes:
    """Return the PDF of a report's document; raises RenderError.

    `seconds` and `memory` bound it as `kit.confined` has them.
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
        pdf = run_confined(_PROGRAM, order, seconds=seconds, memory=memory, environment=threads)
    except ConfinedError as error:
        raise RenderError(f"The PDF could not be made {error}") from error
    if not pdf.startswith(b"%PDF-"):
        raise RenderError("The PDF could not be made")
    return pdf
