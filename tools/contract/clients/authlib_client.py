"""The code flow by Authlib's client. Arguments: issuer, client id, secret, redirect URI.

Prints the authorization URL, reads the callback's URL, prints what it got.
"""

from __future__ import annotations

import json
import sys

import httpx
from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.httpx_client import OAuth2Client


def main(issuer: str, client_id: str, secret: str, redirect_uri: str) -> None:
    """Go through the flow."""
    verifier = generate_token(48)
    where = f"{issuer}/.well-known/oauth-authorization-server"
    metadata = httpx.get(where, trust_env=False).json()
    with OAuth2Client(
        client_id,
        secret,
        scope="findings:read",
        redirect_uri=redirect_uri,
        code_challenge_method="S256",
        trust_env=False,
    ) as client:
        url, state = client.create_authorization_url(
            metadata["authorization_endpoint"], code_verifier=verifier
        )
        print(url, flush=True)
        callback = sys.stdin.readline().strip()
        given = {"authorization_response": callback, "code_verifier": verifier, "state": state}
        first = client.fetch_token(metadata["token_endpoint"], **given)
        client.refresh_token(metadata["token_endpoint"], refresh_token=first["refresh_token"])
        me = client.get(f"{issuer}/v1/me").status_code
        client.revoke_token(metadata["revocation_endpoint"], token=client.token["refresh_token"])
        refused = None
        try:
            client.fetch_token(metadata["token_endpoint"], **given)
        except OAuthError as error:
            refused = error.error
    print(json.dumps({"scope": first["scope"], "me": me, "refused": refused}))


main(*sys.argv[1:])
