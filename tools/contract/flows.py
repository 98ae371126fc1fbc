"""Drives OAuth clients that others wrote through the whole flow against a served installation.

Each client is a small program in `clients/`: it prints where the user goes, reads where the
browser was sent back to, and prints what it got. The browser has no JavaScript: cookies and forms.
"""

from __future__ import annotations

import html
import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import httpx
from serve import Served

CLIENTS = Path(__file__).parent / "clients"
CALLBACK = "https://app.example.com/callback"
EXPECTED = {"scope": "findings:read", "me": 200, "refused": "invalid_grant"}
SECONDS = 60


def goes_through(command: Sequence[str], here: Served) -> bool:
    """Say whether a client gets, uses, refreshes and revokes tokens, and is refused a used code."""
    app = _app(here)
    arguments = [here.url, app["client_id"], app["client_secret"], CALLBACK]
    with subprocess.Popen(
        [*command, *arguments], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as client:
        assert client.stdout is not None
        url = client.stdout.readline().strip()
        try:
            back = _allowed(here, url) if url else ""
            out, _ = client.communicate(f"{back}\n", timeout=SECONDS)
        except subprocess.TimeoutExpired:
            client.kill()
            out = ""
    found = json.loads(out) if out.strip() else None
    if found != EXPECTED:
        print(f"contract: {command[-1]}: {found} instead of {EXPECTED}")
    return found == EXPECTED


def _app(here: Served) -> dict[str, str]:
    body = {"name": "Dash", "redirect_uris": [CALLBACK], "scopes": ["findings:read"]}
    headers = {"Authorization": f"Bearer {here.token}"}
    answer = httpx.post(f"{here.url}/v1/oauth/apps", json=body, headers=headers, trust_env=False)
    found: dict[str, str] = answer.raise_for_status().json()
    return found


def _allowed(here: Served, url: str) -> str:
    """Open an authorization URL, log in, press Allow; return where the browser is sent."""
    with httpx.Client(base_url=here.url, trust_env=False) as browser:
        login = browser.get(url, follow_redirects=True)
        fields = {"email": here.email, "password": here.password}
        page = browser.post("/login", data={**_hidden(login), **fields}, follow_redirects=True)
        action = re.search(r'<form method="post" action="([^"]*)"', page.text)
        assert action is not None, page.text
        answer = browser.post(html.unescape(action[1]), data={**_hidden(page), "decision": "allow"})
        return answer.headers["location"]


def _hidden(page: httpx.Response) -> dict[str, str]:
    found = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page.text)
    return {name: html.unescape(value) for name, value in found}
