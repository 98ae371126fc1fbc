"""The time by which what is over is ended, when this machine's clock may have run ahead.

The rule, for evidence, reports and classifications that hold until a date:

1. The clock of this machine is put back by the skew that the last audit heard from its provider; it
   is never put forward, since to end late is harmless.
2. What cannot be undone, so deleting, asks for a witness too: it trusts no moment after the start
   of that audit by the provider's clock, and the clock of rule 1 only UNWITNESSED later. So a clock
   that runs ahead by less deletes nothing early, and where no audit runs all ends that much later.
3. What can be undone is: classifications that were applied by a clock ahead of the present one are
   applied anew.

A tenant whose audits heard no provider has this machine's clock alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from sqlalchemy import bindparam, select

from cloudsealed.audits.skew import corrected
from cloudsealed.kit.clock import Clock, parse_rfc3339
from cloudsealed.storage.database import Database
from cloudsealed.storage.schema import audits
from cloudsealed.vocabulary import AuditKind

UNWITNESSED = timedelta(days=90)
"""How far a clock may run ahead without deleting anything early."""

_LOOKED_AT = 20  # audits of which nothing dated an answer are rare
_LAST = (  # by the provider's clock: ids are by ours
    select(audits.c.plan, audits.c.started_at)
    .where(
        audits.c.tenant_id == bindparam("tenant"),
        audits.c.kind == AuditKind.LIVE.value,
        audits.c.plan.is_not(None),
        audits.c.started_at.is_not(None),
    )
    .order_by(audits.c.started_at.desc())
    .limit(_LOOKED_AT)
)


@dataclass(frozen=True, slots=True)
class _Heard:
    """When the last audit began by the provider's clock, and that clock minus ours."""

    at: datetime
    skew: timedelta


class TrustedTime:
    """The present moment of a tenant, by the rule above."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def now(self, tenant: str) -> datetime:
        """Return the present moment for what can be undone."""
        return self._put_back(self._heard(tenant))

    def certain(self, tenant: str) -> datetime:
        """Return a moment that has passed for certain, for what cannot be undone."""
        heard = self._heard(tenant)
        now = self._put_back(heard)
        return now if heard is None else min(now, max(heard.at, now - UNWITNESSED))

    def _put_back(self, heard: _Heard | None) -> datetime:
        back = None if heard is None else min(heard.skew, timedelta())
        return corrected(self._clock, back)()

    def _heard(self, tenant: str) -> _Heard | None:
        with self._database.read() as connection:
            rows = connection.all(_LAST, {"tenant": tenant})
        for plan, started_at in rows:
            seconds = orjson.loads(plan).get("clock_skew_seconds")
            if seconds is not None:
                return _Heard(parse_rfc3339(started_at), timedelta(seconds=seconds))
        return None
