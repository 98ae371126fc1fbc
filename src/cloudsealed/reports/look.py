"""How an installation's reports look: whose they are, their logo, colour and language.

A logo is a PNG or JPEG file. It refuses SVG, which can name other files and addresses.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cloudsealed.settings import InvalidSettingError, Settings

MOST_LOGO = 256 << 10
"""The greatest size of a logo in bytes."""

_FORMS = (
    (b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"),  # PNG (third edition), 5.2 and 11.2.5
    (b"\xff\xd8\xff", b"\xff\xd9"),  # JPEG (ITU T.81), B.1.1: from SOI to EOI
)
"""How a whole file of each form begins and ends."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is the same in every report of an installation. `colour` is #rrggbb, `logo` a file."""

    organisation: str = ""
    colour: str = "#1f4e8c"
    language: str = "en"
    logo: bytes | None = None
    public_url: str = "http://127.0.0.1:8000"


PLAIN = Look()
"""The look of an installation that sets none."""


def look_of(settings: Settings) -> Look:
    """Return the look that the settings ask for; raises InvalidSettingError for a bad logo."""
    return Look(
        organisation=settings.report_organisation,
        colour=settings.report_colour,
        language=settings.report_language,
        logo=_logo(Path(settings.report_logo)) if settings.report_logo else None,
        public_url=settings.address,
    )


def _logo(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_LOGO + 1)
    except OSError as error:
        raise _refused(f"{path}: {error.strerror}") from error
    if len(content) > MOST_LOGO:
        raise _refused(f"{path} is larger than {MOST_LOGO >> 10} KiB")
    if not any(content.startswith(first) and content.endswith(last) for first, last in _FORMS):
        raise _refused(f"{path} is not a whole PNG or JPEG file")
    return content


def _refused(reason: str) -> InvalidSettingError:
    return InvalidSettingError(f"CLOUDSEALED_REPORT_LOGO={reason}")
