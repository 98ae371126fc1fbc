"""The partitions that docs/operate/internet-scale.md describes can be made, and nothing notices."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import func, literal_column, select
from tests.audits.world import TENANT, Clock, Cloud, Pass

from cloudsealed.audits.sealing.retention import expire_evidence, forget_evidence
from cloudsealed.kit.clock import rfc3339, utc_now
from cloudsealed.kit.ids import first_id
from cloudsealed.settings import Settings
from cloudsealed.storage.archive import export_to, import_from
from cloudsealed.storage.database import Database
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.migrate import differences, migrate
from cloudsealed.storage.open import open_database
from cloudsealed.storage.ownership import claim
from cloudsealed.storage.revision import require_current_schema
from cloudsealed.storage.schema import calls, findings
from cloudsealed.vocabulary import AuditStatus

PAGE = Path(__file__).parents[2] / "docs/operate/internet-scale.md"
LEDGER, FINDINGS = re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.DOTALL)
POLICY = "resource.Attributes.A == '1'"
pytestmark = pytest.mark.parametrize("storage_settings", ["postgresql"], indirect=True)


def make(settings: Settings, script: str, **months: datetime) -> None:
    """Run a script of the page, with ids in the place of its months."""
    for name, moment in months.items():
        script = script.replace(f":'{name}'", f"'{first_id('aud', moment)}'")
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute(script.encode())


def audited(begin: Any, cloud: Cloud, check: Any, month: datetime | None = None) -> Pass:
    """Take an audit whose id is of the present, or the first one of a month."""
    ident = month and first_id("aud", month)
    audit: Pass = begin(**({"id": ident, "source_id": ident} if ident else {}))
    policy = check(POLICY)
    audit.collect(cloud)
    audit.judge(policy)
    audit.apply()
    moment = rfc3339(audit.clock())
    audit.take().set(status=AuditStatus.COMPLETED, finished_at=moment)
    return audit


def parts(database: Database, table: Any, part: str = "tableoid::regclass::text") -> dict[str, int]:
    """Return how many rows each partition of a table has."""
    name = literal_column(part)
    with database.read() as connection:
        found = connection.all(select(name, func.count()).select_from(table).group_by(name))
    return dict(found)  # type: ignore[arg-type]  # rows of two


def exported(database: Database, settings: Settings, folder: Path) -> int:
    """Return how many calls come out of an archive, on the other database."""
    claim(database, ensure_keys(settings.key_path))
    export_to(folder / "all.zip", settings, lambda *_: None)
    elsewhere = Settings(data_dir=folder / "elsewhere")
    import_from(folder / "all.zip", elsewhere, lambda *_: None)
    with closing(open_database(elsewhere)) as other:
        return sum(parts(other, calls, "'calls'").values())


def test_the_ledger_can_be_parted_by_month(
    begin: Any,
    cloud: Cloud,
    clock: Clock,
    check: Any,
    database: Database,
    storage_settings: Settings,
    tmp_path: Path,
) -> None:
    cloud.queues = {"a": {"A": "1"}, "b": {"A": "2"}}
    old = audited(begin, cloud, check)
    kept = [*old.ledger.entries()]
    now = utc_now()
    december, january, february = (now + timedelta(days=days) for days in (0, 30, 60))
    make(storage_settings, LEDGER, december=december, january=january, february=february)
    require_current_schema(storage_settings)
    assert differences(storage_settings) == []
    migrate(storage_settings)
    clock.move(days=1)
    ahead = datetime(2999, 1, 1, tzinfo=UTC)
    new = [audited(begin, cloud, check, month) for month in (None, january, ahead)]
    assert [*old.ledger.entries()] == kept
    for audit in new:
        assert len([*audit.ledger.entries()]) == len(kept)
    names = ("calls_before", "calls_2026_12", "calls_2027_01", "calls_later")
    assert parts(database, calls) == dict.fromkeys(names, len(kept))
    assert exported(database, storage_settings, tmp_path) == len(names) * len(kept)
    expire_evidence(database, clock, tenant=TENANT, days=400)
    clock.move(days=400, hours=-1)
    assert expire_evidence(database, clock, tenant=TENANT, days=400) == 1
    forget_evidence(database, clock, tenant=TENANT, days=400)
    assert parts(database, calls) == dict.fromkeys(names[1:], len(kept))
    make(storage_settings, "DROP TABLE calls_before")
    assert audited(begin, cloud, check).ledger.count()["ok"] > 0


def test_findings_can_be_parted_by_tenant(
    begin: Any,
    cloud: Cloud,
    clock: Clock,
    check: Any,
    database: Database,
    storage_settings: Settings,
) -> None:
    cloud.queues = {"a": {"A": "1"}, "b": {"A": "2"}}
    audited(begin, cloud, check)
    make(storage_settings, FINDINGS)
    require_current_schema(storage_settings)
    assert differences(storage_settings) == []
    clock.move(days=1)
    cloud.queues |= {"b": {"A": "1"}, "c": {"A": "1"}}
    audited(begin, cloud, check)
    with database.read() as connection:
        found = connection.all(select(findings.c.status).order_by(findings.c.id))
    assert found == [("open",)] * 3
    assert list(parts(database, findings).values()) == [3]
