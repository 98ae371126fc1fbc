"""A network of its own for one process, on a link that can be cut: only root can have one.

It is there as long as its keeper is, a process that ends with the tests, however they end. What
runs on the island reaches this machine by the address `ours`.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.waiting import until

_PIECE = 1 << 16
_NOWHERE = "02:00:00:00:00:ff"
_ENTER = """
import ctypes, os
island = os.open("/proc/{pid}/ns/net", os.O_RDONLY)
assert ctypes.CDLL(None, use_errno=True).setns(island, 0x40000000) == 0, ctypes.get_errno()
os.close(island)
"""


class Island:
    """A network namespace and the link to it."""

    def __init__(self) -> None:
        number = os.getpid() % 250 + 1  # of 198.18.0.0/15, which is for measurements: RFC 2544
        self.ours, self.theirs = f"198.18.{number}.1", f"198.18.{number}.2"
        self._link = f"cloudsealed{number}"
        self._keeper = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE)
        until(self._is_there, "the network is there", 10)
        there = ["peer", "name", "shore", "netns", str(self._keeper.pid)]
        _run("ip", "link", "add", self._link, "type", "veth", *there)
        _run("ip", "address", "add", f"{self.ours}/24", "dev", self._link)
        _run("ip", "link", "set", self._link, "up")
        self._there("ip", "address", "add", f"{self.theirs}/24", "dev", "shore")
        self._there("ip", "link", "set", "shore", "up")
        self._there("ip", "link", "set", "lo", "up")

    @property
    def enter(self) -> str:
        """The code by which a process goes to the island, at its beginning."""
        return _ENTER.format(pid=self._keeper.pid)

    def cut(self) -> None:
        """Lose whatever is sent, in both directions, without a word."""
        self._neighbors("replace", "lladdr", _NOWHERE, "nud", "permanent")

    def mend(self) -> None:
        """Let the link be as it was."""
        self._neighbors("del")

    def close(self) -> None:
        """End it, and the link with it."""
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()
        self._keeper.wait()

    def _neighbors(self, act: str, *what: str) -> None:
        _run("ip", "neighbor", act, self.theirs, *what, "dev", self._link)
        self._there("ip", "neighbor", act, self.ours, *what, "dev", "shore")

    def _is_there(self) -> bool:
        net = Path(f"/proc/{self._keeper.pid}/ns/net")
        return net.readlink() != Path("/proc/self/ns/net").readlink()

    def _there(self, *command: str) -> None:
        _run("nsenter", "--net", f"--target={self._keeper.pid}", *command)


def why_none() -> str | None:
    """Return why this machine has no islands; None where it has."""
    missing = [name for name in ("ip", "unshare", "nsenter") if shutil.which(name) is None]
    if os.geteuid() != 0 or missing:
        return f"only root can, with {', '.join(missing)}" if missing else "only root can"
    tried = subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True)
    return f"the system refuses: {tried.stderr.decode().strip()}" if tried.returncode else None


@contextmanager
def ferry(ours: str, port: int) -> Iterator[int]:
    """Pass on what comes to a port of `ours`, which is returned, to one of the loopback."""
    with socket.create_server((ours, 0)) as server:

        def accept() -> None:
            with suppress(OSError):  # it was closed
                while True:
                    client, _ = server.accept()
                    threading.Thread(target=_carry, args=(client, port), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def _carry(client: socket.socket, port: int) -> None:
    with client, suppress(OSError), socket.create_connection(("127.0.0.1", port)) as server:
        back = threading.Thread(target=_pour, args=(server, client), daemon=True)
        back.start()
        _pour(client, server)
        back.join()


def _pour(source: socket.socket, to: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(_PIECE):
            to.sendall(piece)
        to.shutdown(socket.SHUT_WR)


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.decode()}"
