"""`cloudsealed keys`: the key file of this installation, without a server."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

import typer

from cloudsealed.auth.tenants import TenantService
from cloudsealed.cli.session import settings
from cloudsealed.cli.terminal import Terminal
from cloudsealed.events import OPERATOR, emit
from cloudsealed.kit.clock import rfc3339, utc_now
from cloudsealed.settings import Settings
from cloudsealed.storage.keys import (
    REPLACEABLE,
    Key,
    KeyFileError,
    KeyRing,
    key_id,
    load_keys,
    public_key,
    replace_key,
)
from cloudsealed.storage.open import open_database
from cloudsealed.storage.ownership import require_own_keys
from cloudsealed.storage.revision import has_schema, require_current_schema
from cloudsealed.vocabulary import EventType

app = typer.Typer(help="The keys of this installation, without a server.", no_args_is_help=True)

_KINDS = {purpose.removesuffix("s"): purpose for purpose in REPLACEABLE}


def _own() -> Settings:
    """Return the settings; raises ForeignKeyFileError for the key file of another database."""
    found = settings()
    require_own_keys(found)
    return found


@app.command("list")
def list_keys() -> None:
    """Show the keys, those in use first; of seals, what `verify --key` takes."""
    console, ring = Terminal(), load_keys(_own().key_path)
    for kind, purpose in _KINDS.items():
        counting = ring.all(purpose)
        for key in (*counting, *(key for key in ring.keys[purpose] if key not in counting)):
            public = f"  sha256:{key_id(public_key(key))}" if purpose == "seal" else ""
            console.print(f"{kind}  {key.id}{public}  {_state(key, purpose, ring)}")


def _state(key: Key, purpose: str, ring: KeyRing) -> str:
    """Say whether a key makes new things, made old ones, or will make some."""
    if key == ring.current(purpose):
        return "current"
    if key not in ring.all(purpose):
        return f"ended {key.until}"
    if key.since is not None and key.since > rfc3339(utc_now()):
        return f"from {key.since} on"
    return f"previous, until {key.until}" if key.until else "previous"


def _tell(found: Settings, purpose: str, key: Key) -> None:
    """Append to the events of every tenant that the operator put a new key in use."""
    with closing(open_database(found)) as database:
        for tenant in TenantService(database=database, clock=utc_now).all():
            with database.write() as connection:
                emit(
                    connection,
                    tenant=tenant.id,
                    kind=EventType.KEY_REPLACED,
                    subject=key.id,
                    data={"purpose": purpose, "since": key.since},
                    actor=OPERATOR,
                )


@app.command("rotate")
def rotate(
    kind: str = typer.Argument(help=f"What to replace: {', '.join(_KINDS)}."),
    days: int | None = typer.Option(
        None,
        min=0,
        max=36_500,
        help="How long what the old keys made counts; else for as long as it lives.",
    ),
    in_minutes: int = typer.Option(
        0, min=0, max=10_080, help="When the new key is used: time to copy the file to every host."
    ),
) -> None:
    """Put a new key in use; the ones before stay, for what they made.

    Copy the key file to every host, then start `serve` and `worker` again.
    """
    purpose = _KINDS.get(kind, kind)
    if purpose == "seal" and days is not None:
        raise KeyFileError("Old seal keys stay: they verify what they signed")
    found = _own()
    if has_database := has_schema(found):
        require_current_schema(found)  # or a key would be replaced, and no event told of it
    keep = REPLACEABLE.get(purpose) if days is None else timedelta(days=days)
    key = replace_key(
        found.key_path, purpose, keep=keep, wait=timedelta(minutes=in_minutes), clock=utc_now
    )
    if has_database:
        _tell(found, purpose, key)
    start = (
        f"{key.since} on, if serve and worker are started again before"
        if key.since
        else "the next start of serve and worker on"
    )
    use = "signs" if purpose == "seal" else "is used"
    Terminal().print(f"{key.id} {use} from {start}; back up {found.key_path}")
