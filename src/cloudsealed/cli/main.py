"""The program `cloudsealed`: its commands, and what an error looks like on a terminal."""

from __future__ import annotations

import sqlite3
import sys

import psycopg
import typer
from rich.console import Console
from rich.markup import escape

from cloudsealed import __version__
from cloudsealed.cli import (
    audit,
    client,
    demo,
    doctor,
    explain,
    keys,
    operate,
    policy,
    token,
    verify,
)
from cloudsealed.kit.errors import CloudSealedError

app = typer.Typer(
    name="cloudsealed",
    help="Audits cloud accounts for security, cost, architecture and compliance.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(audit.app, name="audit")
policy.app.command("explain")(explain.explain)
app.add_typer(policy.app, name="policy")
app.add_typer(keys.app, name="keys")
app.add_typer(token.app, name="token")
app.add_typer(token.tenants, name="tenant")
for noun in client.NOUNS:
    app.add_typer(client.noun_app(noun), name=noun)
app.command("api")(client.api)
app.command("demo")(demo.demo)
app.command("init")(operate.init)
app.command("serve")(operate.serve)
app.command("worker")(operate.worker)
app.command("migrate")(operate.migrate)
app.command("backup")(doctor.backup)
app.command("restore")(doctor.restore)
app.command("doctor")(doctor.doctor)
app.command("aws-permissions")(operate.aws_permissions)
app.command("verify")(verify.verify)


@app.callback(invoke_without_command=True)
def root(
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    """Audits cloud accounts for security, cost, architecture and compliance."""
    if version:
        print(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line; an error is one line that says what and what to do."""
    try:
        app()
    except CloudSealedError as error:
        _say(error.code, error.message)
        sys.exit(1)
    except (OSError, sqlite3.Error, psycopg.Error) as error:
        _say("system_error", " ".join(str(error).split()))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _say(code: str, message: str) -> None:
    Console(stderr=True, soft_wrap=True).print(f"[red]error[/red] {code}: {escape(message)}")


if __name__ == "__main__":
    main()
