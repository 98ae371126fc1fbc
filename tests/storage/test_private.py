"""What an installation writes can be opened by its owner alone, whatever the umask."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from tests.program import program

from cloudsealed.settings import Settings
from cloudsealed.storage.private import loose, private_file, private_folder, tighten

WRITE = """
import os, pathlib, sys
os.umask(int(sys.argv[2], 8))
from cloudsealed.cli.operate import initialize
from cloudsealed.cli.serve import only_server
from cloudsealed.cli.session import open_installation
from cloudsealed.storage.backup import back_up
data = pathlib.Path(sys.argv[1])
os.environ["CLOUDSEALED_DATA_DIR"] = str(data)
initialize("ann@example.com")
services = open_installation(create=False)
services.blobs.put("report.json", b"{}")
with only_server(services.settings):
    services.tenants.create(name="b")
    back_up(services.settings, data.parent / "copies" / "one")
    os.system(f"find {data} {data.parent / 'copies'} -printf '%m %y %p\\n'")
"""


@pytest.mark.parametrize("umask", ["000", "022", "077", "0777"])
def test_every_file_and_folder_is_private(tmp_path: Path, umask: str) -> None:
    data = str(tmp_path / "new" / "data")
    done = program().run(data, umask, code=WRITE, folder=tmp_path, environment=os.environ)
    assert done.returncode == 0, done.stderr
    found = [line.split(maxsplit=2) for line in done.stdout.splitlines() if line[0].isdigit()]
    names = {Path(path).name for _mode, _kind, path in found}
    assert names >= {
        "cloudsealed.db",
        "cloudsealed.db-wal",
        "cloudsealed.db-shm",
        "keys.json",
        "serve.lock",
        "report.json",
        "one",
    }
    assert {(mode, kind) for mode, kind, _path in found} == {("700", "d"), ("600", "f")}


def test_loose_files_are_named_with_the_command_and_tightened(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    private_file(settings.sqlite_path)
    private_folder(settings.blob_dir)
    private_file(settings.blob_dir / "a.pdf")
    tmp_path.chmod(0o755)
    for path in (settings.sqlite_path, settings.blob_dir / "a.pdf"):
        path.chmod(0o644)
    wrong = {each.path.name: str(each) for each in loose(settings)}
    assert wrong.keys() == {tmp_path.name, "cloudsealed.db", "a.pdf"}
    assert "has mode 0644: run `chmod 600" in wrong["cloudsealed.db"]
    tighten(settings)
    assert loose(settings) == []


def test_a_folder_that_everybody_may_write_to_is_not_changed(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    private_file(settings.sqlite_path)
    tmp_path.chmod(0o1777)
    tighten(settings)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777
    assert [each.path for each in loose(settings)] == [tmp_path]


def test_a_folder_without_an_installation_is_nobodys_to_change(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert loose(Settings(data_dir=tmp_path)) == []


def test_a_file_that_is_there_keeps_its_content(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"kept")
    private_file(path)
    assert path.read_bytes() == b"kept"
    assert os.access(path, os.W_OK)
