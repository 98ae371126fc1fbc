"""Which commands the program has, and where each is: a command is imported when it is used.

So `--help`, a mistyped word and a small command cost no more than they need: the server, the
database and the cloud's SDK take longer to import than most commands run.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from cloudsealed.cli.client.table import names
from cloudsealed.kit.garbage import staying
from cloudsealed.kit.memory import share_one_arena

_SERVED: Final = "What a server has (CLOUDSEALED_URL, with CS_TOKEN or after login)"

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "demo": ("demo:demo", "Audit a sample estate on an emulated AWS, then serve what was found."),
    "audit": ("audit:app", "Audit a cloud account."),
    "verify": (
        "verify:verify",
        "Verify audits' bundles and their chain, proofs of findings, or the chain of events.",
    ),
    "policy": ("policy:app", "Check, try and describe policy files."),
    "types": (
        "types:types",
        "List the types of resources, or show a type's document, by call and as an example.",
    ),
    "init": (
        "operate:init",
        "Make the data folder, its keys and the first admin; print their secrets once.",
    ),
    "serve": ("serve:serve", "Serve the API, with a worker beside it that ends with it."),
    "worker": ("work:worker", "Run background work: audits, simulations and reports."),
    "migrate": ("operate:migrate", "Bring the database's schema to this version of the program."),
    "backup": ("doctor:backup", "Copy database, blobs and key file, while the server runs."),
    "restore": (
        "doctor:restore",
        "Put a backup back, into a data folder that has no installation.",
    ),
    "export": (
        "archive:export",
        "Write a whole installation to one file, to move it to another database.",
    ),
    "import": ("archive:import_", "Take in what `export` wrote, where there is no installation."),
    "doctor": (
        "doctor:doctor",
        "Check this installation and its way to AWS; exit 1 when something is wrong.",
    ),
    "permissions": (
        "operate:permissions",
        "Print the least that audits have to be permitted, as the provider takes it.",
    ),
    "aws-permissions": ("operate:aws_permissions", "Print what `permissions aws` prints."),
    "keys": ("keys:app", "The keys of this installation, without a server."),
    "token": ("token:app", "Tokens, without a server."),
    "tenant": ("token:tenants", "Tenants of this installation."),
    "login": (
        "login:login",
        "Log in to the server CLOUDSEALED_URL with a browser; keep its token for the commands.",
    ),
    "logout": (
        "login:logout",
        "End the login at the server CLOUDSEALED_URL, and forget its token.",
    ),
    "completion": (
        "completion:completion",
        "Print a script that completes commands and options in a shell.",
    ),
    "api": ("client.raw:api", "Send one request to the API and print the answer."),
}
"""By name: where it is in this folder, and the first paragraph of its own help."""


def command(name: str) -> Any:
    """Return the command of this name, imported."""
    if name in names():
        from cloudsealed.cli.client.nouns import group

        return group(name)
    module, attribute = COMMANDS[name][0].split(":")
    found = getattr(import_module(f"cloudsealed.cli.{module}"), attribute)
    alone = typer.Typer(pretty_exceptions_enable=False)
    if isinstance(found, typer.Typer):
        alone.add_typer(found, name=name)
    else:
        alone.command(name)(found)
    return typer.main.get_group(alone).commands[name]


class QuickGroup(TyperGroup):
    """A group that reads its own `--help` without the library that converts values."""

    def get_help_option(self, ctx: Any) -> Any:
        """Return the option, which is a flag that nobody has set."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.default = False
        return option


class Commands(QuickGroup):
    """The group of all commands: in its help each is a line, and the one that runs is imported."""

    def __init__(self, **given: Any) -> None:
        """Stand for every command with its name and its help."""
        super().__init__(**given)
        own = {name: TyperCommand(name, help=text) for name, (_, text) in COMMANDS.items()}
        served = {
            name: TyperCommand(name, help=text, rich_help_panel=_SERVED)
            for name, text in names().items()
        }
        self.commands.update(own | served)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command by its name, also as the API writes it: `rate_limit`."""
        return super().get_command(ctx, cmd_name.replace("_", "-"))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the name, the imported command and its arguments."""
        name, found, rest = super().resolve_command(ctx, args)
        if found and found.name:
            share_one_arena()
            with staying():
                found = command(found.name)
        return name, found, rest
