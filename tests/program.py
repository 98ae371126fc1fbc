"""The program in processes of their own, forked from one that has imported it already.

To import it costs more than most of its commands do, so all of it is, also what a command imports
late. What runs is `main()`, or a test's own code, with arguments, folder, environment, input and
output of its own, and the process ends as the program's does.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

SECONDS = 600
"""After so long a command is killed; its exit code is -14."""
_PR_SET_PDEATHSIG = 1
_LOOK_SECONDS = 0.01
_PIECE = 1 << 16


class Program:
    """A process that forks commands; they end with it, and it with this one."""

    def __init__(self) -> None:
        self._orders, theirs = socket.socketpair()
        self._turn = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd="/",
                env={"PATH": os.environ["PATH"]},
            )

    def run(
        self,
        *arguments: str,
        folder: Path,
        environment: Mapping[str, str],
        code: str = "",
        memory: int = 0,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in `folder`, or `code` with these arguments, with at most `memory` bytes of
        its own unless that is 0."""
        with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
            started = self.start(
                *arguments,
                folder=folder,
                environment=environment,
                code=code,
                stdout=stdout,
                stderr=stderr,
                limits={"DATA": memory},
                seconds=SECONDS,
            )
            code_of_exit = started.wait()
            written = []
            for file in (stdout, stderr):
                file.seek(0)
                written.append(file.read().decode(errors="surrogateescape"))
        return subprocess.CompletedProcess(["cloudsealed", *arguments], code_of_exit, *written)

    def start(
        self,
        *arguments: str,
        environment: Mapping[str, str],
        folder: Path = Path("/"),
        code: str = "",
        stdin: BinaryIO | int | None = None,
        stdout: BinaryIO | int | None = None,
        stderr: BinaryIO | int | None = None,
        limits: Mapping[str, int] | None = None,
        seconds: int = 0,
    ) -> Started:
        """Start a command, or `code` with these arguments, and let it run.

        Without a file, input is empty and output goes where that of the tests goes. `limits` are
        of the kernel, by the names of `resource`; 0 is none. After `seconds` it is killed.
        """
        order = {
            "arguments": arguments,
            "folder": str(folder),
            "environment": dict(environment),
            "code": code,
            "limits": dict(limits or {}),
            "seconds": seconds,
        }
        with Path(os.devnull).open("rb") as nothing:
            files = (
                nothing if stdin is None else stdin,
                1 if stdout is None else stdout,
                2 if stderr is None else stderr,
            )
            numbers = [file if isinstance(file, int) else file.fileno() for file in files]
            return Started(self, int(self.ask(order, *numbers)))

    def talk(self, *arguments: str, environment: Mapping[str, str], code: str) -> Talker:
        """Start `code`, which is told lines and says lines."""
        heard, tells = os.pipe()
        hears, said = os.pipe()
        started = self.start(
            *arguments, environment=environment, code=code, stdin=heard, stdout=said
        )
        os.close(heard)
        os.close(said)
        return Talker(started, tells, hears)

    def ask(self, order: Any, *files: int) -> str:
        """Return the answer to an order, which may use open files of this process."""
        with self._turn:
            socket.send_fds(self._orders, [json.dumps(order).encode() + b"\n"], files)
            return _line(self._orders)[0].decode()


class Started:
    """A process that was forked. `returncode` is None while nobody saw that it ended."""

    def __init__(self, program: Program, pid: int) -> None:
        self._program = program
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return its exit code, that of a signal below 0, or None while it runs."""
        if self.returncode is None:
            self.returncode = json.loads(self._program.ask({"ended": self.pid}))
        return self.returncode

    def wait(self, seconds: float = SECONDS) -> int:
        """Wait for its end; return the exit code."""
        ends = time.monotonic() + seconds
        while (code := self.poll()) is None:
            if time.monotonic() > ends:
                raise TimeoutError(f"process {self.pid} did not end within {seconds} s")
            time.sleep(_LOOK_SECONDS)
        return code

    def terminate(self) -> None:
        """Ask it to end."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


class Talker:
    """A process that is told lines and says lines; a context manager that ends it."""

    def __init__(self, process: Started, tells: int, hears: int) -> None:
        self.process = process
        self._tells = os.fdopen(tells, "w")
        self._hears = os.fdopen(hears)

    def __enter__(self) -> Talker:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._tells.close()
        self._hears.close()

    def tell(self, line: str) -> None:
        print(line, file=self._tells, flush=True)

    def said(self) -> str:
        """Return the next line, empty when it ended."""
        return self._hears.readline().strip()


@functools.cache
def program() -> Program:
    """Return the one of this process."""
    return Program()


def _serve(orders: socket.socket) -> None:
    from cloudsealed.cli.commands import COMMANDS, command
    from cloudsealed.cli.main import main
    from cloudsealed.packs import load_policies

    for name in COMMANDS:
        command(name)
    for late in (
        "api.server",
        "auditing",
        "cli.client.nouns",
        "cli.client.run",
        "console",
        "storage.migrate",
        "storage.postgres",
        "wiring",
    ):
        import_module(f"cloudsealed.{late}")
    load_policies()
    gc.freeze()
    while (said := _line(orders))[0]:
        order, files = json.loads(said[0]), said[1]
        if "ended" in order:
            orders.sendall(json.dumps(_ended(order["ended"])).encode() + b"\n")
            continue
        child = os.fork()
        if not child:
            orders.close()
            _become(order, files)
            if not order["code"]:
                main()
            exec(order["code"], {"__name__": "__main__"})
            return
        for file in files:
            os.close(file)
        orders.sendall(f"{child}\n".encode())


def _line(source: socket.socket) -> tuple[bytes, list[int]]:
    """Return a line, empty at the end, and the open files that came with it."""
    line, files, _flags, _address = socket.recv_fds(source, _PIECE, 3)
    while line and not line.endswith(b"\n"):
        piece = source.recv(_PIECE)
        line = line + piece if piece else b""
    return line, files


def _ended(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _become(order: dict[str, Any], files: list[int]) -> None:
    """Take on what a command was given."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.alarm(order["seconds"])
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = ["cloudsealed", *order["arguments"]]
    for name, most in order["limits"].items():
        if most:
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
