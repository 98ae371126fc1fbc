"""The tokens of `cloudsealed login`, one a server, in a file that only its owner can read.

A token is sent to the server that gave it and to no other. One process at a time renews it: a
refresh token is good once.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from cloudsealed.cli.exchange import RefusedError, ServerError, post
from cloudsealed.kit.clock import utc_now

_EARLY = 60  # seconds before its end in which a token is renewed
_FILE, _FOLDER = 0o600, 0o700


class LoginFileError(ServerError):
    """The file of logins cannot be used."""

    code = "login_file"


def path() -> Path:
    """Return where the logins are: in the user's configuration (XDG)."""
    home = os.environ.get("XDG_CONFIG_HOME", "")
    base = Path(home) if home.startswith("/") else Path.home() / ".config"
    return base / "cloudsealed" / "logins.json"


def token(url: str) -> str | None:
    """Return a token that is good at a server, renewed when it is about to end; None without one.

    Raises ServerError when it cannot be renewed.
    """
    login = _read().get(url)
    if login is None:
        return None
    if login["ends"] - _EARLY > utc_now().timestamp():
        return str(login["access_token"])
    with _alone() as logins:
        login = logins.get(url)  # another process may have renewed it meanwhile
        if login is None:
            return None
        if login["ends"] - _EARLY <= utc_now().timestamp():
            login = logins[url] = _renewed(url, login)
            _write(logins)
    return str(login["access_token"])


def knows(url: str) -> bool:
    """Say whether there is a login at a server, good or over; raises LoginFileError."""
    return url in _read()


def keep(url: str, given: dict[str, Any]) -> None:
    """Keep what a server gave, in place of what it gave before."""
    with _alone() as logins:
        logins[url] = _login(given)
        _write(logins)


def forget(url: str) -> str | None:
    """Drop a server's login; return its refresh token, by which it is ended there."""
    with _alone() as logins:
        login = logins.pop(url, None)
        if login is None:
            return None
        _write(logins)
    return str(login["refresh_token"])


def _login(given: dict[str, Any]) -> dict[str, Any]:
    try:
        return {
            "access_token": str(given["access_token"]),
            "refresh_token": str(given["refresh_token"]),
            "ends": utc_now().timestamp() + float(given["expires_in"]),
        }
    except (KeyError, TypeError, ValueError) as error:
        raise ServerError("What the server gave is no token of CloudSealed") from error


def _renewed(url: str, login: dict[str, Any]) -> dict[str, Any]:
    try:
        given = post(
            url, "/oauth/token", grant_type="refresh_token", refresh_token=login["refresh_token"]
        )
    except RefusedError as error:
        raise ServerError(f"The login at {url} is over: run `cloudsealed login`") from error
    return _login(given)


def _read() -> dict[str, Any]:
    file = path()
    try:
        if file.stat().st_mode & 0o077:
            raise LoginFileError(f"{file} can be read by others: run `chmod 600 {file}`")
        found = json.loads(file.read_text())
        return {str(url): _checked(login) for url, login in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise LoginFileError(f"{file} is no file of logins: remove it, and log in") from error


def _checked(login: dict[str, Any]) -> dict[str, Any]:
    return {
        "access_token": str(login["access_token"]),
        "refresh_token": str(login["refresh_token"]),
        "ends": float(login["ends"]),
    }


@contextmanager
def _alone() -> Iterator[dict[str, Any]]:
    """Read the logins while no other process changes them."""
    folder = path().parent
    folder.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
    lock = os.open(folder / "logins.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _FILE)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield _read()
    finally:
        os.close(lock)


def _write(logins: dict[str, Any]) -> None:
    file = path()
    with NamedTemporaryFile("w", dir=file.parent, prefix=".logins-", delete=False) as made:
        temporary = Path(made.name)  # 0600 from its first byte
        try:
            json.dump(logins, made)
            made.flush()
            os.fsync(made.fileno())
            temporary.replace(file)
        except BaseException:
            with suppress(FileNotFoundError):
                temporary.unlink()
            raise
