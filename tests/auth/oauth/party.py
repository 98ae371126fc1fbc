"""The parties of an OAuth flow: a server, a browser without JavaScript, curl."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import secrets
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from tests.migrated import with_tables
from tests.servers import free_port
from tests.waiting import SECONDS, until

from cloudsealed.api.server import Listen, server
from cloudsealed.auth.model import ALL_SCOPES
from cloudsealed.console import Console
from cloudsealed.kit.clock import Clock, utc_now
from cloudsealed.settings import Settings, parse_budget
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.vocabulary import Role
from cloudsealed.wiring import Services, build_services

PASSWORD = "correct horse battery"
CALLBACK = "https://app.example.com/callback"
_ROOMY = ("limit_anonymous", "limit_login", "limit_oauth")


@dataclass
class Site:
    """A running server with the pages."""

    services: Services
    url: str
    tenant_id: str = ""
    emails: dict[Role, str] = field(default_factory=dict)

    def tenant(self, name: str) -> Site:
        """Return the same server as another, new tenant sees it."""
        found = Site(self.services, self.url, self.services.tenants.create(name=name).id)
        found.person(Role.ADMIN)
        return found

    def person(self, role: Role) -> str:
        """Return the e-mail address of a user of the tenant who has a role."""
        if role not in self.emails:
            email = f"{role.value}-{secrets.token_hex(4)}@example.com"
            self.services.users.create(
                tenant=self.tenant_id, email=email, role=role, password=PASSWORD
            )
            self.emails[role] = email
        return self.emails[role]

    def http(self, token: str | None = None, role: Role = Role.ADMIN) -> httpx.Client:
        """Return a client with a token, by default one of a user with a role and every scope."""
        if token is None:
            user = self.services.logins.log_in(email=self.person(role), password=PASSWORD)
            assert user is not None
            token = self.services.tokens.issue(
                tenant=self.tenant_id, user_id=user.id, name="t", scopes=ALL_SCOPES
            ).text
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False)

    def app(self, **changes: Any) -> dict[str, Any]:
        """Register an app; return what the API answers."""
        body = {"name": "Dash", "redirect_uris": [CALLBACK], "scopes": ["findings:read"], **changes}
        with self.http() as http:
            answer = http.post("/v1/oauth/apps", json=body)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def post(self, path: str, auth: Any = None, **fields: str | None) -> httpx.Response:
        """Send a form, without what is None."""
        data = {k: v for k, v in fields.items() if v is not None}
        return httpx.post(self.url + path, data=data, auth=auth, trust_env=False)

    def redeem(self, app: dict[str, Any], code: str, **fields: str | None) -> httpx.Response:
        """Redeem a code as the app."""
        form = {**_proof(app), "grant_type": "authorization_code", "code": code, **fields}
        return self.post("/oauth/token", **form)

    def refresh(self, app: dict[str, Any], token: str, **fields: str | None) -> httpx.Response:
        """Refresh as the app."""
        form = {**_proof(app), "grant_type": "refresh_token", "refresh_token": token, **fields}
        return self.post("/oauth/token", **form)

    def granted(self, app: dict[str, Any], role: Role = Role.ADMIN) -> dict[str, Any]:
        """Return tokens that a user gave an app by the whole flow."""
        pkce = {} if app["client_secret"] else PKCE
        code = self.browser(role).code(app, **pkce)
        verifier = None if app["client_secret"] else VERIFIER
        answer = self.redeem(app, code, code_verifier=verifier)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def works(self, token: str) -> bool:
        """Say whether an access token is let in."""
        with self.http(token) as http:
            return http.get("/v1/me").status_code == 200

    def browser(self, role: Role | None = Role.ADMIN) -> Browser:
        """Return a browser, logged in as a user with a role, or not at all."""
        browser = Browser(self.url)
        if role is not None:
            assert browser.log_in(self.person(role)).status_code == 303
        return browser


def _proof(app: dict[str, Any]) -> dict[str, str]:
    found = {"client_id": app["client_id"]}
    return found | ({"client_secret": app["client_secret"]} if app["client_secret"] else {})


VERIFIER = secrets.token_urlsafe(48)
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=")
PKCE = {"code_challenge": CHALLENGE.decode(), "code_challenge_method": "S256"}


class Browser:
    """A browser without JavaScript: cookies and forms. It follows no redirect by itself."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, trust_env=False)

    def log_in(self, email: str, password: str = PASSWORD, goal: str = "") -> httpx.Response:
        """Fill in the login form."""
        page = self.http.get("/login" + (f"?{urlencode({'next': goal})}" if goal else ""))
        return self.submit(page, email=email, password=password)

    def submit(self, page: httpx.Response, **fields: str) -> httpx.Response:
        """Send the first form of what a page is about, with its hidden fields."""
        content = page.text[page.text.index("<main") :]
        action = re.search(r'<form method="post" action="([^"]*)"', content)
        assert action is not None, page.text
        return self.http.post(html.unescape(action[1]), data={**hidden(page), **fields})

    def authorize(self, app: dict[str, Any], **parameters: str) -> httpx.Response:
        """Open the authorization page of an app."""
        query = {"response_type": "code", "client_id": app["client_id"], **parameters}
        return self.http.get("/oauth/authorize", params=query)

    def decide(self, page: httpx.Response, decision: str = "allow") -> dict[str, str]:
        """Press a button of the consent page; return what the app gets."""
        assert page.status_code == 200, page.text
        answer = self.submit(page, decision=decision)
        assert answer.status_code == 303, answer.text
        return answered(answer)

    def code(self, app: dict[str, Any], **parameters: str) -> str:
        """Return a code that the user gave an app."""
        return self.decide(self.authorize(app, **parameters))["code"]


