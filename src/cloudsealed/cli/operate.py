"""Commands of the operator: init, migrate, permissions."""

from __future__ import annotations

import json
import secrets
from typing import Any

import typer

from cloudsealed.auth.model import Scope
from cloudsealed.cli.session import LOCAL, open_installation, settings
from cloudsealed.cli.terminal import Line, Terminal
from cloudsealed.collectors.asked import joined, left_out, rows_asked, shared
from cloudsealed.collectors.providers import provider_of
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.packs import load_policies
from cloudsealed.policies.needs import not_asked
from cloudsealed.storage import migrate as schema
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.ownership import require_own_keys
from cloudsealed.storage.private import data_folder
from cloudsealed.storage.revision import has_schema
from cloudsealed.vocabulary import FIRST_PROVIDER, PolicyKind, Provider, Role


class AlreadyInitializedError(CloudSealedError):
    """The installation has an admin: `init` would give away a second one."""

    code = "already_initialized"
    status = 409


def init(
    as_json: bool = typer.Option(False, "--json", help="Print what was made as JSON."),
    email: str = typer.Option("admin@localhost", help="E-mail of the first admin."),
    name: str = typer.Option("", help="Name of your organisation, the tenant, as reports show it."),
) -> None:
    """Make the data folder, its keys and the first admin; print their secrets once."""
    made = initialize(email, name)
    if as_json:
        Terminal().print(json.dumps(made))
        return
    console = Terminal()
    console.print(f"Tenant    {made['tenant']['name']} ({made['tenant']['id']})")
    console.print(f"Admin     {made['email']}")
    console.print(f"Password  {made['password']}")
    console.print(f"Token     {made['token']}")
    console.print(f"          every scope, until {made['token_expires_at']}")
    console.print(
        Line.assemble(("Both secrets are shown this once.", "yellow"), " Next: cloudsealed serve")
    )


def initialize(email: str, name: str = "") -> dict[str, Any]:
    """Make tenant, admin and a token that holds every scope; raises AlreadyInitializedError.

    With `name` the tenant is called so, also one that an audit made before.
    """
    installation = open_installation(create=True)
    if installation.users.has_admin():
        raise AlreadyInitializedError("This installation has an admin already")
    tenant = installation.tenants.ensure(name=name or LOCAL)
    if name:
        tenant = installation.tenants.rename(tenant=tenant.id, name=name)
    installation.policies.synchronize(tenant=tenant.id)
    password = secrets.token_urlsafe(18)
    user = installation.users.create(
        tenant=tenant.id, email=email, name="Admin", role=Role.ADMIN, password=password
    )
    token = installation.tokens.issue(
        tenant=tenant.id, user_id=user.id, name="init", scopes=frozenset(Scope)
    )
    return {
        "tenant": {"id": tenant.id, "name": tenant.name},
        "user_id": user.id,
        "email": user.email,
        "password": password,
        "token": token.text,
        "token_expires_at": token.token.expires_at,
        "scopes": sorted(scope.value for scope in Scope),
    }


def migrate() -> None:
    """Bring the database's schema to this version of the program."""
    found = settings()
    if has_schema(found):
        require_own_keys(found)
    else:
        data_folder(found.data_dir)
        ensure_keys(found.key_path)
    schema.migrate(found)
    schema.require_same_tables(found)
    Terminal().print("The schema is current")


def aws_permissions() -> None:
    """Print what `permissions aws` prints."""
    permissions(FIRST_PROVIDER, None)


def permissions(
    provider: Provider = typer.Argument(help="The cloud that is audited."),
    part: int | None = typer.Option(
        None, min=1, help="Print only the first, second … document, where it takes several."
    ),
) -> None:
    """Print the least that audits have to be permitted, as the provider takes it.

    That is for what ships and, where there is an installation, for the policies of its tenants.
    Where it is longer than the provider takes in one document, `--part` prints one after another.
    """
    found = settings()
    unread = [not_asked((PolicyKind.CHECK, spec.words) for spec in load_policies())]
    if found.key_path.exists():
        services = open_installation(create=False)
        tenants = services.tenants.all()
        unread += [services.policies.not_asked(tenant=tenant.id) for tenant in tenants]
        services.database.close()
    left = joined(shared(unread), left_out(found.calls_left_out))
    cloud = provider_of(provider)
    whole = cloud.permissions(rows_asked(cloud.rows, left))
    parts = cloud.parts(whole)
    if part is not None and part > len(parts):
        raise typer.BadParameter(f"There are {len(parts)} parts", param_hint="--part")
    if part is None and len(parts) > 1:
        message = f"It fills {len(parts)} documents: --part 1 to {len(parts)}"
        Terminal(stderr=True).print(message)
    Terminal().document(whole if part is None else parts[part - 1])
