"""Values that real estates hold, harmless and not; all are made up.

The files hold no value that a scanner could take for a live one: `{b62:36}` stands for 36
characters that are drawn when the file is read, the same ones every time.
"""

from __future__ import annotations

import base64
import csv
import random
import re
import uuid
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
_ALPHABETS = {
    "b62": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
    "b64": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    "b32": "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
    "hex": "0123456789abcdef",
    "hexu": "0123456789ABCDEF",
    "low": "abcdefghijklmnopqrstuvwxyz0123456789",
    "upp": "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    "dig": "123456789",
}
_DRAWN = re.compile(r"\{(?:(b62|b64|b32|hexu?|low|upp|dig):(\d+)|(uuid)|(lit|of):([^{}]*))\}")


class Sample(NamedTuple):
    """A value, what it was called ("" for a script), and whether it is a secret."""

    place: str
    name: str
    value: str
    secret: bool


def samples() -> list[Sample]:
    """Return every sample of the files beside this one."""
    return [
        *_table("harmless.csv", "environment", secret=False),
        *_table("stack_harmless.csv", "stack_parameter", secret=False),
        *_scripts("harmless_scripts.txt", secret=False),
        *_table("secrets.csv", "environment", secret=True),
        *_table("stack_secrets.csv", "stack_parameter", secret=True),
        *_scripts("secret_scripts.txt", secret=True),
    ]


def _table(file: str, place: str, *, secret: bool) -> list[Sample]:
    with (HERE / file).open(newline="") as rows:
        return [
            Sample(place, _drawn(row["name"]), _lines(_drawn(row["value"])), secret)
            for row in csv.DictReader(rows)
        ]


def _lines(text: str) -> str:
    """`\\n` in the file is a line's end, `\\\\n` the two characters."""
    return re.sub(r"(\\?)\\n", lambda found: "\\n" if found[1] else "\n", text)


def _scripts(file: str, *, secret: bool) -> list[Sample]:
    _, *parts = re.split(r"^%% .*\n", (HERE / file).read_text(), flags=re.MULTILINE)
    return [Sample("user_data", "", _drawn(part), secret) for part in parts]


def _drawn(text: str) -> str:
    chance = random.Random(text)
    drawn = _DRAWN.sub(lambda found: _one(found, chance), text)
    return drawn.replace("{{", "{").replace("}}", "}") if "{{resolve" not in drawn else drawn


def _one(found: re.Match[str], chance: random.Random) -> str:
    alphabet, count, is_uuid, form, text = found.groups()
    if is_uuid:
        return str(uuid.UUID(int=chance.getrandbits(128), version=4))
    if form == "of":
        return base64.b64encode(text.encode()).decode()
    return text if form else "".join(chance.choices(_ALPHABETS[alphabet], k=int(count)))
