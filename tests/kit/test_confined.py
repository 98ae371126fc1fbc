"""A process of ours is bounded in what it uses, not in how long a busy machine takes over it."""

from __future__ import annotations

from pathlib import Path

import pytest

import cloudsealed
from cloudsealed.kit.confined import ConfinedError, run_confined

_MODULE = """
import sys, time
from cloudsealed.kit.confined import take_order

order = take_order()
while order["is_busy"]:
    pass
time.sleep(order["pause"])
sys.stdout.write("done")
"""


@pytest.fixture
def where(tmp_path: Path) -> dict[str, str]:
    """The variables under which `ordered` is a module."""
    (tmp_path / "ordered.py").write_text(_MODULE)
    return {"PYTHONPATH": f"{tmp_path}:{Path(cloudsealed.__path__[0]).parent}"}


def run(where: dict[str, str], seconds: float, **order: float) -> bytes:
    return run_confined("ordered", order, seconds=seconds, memory=1 << 30, environment=where)


def test_who_waits_longer_than_it_may_work_is_not_ended(where: dict[str, str]) -> None:
    assert run(where, 2, is_busy=False, pause=2.5) == b"done"


def test_who_works_without_end_is_ended(where: dict[str, str]) -> None:
    with pytest.raises(ConfinedError, match="within 1 seconds"):
        run(where, 1, is_busy=True, pause=0)


def test_who_waits_without_end_is_ended(where: dict[str, str]) -> None:
    with pytest.raises(ConfinedError, match=r"within 0\.2 seconds"):
        run(where, 0.2, is_busy=False, pause=600)
