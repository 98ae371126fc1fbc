"""The program in processes of their own, forked from one that has imported it already.

To import it costs more than most of its commands do, so all of it is, also what a command imports
late. What runs is `main()` with arguments, folder, environment, input and output of its own, and
the process ends as the program's does.
"""

from __future__ import annotations

import functools
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

SECONDS = 600
"""After so long a command is killed; its exit code is -14."""


class Program:
    """A process that forks commands, one at a time; it ends with this one."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            env={"PATH": os.environ["PATH"]},
        )

    def run(
        self, *arguments: str, folder: Path, environment: Mapping[str, str], memory: int = 0
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in `folder`, with at most `memory` bytes of its own unless that is 0."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.TemporaryDirectory() as kept:
            files = [Path(kept, name) for name in ("stdout", "stderr")]
            order = {
                "arguments": arguments,
                "folder": str(folder),
                "environment": dict(environment),
                "files": list(map(str, files)),
                "memory": memory,
            }
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            code = int(self._process.stdout.readline())
            written = [file.read_bytes().decode(errors="surrogateescape") for file in files]
        return subprocess.CompletedProcess(["cloudsealed", *arguments], code, *written)


@functools.cache
def program() -> Program:
    """Return the one of this process."""
    return Program()


def _serve() -> None:
    from cloudsealed.cli.commands import COMMANDS, command
    from cloudsealed.cli.main import main
    from cloudsealed.packs import load_policies

    for name in COMMANDS:
        command(name)
    for late in (
        "cli.client.nouns",
        "cli.client.run",
        "auditing",
        "storage.migrate",
        "storage.postgres",
        "wiring",
    ):
        import_module(f"cloudsealed.{late}")
    load_policies()
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _become(json.loads(line))
            main()
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _become(order: dict[str, Any]) -> None:
    """Take on what a command was given."""
    signal.alarm(SECONDS)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in enumerate(order["files"], 1):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT), number)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = ["cloudsealed", *order["arguments"]]
    if order["memory"]:
        resource.setrlimit(resource.RLIMIT_DATA, (order["memory"],) * 2)


if __name__ == "__main__":
    _serve()
