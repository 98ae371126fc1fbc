"""`cloudsealed verify`: check bundles, proofs and exported events, with no server, no network."""

from __future__ import annotations

import base64
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated

import orjson
import typer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cloudsealed.audits.sealing.proof import verify_proof
from cloudsealed.audits.sealing.signed import Verified, is_digest
from cloudsealed.audits.sealing.verify import verify_bundle, verify_chain
from cloudsealed.cli.terminal import Line, Terminal
from cloudsealed.events.verify import (
    LONGEST_LINE,
    VerifiedEvents,
    is_export,
    verify_events,
    verify_succession,
)
from cloudsealed.storage.keys import key_id

_FILES = typer.Argument(
    exists=True,
    dir_okay=False,
    readable=True,
    help="Bundles of audits, proofs of findings, or exports of events.",
)
_KEY = typer.Option(
    metavar="FILE|sha256:…",
    help="A key to trust, may be given again: the id of one, a PEM file, or a file as "
    "/.well-known/cloudsealed-keys of the installation serves it.",
)
_SHA256 = "sha256:"
_LARGEST_KEYS = 64 * 1024  # bytes of a file of keys
_LONGEST_CLAIM = 512  # characters
_SAYS, _CLAIMS = "its seal says", "it claims, as anybody could"


def verify(
    files: Annotated[list[Path], _FILES], key: Annotated[list[str] | None, _KEY] = None
) -> None:
    """Verify audits' bundles and their chain, proofs of findings, or the chain of events.

    Exits with 1 if one of them fails.
    """
    trusted = {ident for each in key for ident in _trusted(each)} if key else None
    found = [_verified(path, trusted) for path in files]
    console = Terminal()
    for each in found:
        _tell(console, each) if isinstance(each, Verified) else _tell_events(console, each)
    broken = [each for each in found if each.problems]
    chain = [] if broken else _chain(console, found)
    for problem in chain:
        _show(console, ("✗ ", "  "), f"chain: {problem}", "red")
    if not broken and trusted is None:
        console.print(
            "The key came with the file and is not pinned: give --key to know that it is the "
            "installation's",
            style="yellow",
        )
    raise typer.Exit(1 if broken or chain else 0)


def _chain(console: Terminal, found: Sequence[Verified | VerifiedEvents]) -> Sequence[str]:
    """Return why bundles, or exports of events, do not follow each other; say that they do."""
    bundles = [each for each in found if isinstance(each, Verified) and each.leaf is None]
    exports = [each for each in found if isinstance(each, VerifiedEvents)]
    problems = [*verify_chain(bundles), *verify_succession(exports)]
    if len(bundles) > 1 and not problems:
        places = [each.predicate["sequence"] for each in bundles]
        console.print(f"✓ chain: seals {min(places)} to {max(places)} follow each other")
    if len(exports) > 1 and not problems:
        console.print(f"✓ chain: {len(exports)} exports of events follow each other")
    return problems


def _verified(path: Path, trusted: Collection[str] | None) -> Verified | VerifiedEvents:
    if not path.is_file():  # a pipe or a device, which may have no end
        return Verified(str(path), problems=["this is no regular file"])
    with path.open("rb") as file:
        is_json = file.read(1) == b"{"
        file.seek(0)
        if is_json and is_export(file.readline(LONGEST_LINE)):
            file.seek(0)
            return verify_events(str(path), file, trusted)
    return verify_proof(path, trusted) if is_json else verify_bundle(path, trusted)


def _trusted(text: str) -> list[str]:
    """Return the ids of the keys that an option names; ends the program if it names none."""
    name = text.removeprefix(_SHA256)
    if text.startswith(_SHA256) and is_digest(name):
        return [name]
    try:
        with Path(text).open("rb") as file:
            content = file.read(_LARGEST_KEYS)
        return [_pem(content)] if content.startswith(b"-----BEGIN") else _served(content)
    except (OSError, KeyError, TypeError, ValueError):
        message = (
            f"{text} is neither sha256: and 64 hex digits, nor a PEM file of an Ed25519 public "
            "key, nor a file of keys as /.well-known/cloudsealed-keys serves them"
        )
        Terminal(stderr=True).print(message, style="red")
        raise typer.Exit(2) from None


