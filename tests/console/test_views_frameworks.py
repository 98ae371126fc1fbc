"""The pages of frameworks: every control stands there as the API says it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from tests.auth.oauth.party import Site, serving
from tests.console.estate import HOSTILE, linked, texts
from tests.console.judged import add_audit
from tests.console.test_pages import refused
from tests.contract.conftest import make_finding

from cloudsealed.findings import store as findings
from cloudsealed.policies.frameworks import STATUSES
from cloudsealed.vocabulary import Role

KEY = "cis-aws-5.0"
ONE = f"/frameworks/{KEY}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("frameworks")) as running:
        yield running


@pytest.fixture(scope="module")
def mine(site: Site) -> Site:
    """A tenant with one audit, and a finding of the control that fails in it."""
    found = site.tenant("Mine")
    add_audit(found)
    found.services.policies.synchronize(tenant=found.tenant_id)
    with found.http() as http:
        policy = http.get("/v1/policies/aws-iam-root-mfa-off").json()
    said = {"title": f"{HOSTILE} fails", "policy_version": policy["version"]}
    new = [make_finding(policy["id"], number, **said) for number in range(2)]
    with found.services.database.write() as connection:
        findings.insert(connection, tenant=found.tenant_id, new=new)
    return found


def rows(page: httpx.Response) -> dict[str, str]:
    """Return what a framework's page says of each control, by its id."""
    found = {}
    for row in re.findall(r"<tr>\s*<th scope=\"row\"><a .*?</tr>", page.text, re.DOTALL):
        plain = " ".join(re.sub(r"<[^>]+>", " ", row).split())
        found[plain.split()[0]] = plain
    return found


def test_every_control_stands_as_the_api_says(mine: Site) -> None:
    page = mine.browser(Role.VIEWER).http.get(ONE)
    with mine.http() as http:
        audit = http.get("/v1/audits").json()["data"][0]["id"]
        framework = http.get(f"/v1{ONE}", params={"audit": audit}).json()
    shown = rows(page)
    assert list(shown) == [control["id"] for control in framework["controls"]]
    for control in framework["controls"]:
        status = control["status"].replace("_", " ").capitalize()
        counts = [str(control[name]) for name in ("failing", "passing", "unknown")]
        assert control["title"] in page.text
        assert f" {status} {' '.join(counts)} " in f"{shown[control['id']]} ", control
    assert {"passing", "failing", "unknown"} < {each["status"] for each in framework["controls"]}
    said = texts(page)
    for status in STATUSES:
        label = status.replace("_", " ").capitalize()
        assert f"{label} {framework['counts'][status]}" in said


@pytest.mark.parametrize(
    ("query", "expected"),
    [("status=failing", {"1.4", "1.5"}), ("status=unknown&section=1", {"1.6"})],
)
def test_controls_are_filtered_by_the_address(mine: Site, query: str, expected: set[str]) -> None:
    assert rows(mine.browser().http.get(f"{ONE}?{query}")).keys() == expected


def test_a_control_shows_its_policies_and_the_findings_that_fail(mine: Site) -> None:
    page = mine.browser(Role.VIEWER).http.get(f"{ONE}/controls/1.4")
    with mine.http() as http:
        asked = {"framework": KEY, "control": "1.4", "status": "open", "sort": "-severity"}
        answer = http.get("/v1/findings", params=asked)
    assert answer.status_code == 200, answer.text
    listed = answer.json()["data"]
    assert linked(page, "/findings") == [each["id"] for each in listed]
    assert len(listed) == 2
    assert f'href="/findings?framework={KEY}&amp;control=1.4&amp;status=open' in page.text
    assert 'href="/policies/aws-iam-root-mfa-off"' in page.text
    assert "<script>alert" not in page.text
    assert "Make the evidence report" not in page.text, "a viewer makes no report"
    assert "Make the evidence report" in mine.browser(Role.AUDITOR).http.get(ONE).text


def test_what_no_policy_can_say_is_said_in_words(mine: Site) -> None:
    http = mine.browser().http
    assert "Only a person can judge" in http.get(f"{ONE}/controls/1.1").text
    unknown = http.get(f"{ONE}/controls/1.6").text
    assert re.search(r'href="/audits/aud_\w+">what the audit could not read', unknown)
    refused(http.get(f"{ONE}/controls/9.9"), "not_found", 404)
    refused(http.get("/frameworks/none"), "framework_not_found", 404)


def test_without_an_audit_nothing_is_claimed(site: Site) -> None:
    http = site.tenant("Empty").browser().http
    assert "No audit has ended yet" in http.get("/frameworks").text
    page = http.get(ONE)
    assert {"Manual", "Not assessed"} == {
        next(word for word in ("Manual", "Not assessed", "Passing") if word in row)
        for row in rows(page).values()
    }


def test_anothers_audit_is_not_there(site: Site, mine: Site) -> None:
    foreign = add_audit(site.tenant("Other"))
    own = add_audit(mine, {"aws-iam-root-access-key": {"fail": 3}})
    http = mine.browser().http
    for path in ("/frameworks", ONE, f"{ONE}/controls/1.4"):
        refused(http.get(f"{path}?audit={foreign}"), "audit_not_found", 404)
    assert "Failing 3 " in rows(http.get(f"{ONE}?audit={own}"))["1.3"]
