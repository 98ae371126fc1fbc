"""The page of findings: all of it in one file, nothing of it obeyed."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from tests.reports.conftest import HOSTILE, Json
from tests.reports.test_sarif import found

from cloudsealed.reports import page as module
from cloudsealed.reports.page import Shown, page

AUDIT: Json = {
    "id": "aud_01JD0000000000000000000000",
    "finished_at": "2026-11-20T09:12:44.823Z",
    "coverage": 1.0,
    "resources": 3,
    "calls": {"ok": 9},
    "counts": {"fail": 2, "pass": 5},
    "verdict_digest": "d" * 64,
    "accounts": [{"account": "123456789012", "regions": ["eu-west-1"]}],
    "dimensions": {
        "security": {
            "score": 61,
            "pass": 5,
            "unknown": 1,
            "severities": {"critical": 2, "high": 0, "medium": 0, "low": 0, "info": 0},
        },
        "cost": {
            "score": None,
            "pass": 0,
            "unknown": 0,
            "severities": {"critical": 0, "high": 0, "medium": 0, "low": 0, "info": 0},
        },
    },
}


class Read(HTMLParser):
    """What a browser makes of a page: its elements with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def html_of(*findings: Json, policies: Json | None = None, **given: Any) -> str:
    audit = {**AUDIT, **given.pop("audit", {})}
    coverage = {"gaps": [], **given.pop("coverage", {})}
    shown = Shown(audit, list(findings), policies or {}, coverage, "Acme", **given)
    return b"".join(page(shown)).decode()


def test_it_shows_each_finding_below_its_policy_with_what_cures_it() -> None:
    said = {"aws-ec2-sg-ssh-open": {"title": "SSH is open", "references": []}}
    read = Read(html_of(found(1), found(2, severity="low"), policies=said))
    [group] = [each for each in read.of("details") if each.get("class") == "policy"]
    assert group["data-d"] == "security"
    assert [each["data-s"] for each in read.of("li") if "data-s" in each] == ["critical", "low"]
    for text in ("SSH is open", "Allow SSH only from", "aws ec2 revoke", "0.0.0.0/0", "61"):
        assert text in read.text
    assert "2 findings: 2 open" in read.text


def test_the_severest_that_is_open_comes_first_then_what_was_accepted() -> None:
    triage = {"state": "accepted_risk", "note": "why", "expires_at": None}
    read = html_of(
        found(1, policy="many-low", severity="low"),
        found(2, policy="many-low", severity="low", name="b"),
        found(3, policy="one-high", severity="high"),
        found(4, policy="accepted", severity="critical", triage=triage),
    )
    order = [read.index(f"<code>{key}</code>") for key in ("one-high", "many-low", "accepted")]
    assert order == sorted(order)
    assert "accepted: why" in read


def test_commands_name_the_resources_and_say_of_how_many_they_are() -> None:
    remedy = {"summary": "Do it.", "cli": "aws ec2 delete-security-group --group-id <GROUP_ID>"}
    text = Read(html_of(*(found(n, name=f"sg-{n}", remediation=remedy) for n in range(5)))).text
    for number in range(3):
        assert f"--group-id sg-{number} --region eu-west-1" in text
    assert "<GROUP_ID>" not in text
    assert "the commands of the first 3" in text
    assert "This deletes, cuts off or writes over something" in text


def test_what_a_classification_raised_comes_after_what_is_as_severe_by_itself() -> None:
    raised = [found(n, policy="a-subnets", base_severity="medium") for n in range(5)]
    html = html_of(*raised, found(9, policy="z-database", base_severity="critical"))
    assert html.index("<code>z-database</code>") < html.index("<code>a-subnets</code>")


def test_what_a_remediation_takes_away_stands_before_its_commands() -> None:
    careful = {"summary": "Close it.", "caution": "Cuts off.", "first": "aws one", "cli": "aws two"}
    html = html_of(found(remediation=careful))
    places = [html.index(part) for part in ("Close it", "Cuts off", "aws one", "aws two")]
    assert places == sorted(places)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_whatever_a_customer_wrote_is_text(hostile: str) -> None:
    mild = dict.fromkeys(("summary", "cli", "terraform"), "x")
    plain = Read(html_of(found(remediation=mild), policies={"aws-ec2-sg-ssh-open": {"title": "x"}}))
    read = Read(
        html_of(
            found(
                name=hostile,
                title=hostile,
                description=hostile,
                evidence=[{"path": hostile, "value": {hostile: hostile}}],
                remediation={"summary": hostile, "cli": hostile, "terraform": hostile},
            ),
            policies={"aws-ec2-sg-ssh-open": {"title": hostile}},
        )
    )
    assert [tag for tag, _ in read.elements] == [tag for tag, _ in plain.elements]
    assert "\u202e" not in read.text
    assert "\x07" not in read.text


def test_a_reference_is_a_link_only_if_it_leads_to_a_site() -> None:
    references = ["https://example.com/a", "javascript:alert(1)", "A book"]
    read = Read(html_of(found(), policies={"aws-ec2-sg-ssh-open": {"references": references}}))
    links = [each["href"] for each in read.of("a")]
    assert links == ["#findings", "https://example.com/a"]


def test_it_loads_nothing_and_runs_only_its_own_script() -> None:
    html = html_of(found())
    read = Read(html)
    assert not [1 for tag, _ in read.elements if tag in ("link", "img", "iframe", "object", "base")]
    assert not [1 for _, each in read.elements if {"src", "style", "onclick"} & each.keys()]
    assert "@import" not in html
    assert "url(" not in html
    [policy] = [
        each["content"] or ""
        for each in read.of("meta")
        if each.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none';")
    for tag in ("style", "script"):
        [text] = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_it_says_what_was_not_read() -> None:
    gap = {"service": "s3", "operation": "ListBuckets", "outcome": "denied", "places": ["1/global"]}
    read = Read(html_of(audit={"coverage": 0.29}, coverage={"gaps": [gap]}))
    assert "Only 29.0% could be read." in read.text
    assert "s3:ListBuckets" in read.text
    assert "could be read" not in Read(html_of()).text


def test_it_shows_the_controls_of_the_framework_that_it_is_about() -> None:
    control = {"id": "5.3", "title": "No SSH", "status": "not_assessed", "failing": 0}
    framework = {
        "title": "CIS",
        "version": "5.0",
        "counts": {"failing": 0, "not_assessed": 1},
        "controls": [control],
    }
    read = Read(html_of(framework=framework))
    for text in ("CIS 5.0", "1 not assessed", "No SSH"):
        assert text in read.text


def test_of_too_many_findings_it_has_the_worst_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 1)
    read = Read(html_of(found(1, severity="low"), found(2)))
    assert [each["data-s"] for each in read.of("li") if "data-s" in each] == ["critical"]
    assert "1 more are in the other formats" in read.text


def test_the_same_audit_gives_the_same_page() -> None:
    assert html_of(found(1), found(2)) == html_of(found(2), found(1))
