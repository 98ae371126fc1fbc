"""`cloudsealed verify`: check bundles with no server and no network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console

from cloudsealed.audits.verify import Verified, verify_bundle, verify_chain

_FILES = typer.Argument(exists=True, dir_okay=False, readable=True, help="Bundles of audits.")
_KEYS = typer.Option(
    exists=True, dir_okay=False, readable=True,
    help="The keys to trust, as /.well-known/cloudsealed-keys of the installation serves them.",
)  # fmt: skip


def verify(
    files: Annotated[list[Path], _FILES],
    keys: Annotated[Path | None, _KEYS] = None,
) -> None:
    """Verify bundles of audits, and the chain of several of one tenant; exit 1 if one fails."""
    trusted = None if keys is None else _trusted(keys)
    found = [verify_bundle(path, trusted) for path in files]
    console = Console(soft_wrap=True)
    for each in found:
        _tell(console, each)
    broken = [each for each in found if each.problems]
    chain = [] if broken else verify_chain(found)
    for problem in chain:
        console.print(f"✗ chain: {problem}", style="red", markup=False)
    if len(found) > 1 and not broken and not chain:
        places = [each.predicate["sequence"] for each in found]
        console.print(f"✓ chain: seals {min(places)} to {max(places)} follow each other")
    if not broken and trusted is None:
        console.print(
            "The keys came with the bundles: give --keys to know that they are the installation's",
            style="yellow",
        )
    raise typer.Exit(1 if broken or chain else 0)


def _trusted(path: Path) -> dict[str, str]:
    try:
        document = orjson.loads(path.read_bytes())
        return {key["key_id"]: key["public_key"] for key in document["keys"]}
    except (orjson.JSONDecodeError, TypeError, KeyError):
        message = f"{path} does not hold keys as /.well-known/cloudsealed-keys serves them"
        Console(stderr=True, soft_wrap=True).print(message, style="red", markup=False)
        raise typer.Exit(2) from None


def _tell(console: Console, found: Verified) -> None:
    if found.problems:
        console.print(f"✗ {found.path}", style="red", markup=False)
        for problem in found.problems:
            console.print(f"  {problem}", markup=False)
        return
    said, leaves = found.predicate, found.predicate["leaves"]
    counts = ", ".join(f"{number:,} {kind}" for kind, number in leaves.items())
    console.print(f"✓ {found.path}", style="green", markup=False)
    for name, text in (
        ("audit", f"{said['audit_id']}, {said['kind']}, finished {said['finished_at']}"),
        ("seal", f"number {said['sequence']} of tenant {said['tenant_id']}"),
        ("signed by", found.key_id + (", which is trusted" if found.is_trusted else "")),
        ("unchanged", counts),
        ("verdicts", said["verdict_digest"]),
    ):
        console.print(f"  {name:<10} {text}", markup=False)
