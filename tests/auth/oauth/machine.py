"""Programs that act as service accounts: their keys, and what they send."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx
from joserfc import jws
from joserfc.jwk import ECKey, Key
from tests.auth.oauth.party import Site

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def service_account(site: Site, role: str = "viewer", name: str = "nightly") -> str:
    """Return the id of a new service account."""
    with site.http() as http:
        answer = http.post("/v1/service_accounts", json={"name": name, "role": role})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def registered(site: Site, account: str, **changes: Any) -> dict[str, Any]:
    """Register a client of an account; return what the API answers."""
    body = {"user_id": account, "name": "n", "scopes": ["findings:read"], **changes}
    with site.http() as http:
        answer = http.post("/v1/oauth/clients", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


@dataclass
class Machine:
    """A client that has a key."""

    site: Site
    client_id: str
    key: Key
    header: dict[str, Any] = field(default_factory=lambda: {"alg": "ES256"})

    def assertion(self, key: Key | None = None, **changes: Any) -> str:
        """Return a JWT by which it proves itself; a claim of None is left out."""
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": f"{self.site.url}/oauth/token",
            "exp": int(self.site.services.clock().timestamp()) + 60,
            "jti": str(uuid.uuid4()),
            **changes,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        signing = key or self.key
        allowed = [self.header["alg"]]
        return jws.serialize_compact(self.header, json.dumps(claims), signing, allowed)

    def ask(self, assertion: str | None = None, **fields: str | None) -> httpx.Response:
        """Ask for a token."""
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": TYPE,
            "client_assertion": assertion or self.assertion(),
            **fields,
        }
        return self.site.post("/oauth/token", **form)


def machine(site: Site, account: str | None = None, **changes: Any) -> Machine:
    """Return a registered client with a key."""
    key = ECKey.generate_key("P-256")
    jwks = {"keys": [key.as_dict(private=False)]}
    made = registered(site, account or service_account(site), jwks=jwks, **changes)
    assert made["client_secret"] is None
    return Machine(site, made["client_id"], key)
