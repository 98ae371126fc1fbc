"""Commands that speak to a server: `cloudsealed findings list`, `cloudsealed api GET /v1/…`.

The server is CLOUDSEALED_URL, the token CS_TOKEN or else that of `cloudsealed login`. Where nothing
names a server, the installation of this folder is read without one.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import typer
from rich.table import Table

from cloudsealed.cli import kept, local
from cloudsealed.cli.exchange import OPENER, TIMEOUT, ServerError
from cloudsealed.cli.terminal import Terminal

_COLUMNS = {
    "findings": ("id", "severity", "status", "dimension", "title"),
    "resources": ("id", "type", "account", "region", "name"),
    "audits": ("id", "kind", "status", "coverage", "created_at"),
    "policies": ("key", "dimension", "severity", "source", "enabled"),
    "reports": ("id", "kind", "status", "audit_id", "created_at"),
    "connections": ("id", "name", "provider", "account", "method"),
    "schedules": ("id", "name", "cron", "enabled", "next_run_at"),
}


def server_url() -> str:
    """Return the address of the server; raises ServerError when it is none."""
    base = os.environ.get("CLOUDSEALED_URL", "http://127.0.0.1:8000").rstrip("/")
    if not base.startswith(("http://", "https://")):
        raise ServerError("CLOUDSEALED_URL must begin with http:// or https://")
    return base


def _token(base: str) -> str:
    token = os.environ.get("CS_TOKEN") or kept.token(base)
    if not token:
        raise ServerError("There is no token: run `cloudsealed login`, or put one into CS_TOKEN")
    if not (token.isascii() and token.isprintable()):
        raise ServerError("CS_TOKEN holds what no token does: a line end, perhaps")
    return token


def request(method: str, path: str, body: str | None = None) -> Any:
    """Send a request; return the JSON of the answer, None for none. Raises ServerError."""
    if local.is_meant():
        return _here(method, path)
    base = server_url()
    headers = {"Authorization": f"Bearer {_token(base)}", "Accept": "application/json"}
    data = body.encode() if body is not None else None
    if data is not None:
        headers["Content-Type"] = "application/json"
    try:
        sent = urllib.request.Request(base + path, data=data, method=method, headers=headers)  # noqa: S310 - http(s) only
        with OPENER.open(sent, timeout=TIMEOUT) as response:
            text = response.read()
    except urllib.error.HTTPError as error:
        raise _refused(error) from error
    except urllib.error.URLError as error:
        raise ServerError(f"No answer from {base}: {error.reason}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ServerError(f"No answer from {base}: {error}") from error
    try:
        return json.loads(text) if text else None
    except ValueError as error:
        raise ServerError(f"What {base} answered is no JSON: is it CloudSealed?") from error


def _here(method: str, path: str) -> Any:
    """Return the JSON of what the installation of this folder answers; raises ServerError."""
    with local.client() as client:
        answer = client.request(method, path)
    if answer.is_error:
        error = answer.json()["error"]
        raise ServerError(f"{answer.status_code} {error['code']}: {error['message']}")
    return answer.json() if answer.content else None


def _refused(error: urllib.error.HTTPError) -> ServerError:
    try:
        found = json.load(error)["error"]
        return ServerError(
            f"{error.code} {found['code']}: {found['message']} ({found['request_id']})"
        )
    except (KeyError, TypeError, ValueError):
        return ServerError(f"{error.code} {error.reason}")


def api(
    method: str = typer.Argument(help="GET, POST, PATCH or DELETE."),
    path: str = typer.Argument(help="Path such as /v1/findings?limit=5."),
    data: str = typer.Option(
        None, "--data", "-d", help="JSON body; - reads it from standard input."
    ),
) -> None:
    """Send one request to the API and print the answer."""
    answer = request(method.upper(), path, sys.stdin.read() if data == "-" else data)
    if answer is not None:
        Terminal().document(answer)


def noun_app(noun: str) -> typer.Typer:
    """Return the commands `list` and `get` of a noun."""
    commands = typer.Typer(help=f"{noun.capitalize()} of a server.", no_args_is_help=True)

    @commands.command("list")
    def list_(
        filters: list[str] = typer.Argument(None, help="Filters such as severity=critical."),
        limit: int = typer.Option(50, min=1, max=200),
        as_json: bool = typer.Option(False, "--json"),
    ) -> None:
        """List one page; on a terminal as a table."""
        pairs = [(item.partition("=")[0], item.partition("=")[2]) for item in filters or []]
        query = urllib.parse.urlencode([*pairs, ("limit", str(limit))])
        page = request("GET", f"/v1/{noun}?{query}")
        if as_json or not sys.stdout.isatty():
            Terminal().document(page)
            return
        table = Table(*(name.replace("_", " ").capitalize() for name in _COLUMNS[noun]), box=None)
        for item in page["data"]:
            table.add_row(
                *("-" if item[name] is None else str(item[name]) for name in _COLUMNS[noun])
            )
        Terminal(wraps=True).print(table)

    @commands.command("get")
    def get(ident: str) -> None:
        """Print one object."""
        Terminal().document(request("GET", f"/v1/{noun}/{urllib.parse.quote(ident, safe='')}"))

    return commands


findings, resources, audits, policies, reports, connections, schedules = map(noun_app, _COLUMNS)
