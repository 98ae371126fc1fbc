"""What an installation may give its reports: only files that show, and cannot reach, anything."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import pypdf
import pytest

from cloudsealed.reports.kinds import executive
from cloudsealed.reports.look import MOST_LOGO, PLAIN, Look, look_of
from cloudsealed.reports.model import Comparison
from cloudsealed.reports.render import render_pdf
from cloudsealed.settings import InvalidSettingError, Settings


def png(width: int = 40, height: int = 20) -> bytes:
    """Return a red picture as PNG."""
    rows = b"".join(b"\0" + bytes((200, 30, 60)) * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


def jpeg() -> bytes:
    """Return one grey point as a baseline JPEG (ITU T.81): every table has a single entry."""
    parts = (
        (0xDB, b"\0" + b"\x01" * 64),
        (0xC0, struct.pack(">BHHBBBB", 8, 1, 1, 1, 1, 0x11, 0)),
        *((0xC4, bytes((table, 1)) + b"\0" * 16) for table in (0x00, 0x10)),
        (0xDA, bytes((1, 1, 0, 0, 63, 0))),
    )
    segments = (struct.pack(">BBH", 0xFF, kind, len(data) + 2) + data for kind, data in parts)
    return b"\xff\xd8" + b"".join(segments) + b"\x3f" + b"\xff\xd9"


def test_a_look_is_what_the_settings_say(tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(png())
    settings = Settings.from_environment(
        {
            "CLOUDSEALED_REPORT_ORGANISATION": "Northwind",
            "CLOUDSEALED_REPORT_COLOUR": "#7A1FA2",
            "CLOUDSEALED_REPORT_LANGUAGE": "de",
            "CLOUDSEALED_REPORT_LOGO": str(tmp_path / "logo.png"),
            "CLOUDSEALED_PUBLIC_URL": "https://audit.example.com/",
        }
    )
    assert look_of(settings) == Look(
        "Northwind", "#7A1FA2", "de", png(), "https://audit.example.com"
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is not a whole PNG or JPEG file"),
        (png()[:-5], "is not a whole PNG or JPEG file"),
        (b"", "is not a whole PNG or JPEG file"),
        (png() + b"\0" * MOST_LOGO, "is larger than 256 KiB"),
        (None, "No such file or directory"),
    ],
)
def test_a_logo_that_cannot_be_shown_is_refused_at_the_start(
    content: bytes | None, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "logo"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidSettingError, match=r"^CLOUDSEALED_REPORT_LOGO=") as caught:
        look_of(Settings(report_logo=str(path)))
    assert reason in caught.value.message


@pytest.mark.parametrize("logo", [png(), jpeg()])
def test_a_report_shows_its_logo_and_says_what_it_is(logo: bytes, make_source: Any) -> None:
    look = Look(organisation="Northwind", logo=logo, colour="#7a1fa2")
    pdf = pypdf.PdfReader(io.BytesIO(render_pdf(document_in(look, make_source), look)))
    assert len(pdf.pages[0].images.keys()) == 1
    assert pdf.metadata is not None
    assert pdf.metadata.author == "Northwind"
    assert "Logo of Northwind" in alternatives(pdf)


def test_a_report_in_another_language_writes_words_days_and_numbers_of_it(
    make_source: Any, make_finding: Any, make_gap: Any
) -> None:
    look = Look(language="de")
    findings = [
        make_finding(n, monthly_savings={"amount": "617.25", "currency": "USD"}) for n in range(2)
    ]
    source = {"findings": findings, "gaps": [make_gap(verdicts=1_200)]}
    pdf = pypdf.PdfReader(io.BytesIO(render_pdf(document_in(look, make_source, **source), look)))
    text = " ".join(" ".join(page.extract_text().split()) for page in pdf.pages)
    root: Any = pdf.trailer["/Root"]
    assert root["/Lang"] == "de"
    for fact in (
        "Zusammenfassung für die Leitung",
        "20. November 2026",
        "97,4 %",
        "1.234,50 USD",
        "weil s3:GetBucketPolicy verweigert ist; 1.200 Urteile sind unbekannt.",
        "Seite 1 von",
    ):
        assert fact in text


@pytest.mark.parametrize("language", ["en", "de", "es", "fr"])
def test_a_chart_says_in_words_what_it_shows(language: str, make_source: Any) -> None:
    look = Look(language=language)
    audit = make_source().audit
    before = {**audit, "finished_at": "2026-10-20T09:00:00.000Z"}
    document = document_in(look, make_source, history=[before, audit])
    told = alternatives(pypdf.PdfReader(io.BytesIO(render_pdf(document, look))))
    assert len([text for text in told if "2026-10-20 61; 2026-11-20 61" in text]) == 1


def test_audits_of_one_day_are_told_apart_by_their_times(make_source: Any) -> None:
    audit = make_source().audit
    earlier = {**audit, "finished_at": "2026-11-20T08:05:44.823Z"}
    since = Comparison(earlier, clock=earlier["finished_at"])
    document = document_in(PLAIN, make_source, history=[earlier, audit], since=since)
    pdf = pypdf.PdfReader(io.BytesIO(render_pdf(document)))
    text = " ".join(" ".join(page.extract_text() for page in pdf.pages).split())
    for fact in ("audit of 20 November 2026 08:05 UTC", "08:05 09:12"):
        assert fact in text
    assert any("2026-11-20 08:05 61; 2026-11-20 09:12 61" in told for told in alternatives(pdf))


def test_audits_of_one_minute_are_told_apart_by_their_seconds(make_source: Any) -> None:
    audit = make_source().audit
    earlier = {**audit, "finished_at": "2026-11-20T09:12:05.000Z"}
    since = Comparison(earlier, clock=earlier["finished_at"])
    document = document_in(PLAIN, make_source, history=[earlier, audit], since=since)
    pdf = pypdf.PdfReader(io.BytesIO(render_pdf(document)))
    text = " ".join(" ".join(page.extract_text() for page in pdf.pages).split())
    for fact in ("audit of 20 November 2026 09:12:05 UTC", "09:12:05 09:12:44"):
        assert fact in text


def document_in(look: Look, make_source: Any, **given: Any) -> dict[str, Any]:
    document: dict[str, Any] = executive.build(make_source(look=look, **given)).document
    assert document["language"] == look.language
    return document


def alternatives(pdf: pypdf.PdfReader) -> list[str]:
    """Return the alternative texts of a tagged file."""
    found = []
    for number in range(1, len(pdf.xref[0]) + sum(map(len, pdf.xref_objStm.values())) + 1):
        item = pdf.get_object(number)
        if isinstance(item, pypdf.generic.DictionaryObject) and "/Alt" in item:
            found.append(str(item["/Alt"]))
    return found
