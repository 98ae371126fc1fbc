"""The commands of each noun of the API, made from the table of operations when one is run.

`cloudsealed findings` alone lists; `severity=critical` is another way to write
`--severity critical`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import typer
from typer.core import TyperCommand

from cloudsealed.cli.client import options, table
from cloudsealed.cli.commands import QuickGroup

_PAIR: Final = re.compile(r"([a-z][a-z_-]*)=", re.IGNORECASE)
_HELP: Final = ("-h", "--help")


def _plain(token: str) -> str:
    """Return a name as it stands in the help: `resource_type` is `resource-type`."""
    return token.replace("_", "-")


_SETTINGS: Final = {"token_normalize_func": _plain, "help_option_names": list(_HELP)}


class Verb(TyperCommand):
    """The command of one operation."""

    has_filters = False
    choices: Mapping[str, tuple[str, ...]] = {}
    """The words that an option takes."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read `name=value` of a parameter as its option."""
        return super().parse_args(ctx, list(self._options(args)) if self.has_filters else args)

    def _options(self, args: list[str]) -> Iterator[str]:
        valued = {
            name
            for each in self.params
            if each.param_type_name == "option" and not getattr(each, "is_flag", False)
            for name in each.opts
        }
        is_value = False
        for word in args:
            found = None if is_value else _PAIR.match(word)
            yield f"--{_plain(found[1])}{word[found.end(1) :]}" if found else word
            is_value = not is_value and _plain(word) in valued


class NounGroup(QuickGroup):
    """The operations of one noun; the one that runs is made when it does."""

    def __init__(self, noun: table.Noun) -> None:
        super().__init__(
            name=noun.name,
            help=_help(noun),
            invoke_without_command=False,
            no_args_is_help=noun.usual is None,
            context_settings=dict(_SETTINGS),
        )
        self._noun = noun
        self.commands.update(
            {each.verb: TyperCommand(each.verb, help=each.summary) for each in noun.operations}
        )

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command by its verb or by its other name."""
        found = self._noun.operation(_plain(cmd_name))
        return self.commands[found.verb] if found else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the name, the command made from its operation, and its arguments."""
        name, found, rest = super().resolve_command(ctx, args)
        operation = self._noun.operation(found.name) if found and found.name else None
        return name, command(operation) if operation else found, rest

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read what has no verb as what the noun alone does."""
        usual = self._noun.usual
        if usual is not None and _has_no_verb(args):
            args = [usual.verb, *args]
        return super().parse_args(ctx, args)

    def made(self) -> dict[str, Verb]:
        """Return every command by its verb, that of the noun alone as the empty one: for what has
        to know all of them."""
        usual = self._noun.usual
        found = {each.verb: command(each) for each in self._noun.operations}
        return found | ({"": found[usual.verb]} if usual is not None else {})


def _has_no_verb(args: list[str]) -> bool:
    first = args[0] if args else ""
    return first not in _HELP and (not first or first.startswith("-") or "=" in first)


def _help(noun: table.Noun) -> str:
    alone = f"Without a command: {noun.usual.verb}." if noun.usual else ""
    return "\n\n".join(filter(None, (f"{noun.help}", alone)))


def group(name: str) -> NounGroup:
    """Return the commands of a noun; raises KeyError when there is none of this name."""
    return NounGroup(table.noun(name))


def command(operation: table.Operation) -> Verb:
    """Return the command of an operation."""
    alone = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    alone.command(
        operation.verb, cls=Verb, help=_text(operation), context_settings=dict(_SETTINGS)
    )(options.callback(operation, _run))
    made = typer.main.get_command(alone)
    assert isinstance(made, Verb)
    made.name = operation.verb
    made.has_filters = bool(operation.query)
    made.choices = options.choices(operation)
    return made


def _run(operation: table.Operation, given: options.Given) -> None:
    from cloudsealed.cli.client.run import run  # with what speaks to servers: slow to import

    run(operation, given)


def _text(operation: table.Operation) -> str:
    more = []
    if any(each.negates for each in operation.query):
        more.append("A filter takes several values; with -not behind its name it leaves out.")
    return "\n\n".join((operation.help, *more))
