"""`cloudsealed token check` and `cloudsealed tenant create`."""

from __future__ import annotations

import secrets
import sys

import typer

from cloudsealed.auth.credential import is_well_formed
from cloudsealed.cli.session import open_installation
from cloudsealed.cli.terminal import Terminal
from cloudsealed.vocabulary import Role

app = typer.Typer(help="Tokens, without a server.", no_args_is_help=True)
tenants = typer.Typer(help="Tenants of this installation.", no_args_is_help=True)


@app.callback()
def _tokens() -> None:
    """Tokens, without a server."""


@app.command("check")
def check(
    token: str = typer.Argument("-", help="A token; - reads it from standard input."),
) -> None:
    """Say whether a token is well formed: its checksum tells a typo without any server."""
    text = sys.stdin.readline().strip() if token == "-" else token
    good = is_well_formed(text)
    Terminal().print("well formed" if good else "not a CloudSealed token: mistyped or cut short")
    raise typer.Exit(0 if good else 1)


@tenants.callback()
def _tenants() -> None:
    """Tenants of this installation."""


@tenants.command("create")
def create(name: str, admin: str = typer.Option(..., help="E-mail of its first admin.")) -> None:
    """Add a tenant with its first admin; print the admin's password once."""
    installation = open_installation(create=True)
    tenant = installation.tenants.create(name=name)
    installation.policies.synchronize(tenant=tenant.id)
    password = secrets.token_urlsafe(18)
    installation.users.create(
        tenant=tenant.id, email=admin, name=admin, role=Role.ADMIN, password=password
    )
    console = Terminal()
    console.print(f"Tenant    {name} ({tenant.id})")
    console.print(f"Admin     {admin}")
    console.print(f"Password  {password}")
