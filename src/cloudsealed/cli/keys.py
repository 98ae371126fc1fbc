"""`cloudsealed keys`: the key file of this installation, without a server."""

from __future__ import annotations

import typer

from cloudsealed.cli.session import settings
from cloudsealed.cli.terminal import Terminal
from cloudsealed.settings import Settings
from cloudsealed.storage.keys import REPLACEABLE, key_id, load_keys, public_key, replace_key
from cloudsealed.storage.ownership import require_own_keys

app = typer.Typer(help="The keys of this installation, without a server.", no_args_is_help=True)


def _own() -> Settings:
    """Return the settings; raises ForeignKeyFileError for the key file of another database."""
    found = settings()
    require_own_keys(found)
    return found


@app.command("list")
def list_keys() -> None:
    """Show the seal keys, the current one first: what `verify --key` takes."""
    found, console = _own(), Terminal()
    for number, key in enumerate(load_keys(found.key_path).all("seal")):
        state = "current" if number == 0 else "previous"
        console.print(f"seal  {key.id}  sha256:{key_id(public_key(key))}  {state}")


@app.command("rotate")
def rotate(
    purpose: str = typer.Argument(help=f"What to replace: {', '.join(REPLACEABLE)}."),
) -> None:
    """Put a new key in use; the one before stays, for what it signed.

    Copy the key file to every host, then start `serve` and `worker` again.
    """
    found = _own()
    ident = replace_key(found.key_path, purpose)
    Terminal().print(
        f"{ident} signs from the next start of serve and worker on; back up {found.key_path}"
    )
