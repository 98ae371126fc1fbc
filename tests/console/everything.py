"""A tenant that has one of everything, each with the worst name that its way in lets through; and
the pages of the console, each with a real object in its address."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from tests.audits.world import ACCOUNT
from tests.auth.oauth.party import CALLBACK, Site, serving
from tests.console.audited import CONNECTION, KEY, Audited, audited
from tests.console.judged import add_report

from cloudsealed import working
from cloudsealed.auth.model import Scope
from cloudsealed.console import account, credentials
from cloudsealed.console.views import VIEWS
from cloudsealed.storage import objects
from cloudsealed.testing.factories import add_findings, add_resources, make_finding, make_resource
from cloudsealed.vocabulary import Role, Severity

MARK = "alert(1)"
NASTY = (
    f"<img src=x onerror={MARK}><script>{MARK}</script>\"'>&amp; {{{{ 7*7 }}}} ${{x}} `x`"
    " \U0001f469\u200d\U0001f52c \u202etxt.exe \u2067\u200f"
)
"""Markup, what templates and shells take for theirs, an emoji of several, and a direction that is
overridden and never ended."""

LONGEST = 10_000
PARTS = ("/policies/check",)
"""What a script puts into a page, which is no page by itself."""

CONTROL = ("cis-aws-5.0", "1.4")
ROLE = f"arn:aws:iam::{ACCOUNT}:role/{'w' * 60}"
PAPER = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def nasty(length: int = LONGEST) -> str:
    """Return a text of so many characters that breaks what takes it for its own."""
    return (NASTY + "W" * length)[:length]


@dataclass
class Everything:
    """A tenant, and its objects by the path below which their pages are."""

    site: Site
    audited: Audited
    named: Mapping[str, str]

    def address(self, path: str) -> str:
        """Return a page's address: what its path leaves open is one of this tenant's objects.

        A page of a noun that has none here fails, so that it is added to what the tenant has.
        """
        below, held, _ = path.partition("/{id}")
        if not held:
            return path
        found = path.replace("{id}", self.named[below]).replace("{control}", CONTROL[1])
        assert "{" not in found, f"what is this page of: {path}"
        return found

    def pages(self) -> dict[str, str]:
        """Return the addresses of all pages of who is logged in, by path."""
        paths = [view.path for view in VIEWS if view.path not in PARTS]
        paths += [page.path for page in (*account.PAGES, *credentials.PAGES) if page.show]
        return {path: self.address(path) for path in paths}

    def begun(self) -> list[str]:
        """Return the addresses of the pages that a tenant has that has nothing."""
        return [address for path, address in self.pages().items() if "{" not in path]

    def states(self) -> list[str]:
        """Return the addresses of pages in states that another address has than the plain one."""
        one = self.named
        audit, resource = one["/audits"], one["/resources"]
        first, last = self.audited.idents[0], self.audited.idents[-1]
        return [
            "/findings?status=open&sort=-severity&column=policy&column=last_seen&column=status",
            "/findings?group=policy",
            "/findings?search=nothing+has+this",
            "/findings?severity=urgent",
            "/resources?tag_key=env",
            f"/resources/{resource}?find=W",
            f"/resources/{one['seen']}",
            f"/resources/{one['seen']}/history?from={first}&to={last}",
            f"/findings/{one['told']}",
            f"/audits/{one['failed']}",
            f"/audits/{one['queued']}",
            f"/audits/{audit}/compare?with={first}",
            "/policies?kind=classification",
            "/policies/new?kind=classification",
            f"/policies/new?like={one['/policies']}",
            f"/policies/{one['classification']}",
            f"/policies/what-counts?policy={KEY}",
            f"/frameworks/{CONTROL[0]}?status=failing",
            f"/users/{one['service']}",
            "/search?q=queue",
            "/search?q=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E",
            "/nowhere",
        ]


@contextmanager
def inhabited(folder: Path) -> Iterator[Everything]:
    """Serve an installation in a folder that has a tenant with one of everything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # no server is asked who we are
        with serving(folder) as site:
            found = audited(site)
            with found.site.http() as http:
                named = dict(_made(found.site, found, http))
            yield Everything(found.site, found, named)


