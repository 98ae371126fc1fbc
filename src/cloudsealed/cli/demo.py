"""`cloudsealed demo`: the whole product against an emulated AWS, in a process of its own."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

import typer

from cloudsealed.api.listen import HIGHEST_PORT
from cloudsealed.cli.terminal import Terminal


def demo(
    once: bool = typer.Option(
        False, "--once", help="Print the summary and exit instead of serving."
    ),
    port: int = typer.Option(
        8000, min=0, max=HIGHEST_PORT, help="Port of the API; 0 takes any free one."
    ),
) -> None:
    """Audit a sample estate on an emulated AWS, then serve what was found."""
    if find_spec("moto") is None:
        Terminal(stderr=True).error("The demo needs an extra: pip install 'cloudsealed[demo]'")
        raise typer.Exit(1)
    arguments = ["--port", str(port), *(["--once"] if once else [])]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "cloudsealed.testing.demo", *arguments])  # noqa: S606 - our own module
