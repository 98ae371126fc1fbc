"""Executes the contract: linters, validators and generated requests judge the OpenAPI document.

    python tools/contract/run.py [--full]

Exit 0 when nothing complains. Node.js missing skips its two linters, and says so. Tools are pinned
in package.json and requirements.txt and installed beside them, never into the project's own venv.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
ROOT = HERE.parent.parent
RELEASED = ROOT / "docs" / "api" / "openapi-0.1.0.json"
TOOLS = HERE / "node_modules" / ".bin"
OWN = HERE / ".venv" / "bin"


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


def _timed(label: str, judge: object) -> bool:
    began = time.monotonic()
    good: bool = judge()  # type: ignore[operator]
    print(f"contract: {label}: {'ok' if good else 'FAILED'} in {time.monotonic() - began:.0f} s")
    return good


def _ran(*command: str | Path, **environment: str) -> bool:
    given = {**os.environ, **environment}
    done = subprocess.run([str(c) for c in command], env=given, cwd=HERE, check=False)
    return done.returncode == 0


def _valid(document: Path) -> bool:
    return _ran(sys.executable, "-m", "openapi_spec_validator", document)


def _compatible(document: Path) -> bool:
    return _ran(sys.executable, HERE / "compatible.py", RELEASED, document)


def _lint(document: Path) -> bool:
    if shutil.which("node") is None or shutil.which("npm") is None:
        print("contract: SKIPPED spectral and redocly: there is no Node.js here")
        return True
    if not (TOOLS / "spectral").exists() or not (TOOLS / "redocly").exists():
        _ran("npm", "install", "--no-audit", "--no-fund", "--loglevel=error")
    rules = HERE / "spectral.yaml"
    spectral = _ran(TOOLS / "spectral", "lint", document, "-r", rules, "--fail-severity=hint")
    redocly = _ran(
        TOOLS / "redocly", "lint", "--extends", "recommended-strict", document,
        REDOCLY_TELEMETRY="off", REDOCLY_SUPPRESS_UPDATE_NOTICE="true",
    )  # fmt: skip
    return spectral and redocly


def _schemathesis(folder: Path, *, full: bool) -> bool:
    from serve import served

    tool = OWN / "schemathesis"
    if not tool.exists():
        _ran(sys.executable, "-m", "venv", OWN.parent)
        _ran(OWN / "pip", "install", "--quiet", "--requirement", HERE / "requirements.txt")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]  # no generated request reaches a cloud
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    place = folder / "served"
    place.mkdir()
    with served(place) as here:
        return _ran(
            tool, "--config-file", HERE / "schemathesis.toml", "run", f"{here.url}/openapi.json",
            "--url", here.url, "--seed", str(_seed()), "--max-examples", "50" if full else "3",
            CONTRACT_TOKEN=here.token,
        )  # fmt: skip


def _seed() -> int:
    """Return the commit as a number: a failure comes again on the same commit, and only there."""
    named = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return int(named.stdout.strip()[:8] or "0", 16)


if __name__ == "__main__":
    sys.exit(main(full="--full" in sys.argv[1:]))
