"""Role x scope x route against one declared table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import httpx
from tests.waiting import SECONDS

from cloudsealed.auth.model import Scope
from cloudsealed.vocabulary import Role

READ_BY_ALL = (
    "findings",
    "resources",
    "audits",
    "policies",
    "reports",
    "connections",
    "schedules",
    "views",
    "webhooks",
    "tokens",
    "apps",
)
EDITED = ("findings", "audits", "policies", "connections", "schedules", "webhooks")
VIEWER = {*(f"{noun}:read" for noun in READ_BY_ALL), "tokens:write", "views:write"}
AUDITOR = VIEWER | {"evidence:read", "users:read", "events:read", "reports:write"}
EDITOR = AUDITOR | {f"{noun}:write" for noun in EDITED}
POWER = {
    Role.VIEWER: VIEWER,
    Role.AUDITOR: AUDITOR,
    Role.EDITOR: EDITOR,
    Role.ADMIN: {scope.value for scope in Scope},
}
"""What each role can do, as the contract says it."""

NEEDS = {
    "/v1/findings": {"GET": "findings:read"},
    "/v1/findings/summary": {"GET": "findings:read"},
    "/v1/findings/export": {"GET": "findings:read"},
    "/v1/findings/bulk": {"POST": "findings:write"},
    "/v1/findings/{id}": {"GET": "findings:read", "PATCH": "findings:write"},
    "/v1/findings/{id}/history": {"GET": "findings:read"},
    "/v1/findings/{id}/triage_history": {"GET": "findings:read"},
    "/v1/findings/{id}/evidence": {"GET": "evidence:read"},
    "/v1/findings/{id}/explanation": {"GET": "evidence:read"},
    "/v1/findings/{id}/proof": {"GET": "evidence:read"},
    "/v1/resources": {"GET": "resources:read"},
    "/v1/resources/{id}": {"GET": "resources:read"},
    "/v1/resources/{id}/findings": {"GET": "findings:read"},
    "/v1/resources/summary": {"GET": "resources:read"},
    "/v1/resources/{id}/comparison": {"GET": "resources:read"},
    "/v1/resources/{id}/referrers": {"GET": "resources:read"},
    "/v1/resources/{id}/relations": {"GET": "resources:read"},
    "/v1/resources/{id}/history": {"GET": "resources:read"},
    "/v1/audits": {"GET": "audits:read", "POST": "audits:write"},
    "/v1/audits/{id}": {"GET": "audits:read", "DELETE": "audits:write"},
    "/v1/audits/{id}/reanalyze": {"POST": "audits:write"},
    "/v1/audits/{id}/cancel": {"POST": "audits:write"},
    "/v1/audits/{id}/resume": {"POST": "audits:write"},
    "/v1/audits/{id}/calls": {"GET": "evidence:read"},
    "/v1/audits/{id}/events": {"GET": "audits:read"},
    "/v1/audits/{id}/bundle": {"GET": "evidence:read"},
    "/v1/audits/{id}/coverage": {"GET": "audits:read"},
    "/v1/audits/{id}/seal": {"GET": "audits:read"},
    "/v1/policies": {"GET": "policies:read", "POST": "policies:write"},
    "/v1/policies/validate": {"POST": "policies:read"},
    "/v1/policies/explain": {"POST": "evidence:read"},
    "/v1/policies/summary": {"GET": "policies:read"},
    "/v1/policies/{id}/examples": {"GET": "policies:read"},
    "/v1/resource_types": {"GET": "policies:read"},
    "/v1/resource_types/{id}": {"GET": "policies:read"},
    "/v1/policies/{id}": {
        "GET": "policies:read",
        "PATCH": "policies:write",
        "DELETE": "policies:write",
    },
    "/v1/policies/simulate": {"POST": "policies:write"},
    "/v1/audits/{id}/cells": {"GET": "audits:read"},
    "/v1/simulations/{id}": {"GET": "findings:read"},
    "/v1/policies/{id}/versions": {"GET": "policies:read"},
    "/v1/reports": {"GET": "reports:read", "POST": "reports:write"},
    "/v1/reports/{id}": {"GET": "reports:read", "DELETE": "reports:write"},
    "/v1/reports/{id}/download": {"GET": "reports:read"},
    "/v1/connections": {"GET": "connections:read", "POST": "connections:write"},
    "/v1/connections/{id}": {
        "GET": "connections:read",
        "PATCH": "connections:write",
        "DELETE": "connections:write",
    },
    "/v1/connections/{id}/setup": {"GET": "connections:read"},
    "/v1/connections/{id}/test": {"POST": "connections:write"},
    "/v1/schedules": {"GET": "schedules:read", "POST": "schedules:write"},
    "/v1/schedules/{id}": {
        "GET": "schedules:read",
        "PATCH": "schedules:write",
        "DELETE": "schedules:write",
    },
    "/v1/schedules/{id}/run": {"POST": "schedules:write"},
    "/v1/views": {"GET": "views:read", "POST": "views:write"},
    "/v1/views/{id}": {"GET": "views:read", "PATCH": "views:write", "DELETE": "views:write"},
    "/v1/frameworks": {"GET": "policies:read"},
    "/v1/frameworks/{id}": {"GET": "policies:read"},
    "/v1/tokens": {"GET": "tokens:read", "POST": "tokens:write"},
    "/v1/tokens/{id}": {"GET": "tokens:read", "DELETE": "tokens:write"},
    "/v1/tokens/{id}/rotate": {"POST": "tokens:write"},
    "/v1/users": {"GET": "users:read", "POST": "users:write"},
    "/v1/users/{id}": {"GET": "users:read", "PATCH": "users:write", "DELETE": "users:write"},
    "/v1/users/{id}/invite": {"POST": "users:write"},
    "/v1/service_accounts": {"GET": "users:read", "POST": "users:write"},
    "/v1/events": {"GET": "events:read"},
    "/v1/events/export": {"GET": "events:read"},
    "/v1/me": {"GET": None},
    "/v1/errors": {"GET": None},
    "/v1/rate_limit": {"GET": None},
    "/v1/oauth/apps": {"GET": "apps:read", "POST": "apps:write"},
    "/v1/oauth/apps/{id}": {"GET": "apps:read", "PATCH": "apps:write", "DELETE": "apps:write"},
    "/v1/oauth/apps/{id}/installations": {"GET": "apps:read"},
    "/v1/oauth/apps/{id}/rotate": {"POST": "apps:write"},
    "/v1/oauth/clients": {"GET": "apps:read", "POST": "apps:write"},
    "/v1/oauth/clients/{id}": {"GET": "apps:read", "PATCH": "apps:write", "DELETE": "apps:write"},
    "/v1/oauth/clients/{id}/rotate": {"POST": "apps:write"},
    "/v1/oauth/grants": {"GET": "tokens:read"},
    "/v1/oauth/grants/{id}": {"GET": "tokens:read", "DELETE": "tokens:write"},
}
"""The scope that each route needs; None is any credential."""


def _implied(scope: str) -> set[str]:
    if scope == "admin":
        return {item.value for item in Scope}
    return {scope, scope.replace(":write", ":read")}


def test_the_served_routes_are_those_of_the_table(tenant: Any) -> None:
    document = httpx.get(f"{tenant.url}/openapi.json", trust_env=False).json()
    served = {
        path: {m.upper(): op["security"][1]["oauth"] for m, op in methods.items()}
        for path, methods in document["paths"].items()
    }
    declared = {
        path: {m: [scope] if scope else [] for m, scope in methods.items()}
        for path, methods in NEEDS.items()
    }
    assert served == declared


def test_every_role_with_every_scope_on_every_route(tenant: Any) -> None:
    wrong = []
    for role, power in POWER.items():
        for scope in Scope:
            able = _implied(scope.value) & power
            for method, path, status in _answers(tenant, tenant.token(scope, role=role)):
                needed = NEEDS[path][method]
                if (status == 403) == (needed is None or needed in able):
                    wrong.append((role, scope, method, path, status))
    assert not wrong


def _answers(tenant: Any, token: str) -> Iterator[tuple[str, str, int]]:
    """Yield method, path and status of every route, by a client that costs less than the answer."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with closing(HTTPConnection(urlsplit(tenant.url).netloc, timeout=SECONDS)) as http:
        for path, methods in NEEDS.items():
            for method in methods:
                http.request(method, path.replace("{id}", "nothing"), b"{}", headers)
                answer = http.getresponse()
                answer.read()
                yield method, path, answer.status


def test_a_method_override_overrides_nothing(tenant: Any) -> None:
    ident = tenant.add_findings(1)[0]
    headers = {"X-HTTP-Method-Override": "DELETE", "X-Method-Override": "DELETE"}
    assert tenant.http.get(f"/v1/findings/{ident}", headers=headers).status_code == 200
    weak = tenant.token(Scope.FINDINGS_READ)
    with tenant.client(weak) as http:
        for method, status in (("HEAD", 403), ("OPTIONS", 204)):
            assert http.request(method, "/v1/tokens", headers=headers).status_code == status
