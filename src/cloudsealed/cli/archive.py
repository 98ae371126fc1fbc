"""`export` writes an installation to one file, `import` takes it into another database."""

from __future__ import annotations

from pathlib import Path

import typer

from cloudsealed.cli.session import settings
from cloudsealed.cli.terminal import Terminal
from cloudsealed.storage.archive import export_to, import_from


def export(file: Path = typer.Argument(help="A new file; it holds the key file too.")) -> None:
    """Write a whole installation to one file, to move it to another database."""
    export_to(file, settings(), _moved)
    Terminal().print(f"{file} has everything of this installation, its keys too: keep it private")


def import_(file: Path = typer.Argument(help="What `cloudsealed export` wrote.")) -> None:
    """Take in what `export` wrote, where there is no installation."""
    import_from(file, settings(), _moved)
    Terminal().print("All is in. Next: cloudsealed doctor, then cloudsealed serve")


def _moved(name: str, amount: int) -> None:
    if amount:
        Terminal(stderr=True).print(f"{amount:>10,}  {name}")
