"""What glibc does with freed memory; other C libraries are left alone.

Once a large block was freed it keeps the next ones, up to 32 MiB for each thread's arena, until its
threshold is set (mallopt(3), M_MMAP_THRESHOLD); small blocks it keeps until it is asked.

What one thread's arena holds free is of no use to another thread. A connection's cache of pages is
freed into the arenas of the threads that filled it, and filled again from that of the next one, so
that each of fifteen came to hold what all need at once: a quarter of a worker's memory.
"""

from __future__ import annotations

import ctypes

_M_MMAP_THRESHOLD, _BYTES = -3, 128 * 1024
_M_ARENA_MAX = -8
_libc = ctypes.CDLL(None)


def share_one_arena() -> None:
    """Give the threads that start from now on one arena; those of Python take turns anyway."""
    _set(_M_ARENA_MAX, 1)


def return_large_blocks() -> None:
    """Make the process return every block over 128 KiB as soon as it is freed."""
    _set(_M_MMAP_THRESHOLD, _BYTES)


def return_the_rest() -> None:
    """Return what is free now."""
    if (trim := getattr(_libc, "malloc_trim", None)) is not None:
        trim(0)


def _set(option: int, value: int) -> None:
    if (mallopt := getattr(_libc, "mallopt", None)) is not None:
        mallopt(option, value)
