"""What glibc does with freed memory; other C libraries are left alone.

Once a large block was freed it keeps the next ones, up to 32 MiB for each thread's arena, until its
threshold is set (mallopt(3), M_MMAP_THRESHOLD); small blocks it keeps until it is asked.
"""

from __future__ import annotations

import ctypes

_M_MMAP_THRESHOLD, _BYTES = -3, 128 * 1024
_libc = ctypes.CDLL(None)


def return_large_blocks() -> None:
    """Make the process return every block over 128 KiB as soon as it is freed."""
    if (mallopt := getattr(_libc, "mallopt", None)) is not None:
        mallopt(_M_MMAP_THRESHOLD, _BYTES)


def return_the_rest() -> None:
    """Return what is free now."""
    if (trim := getattr(_libc, "malloc_trim", None)) is not None:
        trim(0)