def _pem(content: bytes) -> str:
    public = serialization.load_pem_public_key(content)
    if not isinstance(public, Ed25519PublicKey):
        raise TypeError("another algorithm")
    return key_id(public)


def _served(content: bytes) -> list[str]:
    raw = [base64.b64decode(each["public_key"]) for each in orjson.loads(content)["keys"]]
    return [key_id(Ed25519PublicKey.from_public_bytes(each)) for each in raw]


def _tell(console: Terminal, found: Verified) -> None:
    """Print what was found; what the file itself says stands behind a margin, in quotes."""
    if found.problems:
        _show(console, ("✗ ", "  "), found.path, "red")
        for problem in found.problems:
            _show(console, ("  ", "  "), problem)
        return
    if found.is_trusted:
        _show(console, ("✓ ", "  "), found.path, "green")
        console.print(f"  signed by {found.key_id}, which is trusted; {_SAYS}:")
    else:
        _show(console, ("? ", "  "), found.path, "yellow")
        console.print(f"  unchanged since {found.key_id} signed it, a key of its own; {_CLAIMS}:")
    for name, text in _said(found):
        cut = text if len(text) <= _LONGEST_CLAIM else f"{text[:_LONGEST_CLAIM]}…"
        _show(console, ("  │ ", "  │ "), f"{name:<10} “{cut}”")


def _tell_events(console: Terminal, found: VerifiedEvents) -> None:
    """Print what an export of events says, or what is wrong with it."""
    if found.problems:
        _show(console, ("✗ ", "  "), found.path, "red")
        for problem in found.problems:
            _show(console, ("  ", "  "), problem)
        return
    names = ", ".join(sorted(found.keys))
    signed = f"unchanged since {names} signed them, a key of their own; they claim:"
    if found.is_trusted:
        signed = f"signed by {names}, which is trusted; they say:"
    mark, style = ("✓ ", "green") if found.is_trusted else ("? ", "yellow")
    _show(console, (mark, "  "), found.path, style)
    console.print(f"  {signed}")
    for name, text in (
        ("events", f"{found.first} to {found.last} of tenant {found.tenant}, none left out"),
        ("from", found.began_at),
        ("to", found.ended_at),
        *([("before", f"event {found.first - 1} is not in it")] if found.first > 1 else ()),
    ):
        _show(console, ("  │ ", "  │ "), f"{name:<10} “{text[:_LONGEST_CLAIM]}”")


def _show(console: Terminal, margins: tuple[str, str], text: str, style: str = "") -> None:
    """Print a text whose every line on a terminal begins with a margin: wherever it is broken, what
    is not ours does not begin a line."""
    line = Line(text)
    width = max(console.width - len(margins[1]), 20)
    lines = line.wrap(console, width, overflow="fold") if console.is_terminal else [line]
    for number, each in enumerate(lines):
        console.print(Line.assemble(margins[number > 0], (each.plain, "")), style=style)


def _said(found: Verified) -> list[tuple[str, str]]:
    said = found.predicate
    about = [
        ("audit", f"{said['audit_id']}, {said['kind']}, finished {said['finished_at']}"),
        ("seal", f"number {said['sequence']} of tenant {said['tenant_id']}"),
    ]
    if found.leaf is not None:
        return [
            *about,
            ("resource", f"{found.leaf['type']} {found.leaf['native_id']}"),
            ("policy", found.policy_key),
            ("verdict", f"{found.leaf['outcome']}: {found.leaf['title']}"),
        ]
    counts = ", ".join(f"{n:,} {kind}" for kind, n in said["leaves"].items())
    return [*about, ("unchanged", counts), ("verdicts", said["verdict_digest"])]
