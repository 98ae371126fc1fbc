"""The code flow by httpx-oauth. Arguments: issuer, client id, secret, redirect URI.

Prints the authorization URL, reads the callback's URL, prints what it got.
"""

from __future__ import annotations

import asyncio
import json
import sys
from urllib.parse import parse_qs, urlsplit

import httpx
from httpx_oauth.oauth2 import GetAccessTokenError, OAuth2

VERIFIER = "v" * 43
CHALLENGE = "7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM"  # of 43 v, by RFC 7636, section 4.2


async def main(issuer: str, client_id: str, secret: str, redirect_uri: str) -> None:
    """Go through the flow."""
    endpoint = f"{issuer}/oauth"
    client = OAuth2(
        client_id,
        secret,
        f"{endpoint}/authorize",
        f"{endpoint}/token",
        refresh_token_endpoint=f"{endpoint}/token",
        revoke_token_endpoint=f"{endpoint}/revoke",
        token_endpoint_auth_method="client_secret_post",
        revocation_endpoint_auth_method="client_secret_post",
    )
    url = await client.get_authorization_url(
        redirect_uri,
        state="a state",
        scope=["findings:read"],
        code_challenge=CHALLENGE,
        code_challenge_method="S256",
    )
    print(url, flush=True)
    answer = parse_qs(urlsplit(sys.stdin.readline().strip()).query)
    assert answer["state"] == ["a state"]
    assert answer["iss"] == [issuer]
    (code,) = answer["code"]
    first = await client.get_access_token(code, redirect_uri, VERIFIER)
    second = await client.refresh_token(first["refresh_token"])
    async with httpx.AsyncClient(trust_env=False) as http:
        headers = {"Authorization": f"Bearer {second['access_token']}"}
        me = (await http.get(f"{issuer}/v1/me", headers=headers)).status_code
    await client.revoke_token(second["refresh_token"])
    refused = None
    try:
        await client.get_access_token(code, redirect_uri, VERIFIER)
    except GetAccessTokenError as error:
        refused = error.response.json()["error"]
    print(json.dumps({"scope": first["scope"], "me": me, "refused": refused}))


asyncio.run(main(*sys.argv[1:]))
