"""The program `cloudsealed`: its commands, and what an error looks like on a terminal."""

from __future__ import annotations

import io
import os
import sqlite3
import sys
import traceback
from importlib.util import find_spec
from types import TracebackType
from typing import NoReturn

import typer

from cloudsealed import __version__
from cloudsealed.cli.commands import Commands
from cloudsealed.cli.terminal import Terminal
from cloudsealed.kit.errors import CloudSealedError

INTERRUPTED = 130
"""The exit code after Ctrl+C, as shells have it."""

app = typer.Typer(
    name="cloudsealed",
    cls=Commands,
    help="Audits cloud accounts for security, cost, architecture and compliance.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def root(
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    """Audits cloud accounts for security, cost, architecture and compliance."""
    if version:
        Terminal().print(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line; an error is one line that says what and what to do."""
    for stream in (sys.stdout, sys.stderr):  # what a terminal's encoding lacks is shown, too
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.excepthook = _tell_trace
    try:
        status = app(standalone_mode=False)
    except CloudSealedError as error:
        Terminal(stderr=True).error(error.message, error.code)
        sys.exit(1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # who read us has gone
        sys.exit(1)
    except typer.TyperException as error:
        _tell_usage(error)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        end_at_once(INTERRUPTED)
    except _system_errors() as error:
        Terminal(stderr=True).error(" ".join(str(error).split()), "system_error")
        sys.exit(1)
    sys.exit(status)


def end_at_once(code: int) -> NoReturn:
    """End this process, whatever its threads wait for: what they did is kept in transactions."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _system_errors() -> tuple[type[Exception], ...]:
    """What files, networks and databases raise; asked for, and imported, once something did."""
    if find_spec("psycopg") is None:
        return OSError, sqlite3.Error
    import psycopg

    return OSError, sqlite3.Error, psycopg.Error


def _tell_usage(error: typer.TyperException) -> None:
    """Say how a command is used; what the user gave stands in the message."""
    if (context := getattr(error, "ctx", None)) is not None:
        console = Terminal(stderr=True)
        console.print(" ".join(context.get_usage().split()))
        console.print(f"Try '{context.command_path} --help' for help.", style="dim")
    if message := error.format_message():
        Terminal(stderr=True).error(message)


def _tell_trace(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print the trace of an error that nobody expected."""
    console = Terminal(stderr=True)
    for part in traceback.format_exception(kind, error, trace):
        for line in part.rstrip("\n").split("\n"):
            console.print(line)


if __name__ == "__main__":
    main()
