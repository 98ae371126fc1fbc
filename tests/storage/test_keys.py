"""The key file is made once, read by its owner alone, and holds every purpose's keys."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.program import Talker, program
from tests.waiting import SECONDS

from cloudsealed.kit.clock import rfc3339
from cloudsealed.storage.keys import (
    PURPOSES,
    REPLACEABLE,
    KeyFileError,
    ensure_keys,
    load_keys,
    replace_key,
)

MAKE = (
    "import sys, pathlib; from cloudsealed.storage.keys import ensure_keys;"
    "print(ensure_keys(pathlib.Path(sys.argv[1])).fingerprint)"
)
NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
NONE = json.dumps({purpose: [] for purpose in PURPOSES})
SHORT = json.dumps({purpose: [{"id": "short", "secret": "YQ=="}] for purpose in PURPOSES})


def started(path: Path, code: str) -> Talker:
    return program().talk(str(path), code=code, environment=os.environ)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "inner" / "keys.json"


def test_a_new_file_has_a_fresh_key_of_32_bytes_for_each_purpose(path: Path) -> None:
    ring = ensure_keys(path)
    secrets = {ring.current(purpose).secret for purpose in PURPOSES}
    assert len(secrets) == len(PURPOSES)
    assert {len(secret) for secret in secrets} == {32}
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["keys.json"]


def test_a_file_that_is_there_is_read_and_never_made_again(path: Path) -> None:
    first = ensure_keys(path)
    content = path.read_bytes()
    assert ensure_keys(path) == load_keys(path) == first
    assert path.read_bytes() == content


def test_what_a_killed_process_left_does_not_keep_one_of_the_same_number_from_making_it(
    path: Path,
) -> None:
    numbered = f"import os; os.getpid = lambda: 7; {MAKE}"  # as in a container
    killed = numbered.replace("7;", "7; os.link = lambda *_: os.kill(0, 9);")
    command = (sys.executable, "-c")
    done = subprocess.run([*command, killed, str(path)], start_new_session=True, check=False)
    assert done.returncode == -signal.SIGKILL
    assert not path.exists()
    subprocess.run([*command, numbered, str(path)], check=True)
    load_keys(path)


def test_processes_that_make_it_at_once_end_with_one_set(path: Path) -> None:
    with ExitStack() as stack:
        running = [stack.enter_context(started(path, MAKE)) for _ in range(4)]
        assert {each.said() for each in running} == {load_keys(path).fingerprint}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_can_read_is_refused_with_what_to_do(path: Path, mode: int) -> None:
    ensure_keys(path)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match="chmod 600"):
        load_keys(path)


def test_a_file_that_is_not_there_is_refused_with_what_to_do(path: Path) -> None:
    with pytest.raises(KeyFileError, match="run `cloudsealed init`"):
        load_keys(path)


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", '{"tokens": 1}', "\x00", NONE, SHORT])
def test_a_file_that_holds_no_keys_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="is not a key file"):
        load_keys(path)


def test_the_newest_key_makes_and_every_key_reads(path: Path) -> None:
    ensure_keys(path)
    document = json.loads(path.read_text())
    newer = {"id": "cursors-new", "secret": base64.b64encode(b"n" * 32).decode()}
    document["cursors"].insert(0, newer)
    before = load_keys(path)
    path.write_text(json.dumps(document))
    ring = load_keys(path)
    assert ring.current("cursors").id == "cursors-new"
    assert ring.all("cursors")[1:] == before.all("cursors")
    assert ring.fingerprint == before.fingerprint


def test_a_tenants_key_is_its_own_and_does_not_change(path: Path) -> None:
    ring = ensure_keys(path)
    made = {ring.for_tenant(p, t) for p in ("redaction", "seal") for t in ("ten_a", "ten_b")}
    assert len(made) == 4
    assert load_keys(path).for_tenant("seal", "ten_a") == ring.for_tenant("seal", "ten_a")


def test_a_key_that_is_replaced_stays_behind_the_new_one(path: Path) -> None:
    old = ensure_keys(path)
    ident = replace_key(path, "seal").id
    new = load_keys(path)
    assert [key.id for key in new.all("seal")] == [ident, old.current("seal").id]
    assert new.all("seal")[1] == old.current("seal")
    assert new.keys | {"seal": old.all("seal")} == old.keys
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("purpose", REPLACEABLE)
def test_an_old_key_counts_until_its_declared_end_and_stays_in_the_file(
    path: Path, purpose: str
) -> None:
    old = ensure_keys(path)
    made = replace_key(path, purpose, keep=timedelta(days=2), clock=lambda: NOW)
    times = [NOW, NOW + timedelta(days=1.99), NOW + timedelta(days=2)]
    rings = [replace(load_keys(path), clock=lambda at=at: at) for at in times]
    assert [len(ring.all(purpose)) for ring in rings] == [2, 2, 1]
    assert {ring.current(purpose) for ring in rings} == {made}
    assert rings[0].all(purpose)[1].secret == old.current(purpose).secret
    assert {ring.fingerprint for ring in rings} == {old.fingerprint}
    assert len(rings[-1].keys[purpose]) == 2


def test_what_holds_keys_for_long_sees_one_end_and_another_begin(path: Path) -> None:
    [first] = ensure_keys(path).all("tokens")
    soon, hour = timedelta(hours=1), timedelta(hours=1)
    made = replace_key(path, "tokens", wait=soon, keep=hour, clock=lambda: NOW)
    now = NOW
    ring = replace(load_keys(path), clock=lambda: now)
    live = ring.live("tokens")
    assert (live[0].id, list(live), len(live)) == (first.id, [live[0], made], 2)
    now = NOW + timedelta(hours=1)
    assert (live[0], live[1].id) == (made, first.id)
    now = NOW + timedelta(hours=2)
    assert list(live) == [made] == list(ring.all("tokens"))


def test_a_later_end_never_lengthens_an_earlier_one(path: Path) -> None:
    ensure_keys(path)
    for days in (3, 10, 1):
        replace_key(path, "cursors", keep=timedelta(days=days), clock=lambda: NOW)
    assert [key.until for key in load_keys(path).keys["cursors"]] == [
        None,
        *[rfc3339(NOW + timedelta(days=1))] * 3,
    ]


def test_keys_that_are_replaced_at_once_are_all_kept(path: Path) -> None:
    ensure_keys(path)
    replaces = (
        "import sys, pathlib; from cloudsealed.storage.keys import replace_key;"
        "replace_key(pathlib.Path(sys.argv[1]), 'cursors')"
    )
    with ExitStack() as stack:
        running = [stack.enter_context(started(path, replaces)) for _ in range(4)]
        assert [each.process.wait(SECONDS) for each in running] == [0] * 4
    assert len(load_keys(path).all("cursors")) == 5
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "change", [{"until": "2030-01-01T00:00:00Z"}, {"since": "2030-01-01T00:00:00Z"}, {"until": 1}]
)
def test_a_file_that_would_be_left_without_a_key_is_refused(
    path: Path, change: dict[str, str]
) -> None:
    ensure_keys(path)
    document = json.loads(path.read_text())
    document["tokens"][0] |= change
    path.write_text(json.dumps(document))
    with pytest.raises(KeyFileError, match="is not a key file"):
        load_keys(path)


def test_the_key_of_what_was_redacted_cannot_be_replaced(path: Path) -> None:
    ensure_keys(path)
    with pytest.raises(KeyFileError, match="stays"):
        replace_key(path, "redaction")
    with pytest.raises(KeyFileError, match="cloudsealed init"):
        replace_key(path.with_name("none"), "seal")
