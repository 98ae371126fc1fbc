"""A tenant of a running site with findings in it, as the console's tests look at them."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import httpx
from tests.auth.oauth.party import Browser, Site
from tests.contract.conftest import POLICY, make_finding
from tests.waiting import until

from cloudsealed.findings import store as findings

HOSTILE = "<script>alert(1)</script>\"'&\u202etxt.exe\u202c \U0001f4a5 ${x} {{ 7*7 }}"
"""Markup, an override of direction, an emoji, and what templates and shells may take for theirs."""


def add_findings(site: Site, count: int, **changes: Any) -> list[str]:
    """Add findings of one policy on as many groups; return their ids, newest first."""
    with site.http() as http:
        listed = http.get("/v1/policies", params={"source": "custom"}).json()["data"]
        policy = listed[0] if listed else http.post("/v1/policies", json=POLICY).json()
    new = [make_finding(policy["id"], number, **changes) for number in range(count)]
    with site.services.database.write() as connection:
        findings.insert(connection, tenant=site.tenant_id, new=new)
    return [finding.id for finding in reversed(new)]


def settled(http: httpx.Client, address: str) -> httpx.Response:
    """Return a page once what it counts is counted: it does not wait for that itself."""
    found: list[httpx.Response] = []

    def is_counted() -> bool:
        found.append(http.get(address))
        return "data-pending" not in found[-1].text

    until(is_counted, "the facets are counted")
    return found[-1]


def linked(page: httpx.Response, below: str) -> list[str]:
    """Return the ids of the objects below a path that a page links to, in order, each once."""
    found = re.findall(rf'href="{below}/([a-z]+_[0-9A-Z]+)"', page.text)
    return list(dict.fromkeys(found))


def texts(page: httpx.Response) -> str:
    """Return what a page says, without its tags, each run of space as one."""
    plain = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", page.text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(plain)).strip()


def facets(page: httpx.Response, name: str) -> dict[str, int]:
    """Return the values of a facet, as a page shows them, with their counts."""
    found = {}
    for link in re.findall(rf'<\w+ [^>]*?id="facet-{name}-\d+".*?</li>', page.text, re.DOTALL):
        label, count = re.findall(r"<span.*?>([^<>]+)</(?:span|bdi)>", link)[-2:]
        found[html.unescape(label)] = int(count.replace(",", ""))
    return found


def sent(browser: Browser, path: str, **fields: Any) -> httpx.Response:
    """Send a form of a page, with that page's token."""
    page = browser.http.get(path)
    found = re.findall(r'name="csrf" value="(\w+)"', page.text[page.text.index("<main") :])
    return browser.http.post(path, data={"csrf": found[0] if found else "", **fields})


def insisted(site: Site, browser: Browser, path: str, **fields: Any) -> httpx.Response:
    """Send a form that the page does not show its visitor, with the token that it would have."""
    secret = browser.http.cookies["cloudsealed_session"]
    token = site.services.sessions.form_token(secret, path)
    return browser.http.post(path, data={"csrf": token, **fields})


def block(page: httpx.Response, ident: str) -> Any:
    """Return what a block to copy holds, as JSON."""
    found = re.search(rf'<code id="{ident}">(.*?)</code>', page.text, re.DOTALL)
    assert found is not None, page.text
    return json.loads(html.unescape(found[1]))
