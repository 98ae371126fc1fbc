"""A newcomer with an empty home types what the README says, and it does what the README says.

Not typed here are the installers, which `.ci/newcomer` runs: they need a network. An id or a token
that the README cuts short (`con_…`) is the last one that was printed, as a reader takes it to be,
and the server's port is a free one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.clusters import store_of, written
from tests.newcomer.readme import commands, sections
from tests.waiting import SECONDS, until

from cloudsealed.testing.emulator import Emulator
from cloudsealed.testing.kubernetes.authority import Authority
from cloudsealed.testing.kubernetes.server import ADMIN, ApiServer
from cloudsealed.testing.kubernetes.store import Object

PORT = "8000"
INSTALL, DEMO = "Install", "Two commands to try it"
TYPED = ("Audit an account", "Serve it")
_SET = re.compile(r"(export )?[A-Z_]+=")
_KNOWN = re.compile(r"\b(cspat|con|aud|rep)_[A-Za-z0-9]{10,}")
_FINAL = {"completed", "failed", "canceled", "ready"}


class Newcomer:
    """A shell in an empty home: what was set stays set, and ids are remembered."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self.home = home
        self.environment = environment
        self.seen: dict[str, str] = {}
        self._set: list[str] = []
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = str(free.getsockname()[1])

    def types(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a line; `set -e` and pipefail hold."""
        line = self._filled(line)
        script = "\n".join(["set -euo pipefail", *self._set, line])
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=10 * SECONDS,
            check=False,
        )
        if _SET.match(line):
            self._set.append(line)
        for found in _KNOWN.finditer(done.stdout):
            self.seen[found[1]] = found[0]
        return done

    def serves(self, line: str) -> subprocess.Popen[bytes]:
        """Begin what runs until it is stopped, on the free port."""
        assert line.split("#")[0].split() == ["cloudsealed", "serve"]
        command = ["cloudsealed", "serve", "--port", self.port]
        log = (self.home / "serve.log").open("wb")
        with log:
            return subprocess.Popen(
                command, cwd=self.home, env=self.environment, stdout=log, stderr=log
            )

    def _filled(self, line: str) -> str:
        line = line.replace(f"127.0.0.1:{PORT}", f"127.0.0.1:{self.port}")
        return re.sub(r"\b(cspat|con|aud|rep)_…", lambda found: self.seen[found[1]], line)

    def is_up(self) -> bool:
        """Say whether the server answers."""
        return self.types(f"curl -sf http://127.0.0.1:{PORT}/healthz").returncode == 0

    def document(self, path: str) -> dict[str, Any]:
        """Return what the server answers."""
        answer = self.types(f'curl -s -H "$H" http://127.0.0.1:{PORT}{path}')
        found: dict[str, Any] = json.loads(answer.stdout)
        return found


POD: Object = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {
        "containers": [{"name": "web", "image": "web:1", "securityContext": {"privileged": True}}]
    },
}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Object]:
    """The kubeconfig of a small cluster."""
    (keys := tmp_path / "keys").mkdir()
    authority, store = Authority(keys), store_of(POD)
    with ApiServer(store, {"sample": ADMIN}, tls=authority.server()) as server:
        yield server.kubeconfig("sample", authority=authority.pem, name="prod")


@pytest.fixture
def newcomer(tmp_path: Path, estate: Emulator, cluster: Object) -> Newcomer:
    for tool in ("bash", "curl"):
        if shutil.which(tool) is None:
            pytest.skip(f"there is no {tool} here")
    tools = tmp_path / "tools"  # what an installer puts on the path
    tools.mkdir()
    (tools / "python3").symlink_to(sys.executable)
    program = tools / "cloudsealed"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m cloudsealed "$@"\n')
    program.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    (home / ".aws").mkdir()
    cloud = estate.environment()
    keys = [f"{name.lower()} = {cloud[name]}" for name in cloud if "KEY" in name]
    (home / ".aws" / "config").write_text("\n".join(["[profile prod]", *keys]))
    (home / ".kube").mkdir()
    written(home / ".kube" / "config", cluster)
    (home / "deploy").mkdir()
    (home / "deploy" / "web.json").write_text(json.dumps(POD))
    path = f"{tools}:{os.environ['PATH']}"
    return Newcomer(home, {"PATH": path, "HOME": str(home), **cloud})


def test_every_section_that_tells_commands_is_run() -> None:
    assert set(sections()) == {INSTALL, *TYPED, DEMO}
    assert {line.split()[0] for line in commands(INSTALL)} == {"pip", "uvx", "pipx"}
    assert [line.split()[:2] for line in commands(DEMO)] == [["make", "demo"], ["make", "test"]]


def test_what_the_readme_says_works_as_it_is_written(newcomer: Newcomer) -> None:
    server: subprocess.Popen[bytes] | None = None
    try:
        for line in (line for section in TYPED for line in commands(section)):
            if line.startswith("cloudsealed serve"):
                server = newcomer.serves(line)
                until(newcomer.is_up, "the server answers")
                continue
            done = newcomer.types(line)
            fails = "--fail-on" in line  # the sample estate has something to find
            assert done.returncode == (3 if fails else 0), (line, done.stdout, done.stderr)
            _wait(newcomer, line, done.stdout)
    finally:
        if server is not None:
            server.terminate()
            server.wait(SECONDS)
    assert json.loads((newcomer.home / "permissions.json").read_text())
    assert (newcomer.home / "report.pdf").read_bytes().startswith(b"%PDF")


def _wait(newcomer: Newcomer, line: str, printed: str) -> None:
    """Wait, as a reader does, until what was asked for is there."""
    if not line.startswith("curl") or " -o " in line:
        return
    answer = json.loads(printed)
    code = answer.get("error", {}).get("code") if answer.get("error") else None
    assert code == ("invalid_severity_filter" if "urgent" in line else None), (line, printed)
    if answer.get("object") in ("audit", "report") and answer["status"] == "queued":
        path = f"/v1/{answer['object']}s/{answer['id']}"

        def ended() -> str | None:
            status = newcomer.document(path)["status"]
            return status if status in _FINAL else None

        assert until(ended, f"{path} ends", 10 * SECONDS) in ("completed", "ready")
