"""Installs this checkout and what constraints.txt lists into the environment that runs it.

    python tools/install.py demo|all

`demo` takes the first part of the list, which is all that `make demo` needs, `all` the rest, too.
A few packages are installed at a time, so that somebody who waits sees how far it is. Every package
has the version and a hash that the list says. It needs nothing but pip, and asks the index that pip
is told of.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
LIST = ROOT / "constraints.txt"
REST = "# Development needs these, too.\n"
PIN = re.compile(r"^(?=\S)", re.MULTILINE)
_AT_ONCE = 8
_PIP = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
_BAR = 28


def pins(part: str) -> list[str]:
    """Return the lines of each package of a part of the list."""
    demo, _, rest = LIST.read_text().partition(REST)
    return [pin for pin in PIN.split(demo + (rest if part == "all" else "")) if pin.strip()]


def install(found: Sequence[str]) -> None:
    """Install pinned packages; ends the program with pip's exit code when it fails."""
    with TemporaryDirectory() as folder:
        listed = Path(folder, "packages.txt")
        for done in range(0, len(found), _AT_ONCE):
            some = found[done : done + _AT_ONCE]
            tell(done, len(found), ", ".join(names(some)))
            listed.write_text("".join(some))
            pip("--no-deps", "--no-compile", "--require-hashes", "--requirement", str(listed))
    tell(len(found), len(found), "")


def names(some: Sequence[str]) -> Iterator[str]:
    """Yield the names of pinned packages."""
    return (pin.partition("==")[0] for pin in some)


def pip(*arguments: str) -> None:
    """Run pip."""
    code = subprocess.run([*_PIP, *arguments], check=False).returncode
    if code:
        sys.exit(code)


def tell(done: int, total: int, what: str) -> None:
    """Say how far it is: in place on a terminal, else as a line."""
    if sys.stdout.isatty():
        filled = _BAR * done // total
        bar = "#" * filled + "." * (_BAR - filled)
        print(f"\r\033[KInstalling {bar} {done} of {total} {what[:30]}", end="", flush=True)
        if done == total:
            print()
    else:
        print(f"Installing: {done} of {total} packages", flush=True)


def main(part: str) -> None:
    """Install a part, and this checkout where it is."""
    install(pins(part))
    pip("--no-deps", "--no-build-isolation", "--editable", str(ROOT))


if __name__ == "__main__":
    main(*sys.argv[1:])
