"""Renders sample reports of the demo's estate, as people see them, into docs/reports.

    python tools/sample_report.py [KIND ...] [--language CODE] [--folder FOLDER]

It audits the emulated estate five times, a month apart, while the estate is mended and broken, and
the last time with a permission missing. Ids and the estate's ages are new each time, so that two
runs do not give the same bytes; the same audit does. KIND is `executive_summary` unless given. It
speaks to this machine alone.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import orjson

from cloudsealed import working
from cloudsealed.reports.store import JOB
from cloudsealed.settings import LANGUAGES, Settings
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.migrate import migrate
from cloudsealed.testing.emulator import Emulator
from cloudsealed.testing.estate import deploy
from cloudsealed.testing.estate_mutations import EstateEditor
from cloudsealed.testing.estate_site import AUDIT_ROLE, FAR_REGION, HOME_REGION, SECOND_ACCOUNT
from cloudsealed.vocabulary import ReportKind
from cloudsealed.wiring import build_services

ROOT = Path(__file__).parent.parent
MONTH = timedelta(days=30)
OLD = [f"larkspur-old-{number}" for number in range(10)]
SPOILT = "larkspur-records"
FRAMEWORK = "cis-aws-5.0"
ORDERS = {
    "key": "orders-count-more",
    "kind": "classification",
    "title": "Orders count more",
    "when": "get(resource, 'Name', '').contains('records')"
    " || get(resource, 'DBInstanceIdentifier', '').contains('orders')",
    "set": {"severity": "critical"},
    "reason": "Customers depend on them",
}


class Sample:
    """An installation beside an emulated AWS, with a clock that is moved on by hand."""

    def __init__(self, folder: Path, emulator: Emulator, language: str) -> None:
        self._emulator = emulator
        self._now = datetime.now(UTC) - 5 * MONTH
        settings = Settings(
            data_dir=folder, report_language=language, public_url="https://cloudsealed.example.com"
        )
        ensure_keys(settings.key_path)
        migrate(settings)
        self.services = build_services(settings, clock=lambda: self._now)
        self.tenant = self.services.tenants.ensure(name="Larkspur").id
        self.services.policies.synchronize(tenant=self.tenant)
        self.services.policies.create(tenant=self.tenant, body=ORDERS)
        self._connections = [self._connect(body) for body in _connections()]

    def _connect(self, body: dict[str, object]) -> str:
        made = self.services.connections.create(tenant=self.tenant, body=body)
        ident: str = orjson.loads(made)["id"]
        return ident

    def audit(self) -> str:
        """Audit the estate; return the audit's id."""
        body = {"connection_ids": self._connections}
        made = self.services.audits.create(tenant=self.tenant, body=body, queue=False)
        ident: str = orjson.loads(made)["id"]
        self.services.runner.run(tenant=self.tenant, ident=ident, owner="sample")
        return ident

    def story(self) -> str:
        """Audit the estate five times, a month apart; return the last audit's id."""
        editor = EstateEditor(self._emulator.endpoint)
        denied = {"service": "s3", "operation": "GetBucketPolicy", "kind": "access_denied"}
        months: Sequence[Sequence[Callable[[], object]]] = (
            [partial(editor.add_open_group, name) for name in OLD],
            [editor.mend_bucket, *(partial(editor.close_group, name) for name in OLD[:4])],
            [editor.spoil_bucket, *(partial(editor.close_group, name) for name in OLD[4:8])],
            [partial(keep_versions, editor), editor.terminate_instance],
            [
                editor.spoil_bucket,
                editor.close_group,
                editor.delete_volume,
                editor.add_open_group,
                partial(editor.close_group, OLD[8]),
                partial(self._emulator.faults, {**denied, "account": SECOND_ACCOUNT}),
            ],
        )
        for changes in months:
            for change in changes:
                change()
            self._now += MONTH
            audit = self.audit()
        return audit

    def report(self, kind: str, audit: str) -> bytes:
        """Return the PDF of a report, made as the worker makes it."""
        framework = FRAMEWORK if kind == ReportKind.COMPLIANCE_EVIDENCE else None
        body = {"kind": kind, "audit_id": audit, "framework": framework}
        made = orjson.loads(self.services.reports.create(tenant=self.tenant, body=body))
        working.worker(self.services).run_once(JOB)
        file = self.services.reports.file(tenant=self.tenant, ident=made["id"], format="pdf")
        return b"".join(file.content)


def keep_versions(editor: EstateEditor) -> None:
    """Take back what spoiling a bucket does to its versions."""
    editor.site.client("s3").put_bucket_versioning(
        Bucket=SPOILT, VersioningConfiguration={"Status": "Enabled"}
    )


def _connections() -> Sequence[dict[str, object]]:
    regions = [HOME_REGION, FAR_REGION]
    role = f"arn:aws:iam::{SECOND_ACCOUNT}:role/{AUDIT_ROLE}"
    return (
        {"provider": "aws", "name": "larkspur-main", "regions": regions},
        {"provider": "aws", "name": "larkspur-sandbox", "regions": regions, "role_arn": role},
    )


def main(arguments: Sequence[str]) -> int:
    """Render what is asked for; return the exit code."""
    parser = argparse.ArgumentParser(prog="sample_report.py")
    parser.add_argument("kinds", nargs="*", type=ReportKind, metavar="KIND")
    parser.add_argument("--language", choices=LANGUAGES, default="en")
    parser.add_argument("--folder", type=Path, default=ROOT / "docs" / "reports")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, Emulator() as emulator:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(emulator.environment())
        deploy(emulator.endpoint)
        sample = Sample(Path(folder), emulator, asked.language)
        audit = sample.story()
        asked.folder.mkdir(parents=True, exist_ok=True)
        for kind in asked.kinds or [ReportKind.EXECUTIVE_SUMMARY]:
            file = asked.folder / f"{kind.replace('_', '-')}.pdf"
            file.write_bytes(sample.report(kind, audit))
            print(f"{file}: {file.stat().st_size >> 10} KiB")
        sample.services.database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
