"""What the command line says to a server's OAuth endpoints: a form, answered by JSON."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Final

from cloudsealed.kit.errors import CloudSealedError

CLIENT_ID: Final = "cloudsealed-cli"
TIMEOUT: Final = 60


class ServerError(CloudSealedError):
    """The server refused a request, or is not there."""

    code = "server_error"
    status = 502


class RefusedError(ServerError):
    """An OAuth endpoint refused; `refusal` is its code (RFC 6749, section 5.2)."""

    def __init__(self, refusal: str, message: str) -> None:
        super().__init__(f"{refusal}: {message}")
        self.refusal = refusal


class _Stays(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: it would hand the token to whatever server the answer names."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


OPENER: Final = urllib.request.build_opener(_Stays)


def post(url: str, path: str, **fields: str) -> dict[str, Any]:
    """Send a form as the command line's own client; return the JSON of the answer.

    Raises RefusedError, and ServerError when what answers is none of ours.
    """
    data = urllib.parse.urlencode({"client_id": CLIENT_ID, **fields}).encode()
    sent = urllib.request.Request(url + path, data=data, method="POST")  # noqa: S310 - http(s) only
    try:
        with OPENER.open(sent, timeout=TIMEOUT) as response:
            text = response.read()
        found = json.loads(text) if text else {}
        if not isinstance(found, dict):
            raise ValueError("no object")
    except urllib.error.HTTPError as error:
        raise _refused(url, error) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ServerError(f"No answer from {url} that CloudSealed would give: {error}") from error
    return found


def _refused(url: str, error: urllib.error.HTTPError) -> ServerError:
    try:
        found = json.load(error)
        return RefusedError(str(found["error"]), str(found["error_description"]))
    except (KeyError, TypeError, ValueError, OSError):
        return ServerError(f"{url} answered {error.code} {error.reason}")
