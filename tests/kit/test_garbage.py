from __future__ import annotations

import subprocess
import sys

_COUNTED = """
import gc
from cloudsealed.kit.garbage import staying
looks = []
gc.callbacks.append(lambda phase, _: looks.append(phase))
with staying():
    stays = [[number] for number in range(100_000)]
print(len(looks), gc.isenabled(), gc.get_freeze_count() > 100_000)
for _ in range(100_000):
    ring = []
    ring.append(ring)
print(0 < len(looks) < 100, len(gc.get_objects()) < 100_000)
try:
    with staying():
        raise KeyError
except KeyError:
    print(gc.isenabled())
"""


def test_what_stays_is_not_looked_through_and_rings_are_still_freed() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _COUNTED], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["0", "True", "True", "True", "True", "True"]
