"""Executes the contract: linters, generated clients and requests judge the OpenAPI document.

    python tools/contract/run.py [--full]

Exit 0 when nothing complains. Node.js missing skips its linters and clients, Java OpenAPI
Generator, and says so. Tools are pinned in package.json and the requirements, and installed beside
them, never into the project's own venv.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
ROOT = HERE.parent.parent
RELEASED = ROOT / "docs" / "api" / "openapi-0.1.0.json"
TOOLS = HERE / "node_modules" / ".bin"
OWN = HERE / ".venv" / "bin"
_QUIET = ("--no-audit", "--no-fund", "--loglevel=error")
_LONGEST = 3 * 3600  # seconds of one judge: most of an hour is usual for the longest


def main(*, full: bool) -> int:
    """Run every judge; return the exit code."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        document = folder / "openapi.json"
        document.write_bytes(asyncio.run(_document(folder)))
        failed = [
            label
            for label, judge in (
                ("openapi-spec-validator", lambda: _valid(document)),
                ("released document", lambda: _compatible(document)),
                ("spectral and redocly", lambda: _lint(document)),
                ("OAuth clients", lambda: _clients(folder)),
                ("generated clients", lambda: _generated(document, folder, full=full)),
                ("schemathesis", lambda: _schemathesis(folder, full=full)),
            )
            if not _timed(label, judge)
        ]
    print(f"contract: {', '.join(failed)} complained" if failed else "contract: it holds")
    return 1 if failed else 0


async def _document(folder: Path) -> bytes:
    from document import written

    place = folder / "document"
    place.mkdir()
    return await written(place)


def _timed(label: str, judge: Callable[[], bool]) -> bool:
    began = time.monotonic()
    good = judge()
    print(f"contract: {label}: {'ok' if good else 'FAILED'} in {time.monotonic() - began:.0f} s")
    return good


def _ran(*command: str | Path, **environment: str) -> bool:
    given = {**os.environ, **environment}
    asked = [str(part) for part in command]
    try:
        done = subprocess.run(asked, env=given, cwd=HERE, check=False, timeout=_LONGEST)
    except subprocess.TimeoutExpired:
        print(f"contract: {asked[0]} did not end within {_LONGEST} s")
        return False
    return done.returncode == 0


def _valid(document: Path) -> bool:
    return _ran(sys.executable, "-m", "openapi_spec_validator", document)


def _compatible(document: Path) -> bool:
    return _ran(sys.executable, HERE / "compatible.py", RELEASED, document)


def _lint(document: Path) -> bool:
    if not _has_node():
        print("contract: SKIPPED spectral and redocly: there is no Node.js here")
        return True
    rules = HERE / "spectral.yaml"
    spectral = _ran(TOOLS / "spectral", "lint", document, "-r", rules, "--fail-severity=hint")
    redocly = _ran(
        TOOLS / "redocly",
        "lint",
        "--extends",
        "recommended-strict",
        document,
        REDOCLY_TELEMETRY="off",
        REDOCLY_SUPPRESS_UPDATE_NOTICE="true",
    )
    return spectral and redocly


def _has_node() -> bool:
    """Install what package.json names, once; say whether Node.js is there to run it."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return False
    return _once("package.json", lambda: _ran("npm", "install", *_QUIET))


def _own_tools(name: str = "requirements.txt") -> bool:
    """Install what a list names into a venv of its own, once."""
    wanted = ("--requirement", HERE / name)
    return _once(
        name,
        lambda: (
            _ran(sys.executable, "-m", "venv", OWN.parent)
            and _ran(OWN / "python", "-m", "pip", "install", "--quiet", *wanted)
        ),
    )


def _once(name: str, install: Callable[[], bool]) -> bool:
    """Install by a list of packages, unless that very list was installed before."""
    mark = HERE / ".state" / name
    wanted = (HERE / name).read_text()
    if mark.exists() and mark.read_text() == wanted:
        return True
    if not install():
        sys.exit(f"contract: what {name} lists cannot be installed")
    mark.parent.mkdir(exist_ok=True)
    mark.write_text(wanted)
    return True


def _clients(folder: Path) -> bool:
    from flows import CLIENTS, MACHINES, goes_through, needs_no_redirect
    from serve import served

    _own_tools()
    runs = {".py": str(OWN / "python")}
    if _has_node():
        runs[".mjs"] = "node"
    else:
        print("contract: SKIPPED openid-client: there is no Node.js here")
    place = folder / "clients"
    place.mkdir()
    with served(place) as here:
        good = [
            flow([runs[file.suffix], str(file)], here)
            for folder, flow in ((CLIENTS, goes_through), (MACHINES, needs_no_redirect))
            for file in sorted(folder.iterdir())
            if file.suffix in runs
        ]
    return all(good)


def _generated(document: Path, folder: Path, *, full: bool) -> bool:
    from round_trips import round_trips

    _own_tools()
    if full:
        _own_tools("requirements-full.txt")
    place = folder / "generated"
    place.mkdir()
    return round_trips(document, place, full=full, node=_has_node())


def _schemathesis(folder: Path, *, full: bool) -> bool:
    from serve import served

    from cloudsealed.api.gate.head import LONGEST_URI

    _own_tools()
    tool = OWN / "schemathesis"
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]  # no generated request reaches a cloud
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    place = folder / "served"
    place.mkdir()
    with served(place) as here:
        return _ran(
            tool,
            "--config-file",
            HERE / "schemathesis.toml",
            "run",
            f"{here.url}/openapi.json",
            "--url",
            here.url,
            "--seed",
            str(_seed()),
            "--max-examples",
            "50" if full else "3",
            CONTRACT_TOKEN=here.token,
            CONTRACT_LONGEST_URI=str(LONGEST_URI),
            SCHEMATHESIS_HOOKS="longest",
            PYTHONPATH=str(HERE),
        )


def _seed() -> int:
    """Return the commit as a number: a failure comes again on the same commit, and only there."""
    named = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return int(named.stdout.strip()[:8] or "0", 16)


if __name__ == "__main__":
    sys.exit(main(full="--full" in sys.argv[1:]))
