"""GET /v1/audits/{id}/bundle and /.well-known/cloudsealed-keys, over HTTP."""

from __future__ import annotations

from typing import Any

import httpx


def test_the_keys_of_seals_are_public_and_only_the_public_half(tenant: Any) -> None:
    answer = httpx.get(f"{tenant.url}/.well-known/cloudsealed-keys")
    assert answer.status_code == 200
    assert answer.headers["x-ratelimit-resource"] == "anonymous"
    [key] = answer.json()["keys"]
    assert (key["algorithm"], key["current"], len(key["key_id"])) == ("ed25519", True, 64)
    secret = tenant.services.keys.current("seal").secret
    assert secret.hex() not in answer.text
    assert len(key["public_key"]) == 44


def test_an_audit_without_a_seal_has_no_bundle(tenant: Any, completed: Any) -> None:
    answer = tenant.http.get(f"/v1/audits/{completed(tenant)}/bundle")
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "audit_not_finished"
    assert tenant.http.get("/v1/audits/aud_x/bundle").status_code == 404
    refused = tenant.http.get(
        f"/v1/audits/{completed(tenant)}/bundle", headers={"Accept": "text/html"}
    )
    assert refused.status_code == 406
