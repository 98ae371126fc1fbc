"""An installation of the product beside an emulated AWS, driven as its surfaces drive it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from cloudsealed.audits.steps.run import Runner
from cloudsealed.collectors.aws.access import AwsSession
from cloudsealed.collectors.provider import Session
from cloudsealed.connections.service import ConnectionService
from cloudsealed.kit.clock import Clock, utc_now
from cloudsealed.settings import Settings
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.schema import events
from cloudsealed.testing.estate_site import FAR_REGION, HOME_REGION
from cloudsealed.wiring import build_services

REGIONS = (HOME_REGION, FAR_REGION)
Document = dict[str, Any]


class Impatient(ConnectionService):
    """Connections whose calls are tried twice, and given up after `seconds`: faults cost little."""

    seconds = 30.0

    def open(self, *, brief: float | None = None, **which: Any) -> Session:
        session = super().open(brief=brief, **which)
        assert isinstance(session, AwsSession)
        patience: Any = {} if brief else {"deadline": self.seconds, "max_attempts": 2}
        session.access = replace(session.access, read_timeout=self.seconds * 0.6, **patience)
        return session


class Hasty(Impatient):
    """Connections for a cloud that hangs."""

    seconds = 6.0


class Patient(Impatient):
    """Connections that ask nothing twice because the machine is slow: calls can be counted."""

    seconds = 900.0


class Installation:
    """Services over a data folder, and the variables that lead to a cloud."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        *,
        clock: Clock = utc_now,
        database_url: str = "",
    ) -> None:
        self.folder = folder
        self.environment = dict(environment)
        settings = Settings(data_dir=folder, database_url=database_url)
        ensure_keys(settings.key_path)
        self.services = build_services(settings, clock=clock)
        self.tenant = self.services.tenants.ensure(name="local").id
        self.services.policies.synchronize(tenant=self.tenant)
        self.connection = self.services.connections.ensure(
            tenant=self.tenant, name="default", body={"provider": "aws"}
        )
        self.impatient = self._runner(Impatient, clock)
        self.hasty = self._runner(Hasty, clock)
        self.patient = self._runner(Patient, clock)

    def _runner(self, kind: type[Impatient], clock: Clock) -> Runner:
        services = self.services
        connections = kind(
            database=services.database,
            clock=clock,
            settings=services.settings,
            tenant_count=lambda: 1,
        )
        return Runner(
            database=services.database,
            connections=connections,
            policies=services.policies,
            keys=services.keys,
            settings=services.settings,
            clock=clock,
        )

    def audit(self, runner: Runner | None = None, **scope: list[str]) -> Document:
        """Run a live audit to its end and return it."""
        body = {"connection_ids": [self.connection], "scope": {"regions": list(REGIONS)} | scope}
        made = self.services.audits.create(tenant=self.tenant, body=body, queue=False)
        return self.run(orjson.loads(made)["id"], runner)

    def reanalyze(self, ident: str, **changes: str) -> Document:
        """Judge an audit's ledger again; `changes` are to the variables that lead to a cloud."""
        made = self.services.audits.reanalyze(tenant=self.tenant, ident=ident, body={}, queue=False)
        return self.run(orjson.loads(made)["id"], self.services.runner, **changes)

    def run(
        self,
        ident: str,
        runner: Runner | None = None,
        *,
        report: Callable[[str, Mapping[str, Any]], None] = lambda _phase, _counts: None,
        **changes: str,
    ) -> Document:
        """Run an audit that was made, and return it."""
        with signed_in({**self.environment, **changes}):
            ran = (runner or self.services.runner).run(
                tenant=self.tenant, ident=ident, owner="e2e", report=report
            )
        assert ran
        return self.get(ident)

    def get(self, ident: str) -> Document:
        found: Document = orjson.loads(self.services.audits.get(tenant=self.tenant, ident=ident))
        return found

    def coverage(self, audit: Document) -> Document:
        return self.services.audits.coverage(tenant=self.tenant, ident=audit["id"])

    def findings(self, **filters: str) -> dict[str, Document]:
        """Return every finding that the filters let through, by id."""
        found: dict[str, Document] = {}
        after = None
        while True:
            page = self.services.findings.list(
                tenant=self.tenant,
                filters={k: (v,) for k, v in filters.items()},
                after=after,
                limit=200,
            )
            items = [orjson.loads(item) for item in page.items]
            found |= {item["id"]: item for item in items}
            if page.next is None:
                return found
            after = page.next

    def finding(self, policy: str, resource: str) -> Document:
        """Return the finding of a policy on the resource of that name."""
        [found] = [f for f in self.findings(policy=policy).values() if _name(f) == resource]
        return found

    def events(self) -> list[tuple[str, str]]:
        """Return (type, subject) of everything that happened."""
        statement = events.select().with_only_columns(events.c.type, events.c.subject)
        with self.services.database.read() as connection:
            return [(row[0], row[1]) for row in connection.all(statement.order_by(events.c.id))]

    def close(self) -> None:
        self.services.database.close()


def _name(finding: Document) -> str:
    resource = finding["resource"]
    return str(resource["name"] or resource["native_id"].rpartition("/")[2])


def standing(findings: Mapping[str, Document]) -> dict[str, tuple[Any, ...]]:
    """Return what a finding is, without when it was looked at last."""
    names = ("status", "resolution", "severity", "title", "evidence", "resolved_at")
    return {ident: tuple(finding[name] for name in names) for ident, finding in findings.items()}


@contextmanager
def signed_in(environment: Mapping[str, str]) -> Iterator[None]:
    """Let the SDK of this process find these variables, and no other way to a cloud."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            patch.delenv(name, raising=False)
        yield


class Kept(logging.Handler):
    """Keeps every record of every logger, formatted with its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@contextmanager
def every_log() -> Iterator[Kept]:
    """Keep what is logged, at the level that says most."""
    handler, root = Kept(), logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)
