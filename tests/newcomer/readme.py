"""The commands that the README tells a newcomer, as they stand there.

    python -m tests.newcomer.readme SECTION

prints those of one section. What runs them takes them from here, so that the two cannot differ.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
_SECTION = re.compile(r"^## (.*)$", re.MULTILINE)
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(section: str) -> list[str]:
    """Return the lines of a section's shell blocks, in their order; raises KeyError."""
    _, *parts = _SECTION.split(README.read_text())
    found = dict(zip(parts[::2], parts[1::2], strict=True))[section]
    return [line for block in _BLOCK.findall(found) for line in block.splitlines() if line]


def sections() -> list[str]:
    """Return the names of the README's sections that tell commands."""
    names = _SECTION.findall(README.read_text())
    return [name for name in names if commands(name)]


if __name__ == "__main__":
    print("\n".join(commands(sys.argv[1])))
