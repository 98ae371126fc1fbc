"""Executes the contract: linters, generated clients and requests judge the OpenAPI document.

    python tools/contract/run.py [--full] [--only JUDGE]

Exit 0 when nothing complains. Node.js missing skips its linters and clients, Java OpenAPI
Generator, and says so. Tools are pinned in package.json and the requirements, and installed beside
them, never into the project's own venv.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
ROOT = HERE.parent.parent
RELEASED = ROOT / "docs" / "api" / "openapi-0.1.0.json"
TOOLS = HERE / "node_modules" / ".bin"
OWN = HERE / ".venv" / "bin"
_QUIET = ("--no-audit", "--no-fund", "--loglevel=error")
_SECONDS = 3 * 3600  # seconds of one judge: most of an hour is usual for the longest


def main(*, full: bool, only: str | None) -> int:
    """Run every judge, or only one; return the exit code.

    The longest has a process of its own beside the others, and what it says comes last.
    """
    if only:
        with tempfile.TemporaryDirectory() as name:
            return 0 if _timed(only, lambda: JUDGES[only](Path(name), full)) else 1
    _install_all(full=full)
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryFile() as said:
        beside = subprocess.Popen(
            [sys.executable, __file__, *(["--full"] if full else []), f"--only={LONGEST}"],
            stdout=said,
            stderr=said,
        )
        try:
            failed = [
                label
                for label, judge in JUDGES.items()
                if label != LONGEST and not _timed(label, partial(judge, Path(name), full))
            ]
            if beside.wait(_SECONDS):
                failed.append(LONGEST)
        finally:
            beside.kill()
        said.seek(0)
        sys.stdout.flush()
        shutil.copyfileobj(said, sys.stdout.buffer)
    print(f"contract: {', '.join(failed)} complained" if failed else "contract: it holds")
    return 1 if failed else 0


def _document(folder: Path) -> Path:
    """Return the file of today's document, made the first time."""
    from document import written

    found = folder / "openapi.json"
    if not found.exists():
        place = folder / "document"
        place.mkdir()
        found.write_bytes(asyncio.run(written(place)))
    return found


def _timed(label: str, judge: Callable[[], bool]) -> bool:
    began = time.monotonic()
    good = judge()
    print(f"contract: {label}: {'ok' if good else 'FAILED'} in {time.monotonic() - began:.0f} s")
    return good


def _ran(*command: str | Path, **environment: str) -> bool:
    given = {**os.environ, **environment}
    asked = [str(part) for part in command]
    try:
        done = subprocess.run(asked, env=given, cwd=HERE, check=False, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"contract: {asked[0]} did not end within {_SECONDS} s")
        return False
    return done.returncode == 0


def _valid(folder: Path, _full: bool) -> bool:
    return _ran(sys.executable, "-m", "openapi_spec_validator", _document(folder))


def _compatible(folder: Path, _full: bool) -> bool:
    return _ran(sys.executable, HERE / "compatible.py", RELEASED, _document(folder))


def _lint(folder: Path, _full: bool) -> bool:
    document = _document(folder)
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


def _install_all(*, full: bool) -> None:
    """Install what the judges are, from both registries at once."""
    lists = ["requirements.txt", *(["requirements-full.txt"] if full else [])]
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(_has_node), pool.submit(lambda: list(map(_own_tools, lists)))]:
            done.result()


def _own_tools(name: str) -> bool:
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


def _clients(folder: Path, _full: bool) -> bool:
    from flows import CLIENTS, MACHINES, goes_through, needs_no_redirect
    from serve import served

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


def _generated(folder: Path, full: bool) -> bool:
    from round_trips import round_trips

    place = folder / "generated"
    place.mkdir()
    return round_trips(_document(folder), place, full=full, node=_has_node())


def _schemathesis(folder: Path, full: bool) -> bool:
    from serve import served

    from cloudsealed.api.gate.head import LONGEST_URI

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


JUDGES: dict[str, Callable[[Path, bool], bool]] = {
    "openapi-spec-validator": _valid,
    "released document": _compatible,
    "spectral and redocly": _lint,
    "OAuth clients": _clients,
    "generated clients": _generated,
    (LONGEST := "schemathesis"): _schemathesis,
}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--full", action="store_true", help="many more requests and generators")
    parser.add_argument("--only", choices=JUDGES, help="one judge, of which all is installed")
    sys.exit(main(**vars(parser.parse_args())))
