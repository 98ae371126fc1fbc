"""What needs no redirect, by Authlib: client credentials by a secret and by a key, and a device.

Arguments: issuer, then id and secret of one client, id and private key (PEM) of another, and id of
a public app. Prints where the user answers the device, waits for a line, prints what it got.
"""

from __future__ import annotations

import json
import sys

import httpx
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc8628 import DEVICE_CODE_GRANT_TYPE
from joserfc.jwk import ECKey


def main(issuer: str, client_id: str, secret: str, key_id: str, key: str, app_id: str) -> None:
    """Go through all three."""
    where = f"{issuer}/.well-known/oauth-authorization-server"
    metadata = httpx.get(where, trust_env=False).json()
    token, scope = metadata["token_endpoint"], "findings:read"
    found: dict[str, object] = {}
    with OAuth2Client(client_id, secret, scope=scope, trust_env=False) as client:
        client.fetch_token(token, grant_type="client_credentials")
        found["secret"] = client.get(f"{issuer}/v1/findings").status_code
    with OAuth2Client(
        key_id,
        ECKey.import_key(key),
        scope=scope,
        trust_env=False,
        token_endpoint_auth_method="private_key_jwt",
    ) as client:
        client.register_client_auth_method(PrivateKeyJWT(token, alg="ES256"))
        client.fetch_token(token, grant_type="client_credentials")
        found["key"] = client.get(f"{issuer}/v1/findings").status_code
    with OAuth2Client(app_id, token_endpoint_auth_method="none", trust_env=False) as client:
        form = {"client_id": app_id, "scope": scope}
        where = metadata["device_authorization_endpoint"]
        asked = httpx.post(where, data=form, trust_env=False).json()
        print(asked["verification_uri_complete"], flush=True)
        sys.stdin.readline()
        given = {"grant_type": DEVICE_CODE_GRANT_TYPE, "device_code": asked["device_code"]}
        client.fetch_token(token, **given)
        found["device"] = client.get(f"{issuer}/v1/findings").status_code
        try:
            client.fetch_token(token, **given)
        except OAuthError as error:
            found["refused"] = error.error
    print(json.dumps(found))


main(*sys.argv[1:])