def hidden(page: httpx.Response) -> dict[str, str]:
    """Return the hidden fields of the first form of what a page is about."""
    content = page.text[page.text.index("<main") :]
    form = content[content.index("<form") :].partition("</form>")[0]
    found = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', form)
    return {name: html.unescape(value) for name, value in found}


def answered(response: httpx.Response) -> dict[str, str]:
    """Return the parameters that a redirect carries to the app, each there once."""
    query = parse_qs(urlsplit(response.headers["location"]).query, keep_blank_values=True)
    assert all(len(values) == 1 for values in query.values())
    return {name: values[0] for name, values in query.items()}


def curl(*arguments: str) -> tuple[int, dict[str, str], Any]:
    """Run curl; return status, headers and JSON."""
    out = subprocess.run(
        ["curl", "-sS", "-i", "--noproxy", "*", *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    ).stdout
    head, _, body = out.replace("\r\n", "\n").partition("\n\n")
    first, *lines = head.split("\n")
    headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
    return int(first.split()[1]), headers, json.loads(body) if body else None


@contextmanager
def serving(
    folder: Path, *, roomy: bool = True, path: str = "", clock: Clock = utc_now, **changes: Any
) -> Iterator[Site]:
    """Serve a new installation with its pages on a free port of the loopback, below `path`."""
    url = f"http://127.0.0.1:{free_port()}{path}"
    budgets = {name: parse_budget("100000/minute") for name in _ROOMY} if roomy else {}
    settings = Settings(**{"data_dir": folder, "public_url": url, **budgets, **changes})
    ensure_keys(settings.key_path)
    with_tables(settings)
    services = build_services(settings, clock=clock)
    running = server(services, Listen(port=urlsplit(url).port or 0), Console(services))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    until(lambda: running.started or not thread.is_alive(), "the server starts")
    assert thread.is_alive(), "the server ended"
    site = Site(services, url, services.tenants.create(name="Acme").id)
    site.person(Role.ADMIN)
    yield site
    running.should_exit = True
    thread.join(SECONDS)
    services.database.close()
