"""Keeps a database of the program as it is now, for the tests of the programs to come.

    python -m tests.storage.old_databases.make NAME

It deploys the sample estate on the emulator, audits the smaller of its accounts in one region, and
writes NAME.sql.xz (SQLite's own dump) and NAME.keys.json beside itself. Run it once, just before a
release; what it wrote is never made again.
"""

from __future__ import annotations

import lzma
import os
import sqlite3
import sys
import tempfile
from pathlib import Path

import orjson

from cloudsealed.cli.audit import run_audit
from cloudsealed.cli.operate import initialize
from cloudsealed.cli.session import open_installation
from cloudsealed.testing.emulator import Emulator
from cloudsealed.testing.estate import deploy
from cloudsealed.testing.estate_site import AUDIT_ROLE, FAR_REGION, SECOND_ACCOUNT

HERE = Path(__file__).parent
_CONNECTION = {
    "provider": "aws",
    "name": "larkspur-sandbox",
    "regions": [FAR_REGION],
    "role_arn": f"arn:aws:iam::{SECOND_ACCOUNT}:role/{AUDIT_ROLE}",
}


def make(name: str) -> None:
    """Write the two files."""
    with tempfile.TemporaryDirectory() as folder, Emulator() as emulator:
        os.environ.update(emulator.environment(), CLOUDSEALED_DATA_DIR=folder)
        deploy(emulator.endpoint)
        _audit()
        with sqlite3.connect(Path(folder) / "cloudsealed.db") as raw:
            dump = "\n".join(raw.iterdump())
        raw.close()
        (HERE / f"{name}.sql.xz").write_bytes(lzma.compress(dump.encode(), preset=9))
        (HERE / f"{name}.keys.json").write_bytes((Path(folder) / "keys.json").read_bytes())


def _audit() -> None:
    tenant = initialize("ann@example.com")["tenant"]["id"]
    installation = open_installation(create=False)
    made = installation.connections.create(tenant=tenant, body=_CONNECTION)
    request = {"connection_ids": [orjson.loads(made)["id"]]}
    audit = orjson.loads(installation.audits.create(tenant=tenant, body=request, queue=False))
    ended = run_audit(installation, tenant, audit["id"])
    assert ended["status"] == "completed", ended
    installation.database.close()


if __name__ == "__main__":
    make(sys.argv[1])
