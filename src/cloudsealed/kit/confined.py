"""Runs a module of ours in a process of its own, bounded in memory and time.

The process reads its order as JSON from standard input and writes its result to standard output. It
gets none of our environment, so that no secret of ours is in it.
"""

from __future__ import annotations

import math
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

import cloudsealed

_WAIT = 6


class ConfinedError(Exception):
    """The process did not end well. The text says in which bounds, to go on a sentence, and holds
    nothing of the order."""


def run_confined(
    module: str, order: Mapping[str, Any], *, seconds: float, memory: int,
    environment: Mapping[str, str] | None = None,
) -> bytes:  # fmt: skip
    """Return what a module writes when it is given an order; raises ConfinedError.

    `seconds` bounds the processor's time, and `_WAIT` times as much the wall time, so that a busy
    machine is not taken for an order that is too large; `memory` the address space in bytes.
    """
    package = str(Path(cloudsealed.__path__[0]).parent)
    try:
        done = subprocess.run(  # noqa: S603 - our own module, no argument comes from outside
            [sys.executable, "-P", "-m", module],
            input=orjson.dumps({**order, "memory": memory, "seconds": math.ceil(seconds)}),
            capture_output=True, timeout=seconds * _WAIT,
            env={"PYTHONPATH": package, "PATH": os.defpath, **(environment or {})}, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ConfinedError(f"within {seconds:g} seconds") from None
    if done.returncode == -signal.SIGXCPU:
        raise ConfinedError(f"within {seconds:g} seconds")
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise ConfinedError("in its process") from RuntimeError(last[:500])
    return done.stdout


def take_order() -> dict[str, Any]:
    """Return the order, once this process is within its bounds."""
    order: dict[str, Any] = orjson.loads(sys.stdin.buffer.read())
    resource.setrlimit(resource.RLIMIT_AS, (order["memory"], order["memory"]))
    resource.setrlimit(resource.RLIMIT_CPU, (order["seconds"], order["seconds"] + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return order
