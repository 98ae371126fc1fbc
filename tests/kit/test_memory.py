from __future__ import annotations

import platform
import subprocess
import sys

import pytest

_TURNS = """
import ctypes, threading
from cloudsealed.kit.memory import share_one_arena
{first}
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
BLOCKS, SIZE, ROUNDS = 5_000, 4_096, 8
kept = []
fill = lambda: kept.extend(libc.malloc(SIZE) for _ in range(BLOCKS))
turns = [threading.Semaphore(0) for _ in range(ROUNDS)]
done = threading.Semaphore(0)
def run(turn):
    turn.acquire()
    fill()
    libc.malloc(SIZE)  # stays, so that the end of the arena does not shrink
    done.release()
    turn.acquire()
for turn in turns:
    threading.Thread(target=run, args=[turn], daemon=True).start()
for turn in turns:
    turn.release()
    done.acquire()
    while kept:
        libc.free(kept.pop())
resident = next(line for line in open("/proc/self/status") if line.startswith("VmRSS"))
print(int(resident.split()[1]) * 1024)
"""


def _resident(first: str) -> int:
    """Return the bytes of a process in which eight threads filled what another one freed."""
    code = [sys.executable, "-c", _TURNS.format(first=first)]
    return int(subprocess.run(code, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of glibc's malloc")
def test_what_one_thread_freed_is_what_the_next_one_takes() -> None:
    each = 5_000 * 4_096
    assert _resident("share_one_arena()") < _resident("pass") - 3 * each
