"""Writes constraints.txt anew from pyproject.toml: exact versions with their hashes, in two parts.

    python tools/lock.py [--upgrade]

First what `make demo` installs, then, below the line REST, what development needs beside it.
Versions stay as they are as far as pyproject.toml allows, unless they are to be upgraded. Needs uv.
The file names no index: whoever installs has their own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from install import LIST, PIN, REST, ROOT


def pins(extra: str, *arguments: str) -> list[str]:
    """Return a text of each package that an extra needs, with its hashes."""
    with TemporaryDirectory() as folder:
        written = Path(folder, LIST.name)
        written.write_text(LIST.read_text())  # uv prefers the versions that it finds there
        command = ["uv", "pip", "compile", "--universal", "--python-version", "3.11", "--quiet"]
        command += ["--generate-hashes", "--no-header", "--no-annotate", "--extra", extra]
        command += [*arguments, "--output-file", str(written), "pyproject.toml"]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        return [pin for pin in PIN.split(written.read_text()) if "==" in pin]


def main() -> None:
    """Write the list."""
    everything = pins("dev", *sys.argv[1:])
    LIST.write_text("".join(everything))
    first = pins("checkout")
    names = {pin.partition("==")[0] for pin in first}
    rest = [pin for pin in everything if pin.partition("==")[0] not in names]
    demo = [pin for pin in everything if pin.partition("==")[0] in names]
    LIST.write_text("".join([*demo, REST, *rest]))


if __name__ == "__main__":
    main()