def _made(own: Site, found: Audited, http: httpx.Client) -> Iterator[tuple[str, str]]:
    policy = _sent(http, "PATCH", f"/v1/policies/{KEY}", **_told())["id"]
    yield "/policies", policy
    yield "classification", _sent(http, "POST", "/v1/policies", **_classification())["id"]
    _sent(http, "PATCH", f"/v1/connections/{CONNECTION}", name=nasty(99))
    account = {"provider": "aws", "method": "assume_role", "role_arn": ROLE}
    yield "/connections", _sent(http, "POST", "/v1/connections", name=nasty(100), **account)["id"]
    found.cloud.tags = {"env": nasty(256), nasty(128): nasty(256), "owner": nasty(256)}
    found.cloud.queues["bad"] = {"A": "bad", "Note": nasty(), nasty(): [nasty(), {"x": nasty()}]}
    audit = found.audit()
    yield "/audits", audit
    yield from _audits(found)
    yield from _from_cloud(own, http, policy, audit)
    yield "/reports", add_report(own, audit, {"pdf": PAPER, "json": b"{}"})
    scope = {"services": ["sqs"], "regions": ["eu-west-1"]}
    planned = {"connection_ids": [CONNECTION], "scope": scope}
    made = _sent(http, "POST", "/v1/schedules", name=nasty(100), cron="0 6 * * *", audit=planned)
    yield "/schedules", made["id"]
    yield from _people(http)
    trial = _sent(http, "POST", "/v1/policies/simulate", policy=KEY, audit_ids=[audit])
    worker = working.worker(own.services)
    while worker.run_once("simulation"):
        pass
    yield "/policies/simulations", trial["id"]
    yield "/policies/types", "aws.sqs.queue"
    yield "/frameworks", CONTROL[0]


def _sent(http: httpx.Client, method: str, path: str, /, **body: Any) -> dict[str, Any]:
    answer = http.request(method, path, json=body)
    assert answer.is_success, (path, answer.text)
    told: dict[str, Any] = answer.json()
    return told


def _told() -> dict[str, Any]:
    framework, control = CONTROL
    mending = {name: nasty(4_000) for name in ("summary", "caution", "first", "cli", "terraform")}
    return {
        "title": nasty(200),
        "description": nasty(4_000),
        "message": "{resource.Attributes.A} " + re.sub(r"[{}]", "", nasty(900)),
        "remediation": {**mending, "effort": "low"},
        "references": [nasty(1_000)],
        "controls": [{"framework": framework, "control": control}],
    }


def _classification() -> dict[str, Any]:
    return {
        "kind": "classification",
        "key": "prod",
        "title": nasty(200),
        "when": "tag(resource, 'env') == 'prod'",
        "set": {"severity": "critical"},
        "reason": nasty(1_000),
    }


def _audits(found: Audited) -> Iterator[tuple[str, str]]:
    """An audit that failed and one that waits: a provider says why, at any length."""
    failed = found.begun()
    error = orjson.dumps({"code": "cloud_access_denied", "message": nasty()}).decode()
    found.set(failed, status="failed", finished_at="2026-01-01T09:00:00.000Z", error=error)
    yield "failed", failed
    yield "queued", found.begun()


def _from_cloud(
    own: Site, http: httpx.Client, policy: str, audit: str
) -> Iterator[tuple[str, str]]:
    """What the provider names: nothing bounds it."""
    told = http.get("/v1/findings", params={"status": "open"}).json()["data"][0]
    yield "told", told["id"]
    yield "seen", told["resource"]["id"]
    database, tenant = own.services.database, own.tenant_id
    document = {nasty(): nasty(), "Rules": [{"Who": nasty(), "Port": 22}]}
    with database.write() as connection:
        held = objects.put(connection, tenant, orjson.dumps({"document": document}), "2026-01")
    relations = {"vpc": [nasty(2_000)]}
    tags = {nasty(): nasty(), "env": nasty()}
    through = {"connection_id": CONNECTION, "audit_id": audit}
    known = {"name": nasty(), "native_id": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{nasty()}"}
    vast = make_resource(**known, tags=tags, relations=relations, snapshot=held, **through)
    other = make_resource(name=nasty(), relations={"q": [vast.id]}, **through)
    add_resources(database, tenant, vast, other)
    evidence = ({"path": nasty(), "value": nasty()}, {"path": "A", "value": {nasty(): nasty()}})
    named = {"policy_id": policy, "resource_id": vast.id, "name": nasty(), "title": nasty()}
    finding = make_finding(**named, evidence=evidence, severity=Severity.CRITICAL, **through)
    add_findings(database, tenant, finding)
    yield "/resources", vast.id
    yield "/findings", finding.id
    decided = {"state": "acknowledged", "note": nasty(4_000), "assignee": nasty(1_000)}
    _sent(http, "PATCH", f"/v1/findings/{finding.id}", triage=decided)


def _people(http: httpx.Client) -> Iterator[tuple[str, str]]:
    email = f"{'w' * 60}@{'w' * 60}.example.com"
    person = _sent(http, "POST", "/v1/users", email=email, name=nasty(200), role=Role.VIEWER)
    yield "/users", person["id"]
    service = _sent(http, "POST", "/v1/service_accounts", name=nasty(200), role=Role.VIEWER)["id"]
    yield "service", service
    for body in ({"user_id": service}, {}):
        _sent(http, "POST", "/v1/tokens", name=nasty(100), scopes=[Scope.FINDINGS_READ], **body)
    client = {"name": nasty(100), "user_id": service, "scopes": [Scope.FINDINGS_READ]}
    _sent(http, "POST", "/v1/oauth/clients", **client)
    app = {"name": nasty(100), "redirect_uris": [CALLBACK], "scopes": [Scope.FINDINGS_READ]}
    made = _sent(http, "POST", "/v1/oauth/apps", **app)
    yield "/account/apps", made["id"]
