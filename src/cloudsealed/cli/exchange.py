"""How the command line reaches a server, and what it says to the server's OAuth endpoints."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from cloudsealed import __version__
from cloudsealed.kit.errors import CloudSealedError

if TYPE_CHECKING:
    import httpx

CLIENT_ID: Final = "cloudsealed-cli"
DEFAULT_URL: Final = "http://127.0.0.1:8000"
"""Where a server is, unless CLOUDSEALED_URL says otherwise."""
TIMEOUT: Final = 60
_CONNECT: Final = 10  # seconds
_HTTPS = "https://"


class ServerError(CloudSealedError):
    """The server refused a request, or is not there."""

    code = "server_error"
    status = 502


class RefusedError(ServerError):
    """An OAuth endpoint refused; `refusal` is its code (RFC 6749, section 5.2)."""

    def __init__(self, refusal: str, message: str) -> None:
        super().__init__(f"{refusal}: {message}")
        self.refusal = refusal


def client_of(url: str, headers: Mapping[str, str] | None = None) -> httpx.Client:
    """Return a client of a server, which trusts what this machine trusts (or SSL_CERT_FILE).

    It follows no redirect: that would hand the token to whatever server the answer names. Raises
    ServerError for an address, or a proxy's, that is none.
    """
    import httpx  # which is slow to import

    try:
        return httpx.Client(
            base_url=url,
            headers={"User-Agent": f"cloudsealed/{__version__}", **(headers or {})},
            timeout=httpx.Timeout(TIMEOUT, connect=_CONNECT),
            verify=_trust(url),
            follow_redirects=False,
        )
    except (httpx.InvalidURL, ValueError, ImportError) as error:
        raise ServerError(f"{url} cannot be reached: {error}") from error


def _trust(url: str) -> ssl.SSLContext:
    """Return what is trusted: nothing where no TLS is spoken, as reading all certificates takes
    longer than most requests."""
    from urllib.request import getproxies

    if any(each.startswith(_HTTPS) for each in (url, *getproxies().values())):
        return ssl.create_default_context()
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def no_answer(url: str, error: Exception) -> ServerError:
    """Return in words why a server gave no answer."""
    tls = next((each for each in _causes(error) if isinstance(each, ssl.SSLError)), None)
    if tls is not None:
        return ServerError(_tls(url, tls))
    why = str(error) or type(error).__name__
    hint = ""
    if not url.startswith(_HTTPS) and "disconnected" in why:
        hint = ". If it speaks TLS, its address begins with https://"
    if "Connection refused" in why:
        hint = ". Does `cloudsealed serve` run there? CLOUDSEALED_URL says where"
    return ServerError(f"No answer from {url}: {why}{hint}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _tls(url: str, error: ssl.SSLError) -> str:
    if not isinstance(error, ssl.SSLCertVerificationError):
        reason = (error.reason or str(error)).replace("_", " ").lower()
        return f"{url} does not speak TLS as it should ({reason}): is it http://, another port?"
    why = error.verify_message
    if "expired" in why or "not yet valid" in why:
        return f"The certificate of {url} is not valid today: {why}. Renew it, or set the clock"
    if "mismatch" in why:
        return f"The certificate of {url} is another server's: {why.partition(', ')[2] or why}"
    return (
        f"The certificate of {url} is by nobody whom this machine trusts: {why}. Put the"
        " certificate of who signed it into a file, and the file's path into SSL_CERT_FILE"
    )


def post(url: str, path: str, **fields: str) -> dict[str, Any]:
    """Send a form as the command line's own client; return the JSON of the answer.

    Raises RefusedError, and ServerError when what answers is none of ours.
    """
    import httpx

    try:
        with client_of(url) as client:
            response = client.post(path, data={"client_id": CLIENT_ID, **fields})
        if not response.is_success:
            raise _refused(url, response)
        found = response.json() if response.content else {}
        if not isinstance(found, dict):
            raise ValueError("no object")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise no_answer(url, error) from error
    except ValueError as error:
        raise ServerError(f"No answer from {url} that CloudSealed would give: {error}") from error
    return found


def _refused(url: str, response: httpx.Response) -> ServerError:
    try:
        found = response.json()
        return RefusedError(str(found["error"]), str(found["error_description"]))
    except (KeyError, TypeError, ValueError):
        return ServerError(f"{url} answered {response.status_code} {response.reason_phrase}")
