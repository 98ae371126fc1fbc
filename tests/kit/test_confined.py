"""A process of ours is bounded in what it uses, not in how long a busy machine takes over it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.waiting import until

import cloudsealed
from cloudsealed.kit import confined
from cloudsealed.kit.confined import ConfinedError, run_confined

_MODULE = """
import os, signal, socket, time, resource
from pathlib import Path

told = []

def answer(order):
    return globals()[order["do"]](order)

def work(order):
    while True:
        pass

def wait(order):
    Path(order["begun"]).touch()
    time.sleep(order["pause"])
    return b"done"

def end(order):
    os.kill(os.getpid(), signal.SIGKILL)

def remember(order):
    told.append(order["what"])
    return repr(told).encode()

def grow(order):
    return bytes(order["bytes"])

def fail(order):
    raise ValueError(order["what"])

def write(order):
    Path(order["file"]).write_text("x" * 10)
    return b"written"

def open_files(order):
    return str(sorted(int(name) for name in os.listdir("/proc/self/fd"))).encode()

def environment(order):
    return repr(sorted(os.environ)).encode()

def ids(order):
    return f"{os.getpid()} {os.getppid()}".encode()
"""
MEMORY = 1 << 30


@pytest.fixture
def where(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The variables under which `ordered` is a module."""
    (tmp_path / "ordered.py").write_text(_MODULE)
    found = {"PYTHONPATH": f"{tmp_path}:{Path(cloudsealed.__path__[0]).parent}"}
    yield found
    warm(found).end()


def warm(where: dict[str, str]) -> confined.Warm:
    return confined._warm("ordered", tuple(where.items()))


def run(
    where: dict[str, str], do: str, seconds: float = 60, memory: int = MEMORY, **order: Any
) -> bytes:
    given = {"do": do, **order}
    return run_confined("ordered", given, seconds=seconds, memory=memory, environment=where)


def test_who_waits_longer_than_it_may_work_is_not_ended(
    where: dict[str, str], tmp_path: Path
) -> None:
    assert run(where, "wait", 2, begun=str(tmp_path / "begun"), pause=2.5) == b"done"


def test_who_works_without_end_is_ended(where: dict[str, str]) -> None:
    with pytest.raises(ConfinedError, match="within 1 seconds"):
        run(where, "work", 1)


def test_who_waits_without_end_is_ended_and_none_is_left(
    where: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(ConfinedError, match=r"within 0\.2 seconds"):
        run(where, "wait", 0.2, begun=str(tmp_path / "begun"), pause=600)
    until(lambda: not children(warm(where).pid), "the child is gone")


def children(pid: int | None) -> str:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text()


def test_one_process_stays_and_each_order_has_a_child_that_knows_of_no_other(
    where: dict[str, str],
) -> None:
    first, second = (run(where, "ids").split() for _ in range(2))
    assert first[0] != second[0]
    assert first[1] == second[1] == str(warm(where).pid).encode()
    assert [run(where, "remember", what=each) for each in "ab"] == [b"['a']", b"['b']"]


def test_a_child_is_bounded_in_memory_files_and_what_it_writes(
    where: dict[str, str], tmp_path: Path
) -> None:
    for do, more in (
        ("grow", {"bytes": MEMORY}),
        ("write", {"file": str(tmp_path / "written")}),
        ("fail", {"what": "so"}),
        ("end", {}),
    ):
        with pytest.raises(ConfinedError, match="in its process"):
            run(where, do, **more)
    assert run(where, "open_files") == b"[0, 1, 2, 3]", "its order, two that are null, the folder"
    assert run(where, "grow", bytes=10 << 20) == bytes(10 << 20)
    with pytest.raises(ConfinedError, match="in its process"):
        run(where, "grow", memory=1 << 20, bytes=10)
    with pytest.raises(ConfinedError, match="within 0 seconds"):
        run(where, "grow", seconds=0, bytes=10)


def test_nothing_of_our_environment_and_no_open_file_of_ours_is_in_it(
    where: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SECRET", "x")
    (tmp_path / "secret").write_text("x")
    with (tmp_path / "secret").open() as ours:
        os.set_inheritable(ours.fileno(), True)
        found = run(where, "environment")
        links = [str(each.readlink()) for each in Path(f"/proc/{warm(where).pid}/fd").iterdir()]
    assert b"SECRET" not in found
    assert not any("secret" in link for link in links)


def test_a_process_that_is_killed_costs_the_orders_that_it_has_and_no_more(
    where: dict[str, str], tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    with ThreadPoolExecutor(1) as pool:
        order = pool.submit(run, where, "wait", begun=str(begun), pause=600)
        until(begun.exists, "the child has its order")
        first = warm(where).pid
        assert first is not None
        child = int(children(first))
        os.kill(first, signal.SIGKILL)
        with pytest.raises(ConfinedError, match="in its process"):
            order.result()
    until(lambda: not Path(f"/proc/{child}").exists(), "the child ended with it")
    assert int(run(where, "ids").split()[1]) != first


def test_many_orders_at_once_get_each_their_own_answer(where: dict[str, str]) -> None:
    ready = threading.Barrier(8)

    def ask(number: int) -> bytes:
        ready.wait()
        return run(where, "remember", what=number)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(8)))
    assert found == [f"[{number}]".encode() for number in range(8)]
    until(lambda: not children(warm(where).pid), "no child is left")


def test_a_module_that_cannot_be_imported_is_an_error_of_the_order() -> None:
    with pytest.raises(ConfinedError, match="in its process"):
        run_confined("cloudsealed.nowhere", {}, seconds=10, memory=MEMORY)


def test_the_process_and_its_children_end_with_ours(tmp_path: Path, where: dict[str, str]) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import os, signal, sys, threading, time\n"
        "from pathlib import Path\n"
        "from cloudsealed.kit import confined\n"
        "where, begun, told = eval(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])\n"
        "order = {'do': 'wait', 'begun': str(begun), 'pause': 600}\n"
        "def run(): confined.run_confined('ordered', order, seconds=600, memory=1 << 30,"
        " environment=where)\n"
        "threading.Thread(target=run, daemon=True).start()\n"
        "while not begun.exists(): time.sleep(0.02)\n"
        "told.write_text(str(confined._warm('ordered', tuple(where.items())).pid))\n"
        "os.kill(os.getpid(), getattr(signal, sys.argv[4]))\n"
    )
    for how in ("SIGKILL", "SIGINT"):
        begun, told = tmp_path / f"begun-{how}", tmp_path / f"told-{how}"
        _ran(program, where, begun, told, how)
        pid = int(told.read_text())
        until(lambda pid=pid: not Path(f"/proc/{pid}").exists(), "the process is gone")


def _ran(program: Path, where: dict[str, str], *arguments: object) -> None:
    subprocess.run(
        [sys.executable, str(program), repr(where), *map(str, arguments)],
        env={**os.environ, **where},
        capture_output=True,
        check=False,
        timeout=240,
    )
