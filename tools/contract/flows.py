"""Drives OAuth clients that others wrote through the whole flow against a served installation.

Each client is a small program in `clients/`: it prints where the user goes, reads where the
browser was sent back to, and prints what it got. The browser has no JavaScript: cookies and forms.
"""

from __future__ import annotations

import html
import json
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import ECKey
from serve import Served

CLIENTS = Path(__file__).parent / "clients"
MACHINES = Path(__file__).parent / "machines"
CALLBACK = "https://app.example.com/callback"
EXPECTED = {"scope": "findings:read", "me": 200, "refused": "invalid_grant"}
OF_MACHINES = {"secret": 200, "key": 200, "device": 200, "refused": "invalid_grant"}
SECONDS = 60


def goes_through(command: Sequence[str], here: Served) -> bool:
    """Say whether a client gets, uses, refreshes and revokes tokens, and is refused a used code."""
    app = _app(here)
    arguments = [here.url, app["client_id"], app["client_secret"], CALLBACK]
    return _answers([*command, *arguments], EXPECTED, lambda url: _allowed(here, url))


def needs_no_redirect(command: Sequence[str], here: Served) -> bool:
    """Say whether a client gets and uses tokens by a secret, by a key and as a device, once."""
    key = ec.generate_private_key(ec.SECP256R1())
    jwk = ECKey.import_key(key.public_key()).as_dict(private=False)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    account = _made(here, "/v1/service_accounts", {"name": "program", "role": "viewer"})["id"]
    body = {"user_id": account, "name": "program", "scopes": ["findings:read"]}
    first = _made(here, "/v1/oauth/clients", body)
    second = _made(here, "/v1/oauth/clients", {**body, "jwks": {"keys": [jwk]}})
    app = _app(here, confidential=False, device_flow=True)["client_id"]
    proofs = [first["client_id"], first["client_secret"], second["client_id"], pem, app]
    return _answers(
        [*command, here.url, *proofs], OF_MACHINES, lambda url: _allowed_device(here, url)
    )


def _answers(command: Sequence[str], wanted: dict[str, Any], visit: Callable[[str], str]) -> bool:
    """Run a client, visit the address that it prints, and say whether it ends as wanted."""
    with subprocess.Popen(
        command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as client:
        assert client.stdout is not None
        url = client.stdout.readline().strip()
        try:
            back = visit(url) if url else ""
            out, _ = client.communicate(f"{back}\n", timeout=SECONDS)
        except subprocess.TimeoutExpired:
            client.kill()
            out = ""
    found = json.loads(out) if out.strip() else None
    if found != wanted:
        print(f"contract: {command[1]}: {found} instead of {wanted}")
    return found == wanted


def _app(here: Served, **changes: bool) -> dict[str, str]:
    body = {"name": "Dash", "redirect_uris": [CALLBACK], "scopes": ["findings:read"]}
    return _made(here, "/v1/oauth/apps", {**body, **changes})


def _made(here: Served, path: str, body: dict[str, Any]) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {here.token}"}
    answer = httpx.post(here.url + path, json=body, headers=headers, trust_env=False)
    found: dict[str, str] = answer.raise_for_status().json()
    return found


def _allowed(here: Served, url: str) -> str:
    """Open an authorization URL, log in, press Allow; return where the browser is sent."""
    with httpx.Client(base_url=here.url, trust_env=False) as browser:
        page = _logged_in(browser, here, url)
        action = re.search(r'<form method="post" action="([^"]*)"', page.text)
        assert action is not None, page.text
        answer = browser.post(html.unescape(action[1]), data={**_hidden(page), "decision": "allow"})
        return answer.headers["location"]


def _allowed_device(here: Served, url: str) -> str:
    """Open a device's address with its code, log in, go on, press Allow."""
    code = parse_qs(urlsplit(url).query)["user_code"][0]
    with httpx.Client(base_url=here.url, trust_env=False) as browser:
        page = _logged_in(browser, here, url)
        consent = browser.post("/device", data={**_hidden(page), "user_code": code})
        browser.post("/device", data={**_hidden(consent), "decision": "allow"})
    return ""


def _logged_in(browser: httpx.Client, here: Served, url: str) -> httpx.Response:
    login = browser.get(url, follow_redirects=True)
    fields = {"email": here.email, "password": here.password}
    return browser.post("/login", data={**_hidden(login), **fields}, follow_redirects=True)


def _hidden(page: httpx.Response) -> dict[str, str]:
    found = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page.text)
    return {name: html.unescape(value) for name, value in found}
