"""An auditor in a browser: from a control that fails to its evidence on paper, looked at there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.auth.oauth.party import PASSWORD, Site
from tests.console.judged import add_audit

from cloudsealed.kit.canonical import sha256
from cloudsealed.reports.model import ReportFormat
from cloudsealed.reports.store import ReportStore
from cloudsealed.vocabulary import ReportStatus, Role

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

NewContext = Callable[..., "BrowserContext"]
PAPER = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def made(site: Site, ident: str) -> None:
    """Make a report as a worker would."""
    store = ReportStore(site.services.database)
    report = store.get(tenant=site.tenant_id, ident=ident)
    file = ReportFormat("pdf", len(PAPER), sha256(PAPER))
    site.services.blobs.put(file.blob(ident), PAPER)
    ready = replace(
        report,
        status=ReportStatus.READY,
        formats=(file,),
        finished_at=report.created_at,
        expires_at="2999-01-01T00:00:00.000Z",
    )
    assert store.change(tenant=site.tenant_id, was=ReportStatus.QUEUED, report=ready)


def test_an_auditor_makes_a_report_watches_it_and_looks_at_it_in_the_page(
    site: Site, new_context: NewContext
) -> None:
    own = site.tenant("Audited")
    add_audit(own)
    page = new_context().new_page()
    told: list[str] = []
    page.on("pageerror", lambda error: told.append(str(error)))
    page.goto(f"{own.url}/login?next=/frameworks")
    page.get_by_label("E-mail address").fill(own.person(Role.AUDITOR))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.locator('a[href="/frameworks/cis-aws-5.0?status=failing"]').click()
    page.get_by_role("link", name="1.4 Protect the root user").click()
    page.get_by_role("link", name="Make the evidence report").click()
    page.get_by_role("heading", name="Make a report").wait_for()
    assert page.get_by_label("Compliance evidence").first.is_checked()
    page.get_by_role("button", name="Make it").click()
    page.get_by_role("heading", name="It is being made").wait_for()
    ident = page.url.rpartition("/")[2]
    with page.expect_response(lambda answer: answer.url.endswith(f"/reports/{ident}/pdf")) as got:
        made(own, ident)
    assert got.value.status == 200
    page.get_by_title("The report as PDF").wait_for()
    page.get_by_role("link", name="PDF", exact=False).first.wait_for()
    assert not told
