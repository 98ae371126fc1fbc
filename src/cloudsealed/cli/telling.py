"""What an audit says on stderr: its progress, remarks and errors, as lines or as JSON records.

Whoever is quiet says errors alone, and why a command does not exit with 0. It refuses to write to
stdout: that is the result's.
"""

from __future__ import annotations

import logging
from typing import IO, cast

import typer

from cloudsealed.cli.progress import AuditProgress, LoggedProgress, Told
from cloudsealed.cli.terminal import Terminal
from cloudsealed.kit.logs import JsonFormatter, LineFormatter, LogHandler

log = logging.getLogger("cloudsealed.audit")


class _Lines:
    """A stream to the terminal, above a live view of progress if there is one."""

    def __init__(self, console: Terminal) -> None:
        self._console = console

    def write(self, text: str) -> None:
        for line in text.removesuffix("\n").split("\n"):
            self._console.print(line)

    def flush(self) -> None:
        """Do nothing: a line is written at once."""


class Telling:
    """How much is said on stderr, and in which form."""

    def __init__(
        self, *, verbose: bool = False, quiet: bool = False, as_json: bool = False
    ) -> None:
        if verbose and quiet:
            raise typer.BadParameter("goes without --verbose", param_hint="--quiet")
        self._verbose, self.is_quiet, self._as_json = verbose, quiet, as_json
        self._console = Terminal(stderr=True)
        self._handle()

    def progress(self) -> Told:
        """Return what shows an audit's progress."""
        if self._as_json or self.is_quiet:
            return LoggedProgress()
        return AuditProgress(self._console, live=not self._verbose)

    def remark(self, text: str) -> None:
        """Say what is good to know."""
        if self._as_json:
            log.info(text)
        elif not self.is_quiet:
            self._console.print(text)

    def warn(self, text: str) -> None:
        """Say what should not be overlooked."""
        if self._as_json:
            log.warning(text)
        elif not self.is_quiet:
            self._console.print(text, style="yellow")

    def error(self, text: str, code: str = "") -> None:
        """Say what went wrong, or why the exit code is what it is."""
        if self._as_json:
            log.error(text, extra={"facts": {"code": code}} if code else {})
        else:
            self._console.error(text, code)

    def _handle(self) -> None:
        """Send log records to stderr."""
        handler = LogHandler(cast(IO[str], _Lines(self._console)))
        handler.setFormatter(JsonFormatter() if self._as_json else LineFormatter())
        logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
        logging.getLogger("cloudsealed").setLevel(self._level())

    def _level(self) -> int:
        if self._verbose:
            return logging.DEBUG
        if self.is_quiet:
            return logging.ERROR
        return logging.INFO if self._as_json else logging.WARNING
