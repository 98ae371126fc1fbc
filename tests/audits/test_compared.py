"""Any audit is compared with an earlier one that is chosen, or with the one before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.audits.test_history import TENANT, audit

from cloudsealed.audits.compared import compared
from cloudsealed.audits.model import Scope
from cloudsealed.audits.store import AuditStore, encode
from cloudsealed.findings.delta_store import Compared
from cloudsealed.kit.clock import utc_now
from cloudsealed.storage.database import Database
from cloudsealed.storage.filters import FilterValueError
from cloudsealed.storage.objects import EvidenceExpiredError
from cloudsealed.storage.schema import audits
from cloudsealed.vocabulary import AuditKind, AuditStatus

DAYS = [f"2026-01-0{day}T00:00:00.000Z" for day in range(1, 6)]
Ask = Callable[[str | None, str | None], Compared]


def _late(day: int) -> str:
    return f"2026-01-0{day + 1}T00:30:00.000Z"


def _row(ident: str, day: int, ended: str | None = None, **given: Any) -> dict[str, Any]:
    """Return the row of an audit that began on a day."""
    begun = audit(ident, clock=DAYS[day], created_at=DAYS[day], **given)
    return encode(TENANT, begun) | {"finished_at": ended}


@pytest.fixture
def ask(database: Database) -> Ask:
    made = [
        *(_row(f"aud_{number}", number, ended=_late(number)) for number in range(3)),
        _row("aud_other", 0, scope=Scope(regions=("eu-west-1",))),
        _row("aud_busy", 4, status=AuditStatus.EVALUATING),
        _row("aud_gone", 0, policies=("x",)) | {"expired_at": DAYS[4]},
        _row("aud_again", 0, kind=AuditKind.REANALYSIS, source_id="aud_0", ended=DAYS[4]),
    ]
    with database.write() as connection:
        for each in made:
            connection.run(audits.insert(), each)
        connection.run(audits.insert(), encode("ten_b", audit("aud_foreign")))
    store = AuditStore(database, utc_now)
    return lambda ident, against: compared(store, tenant=TENANT, ident=ident, against=against)


def test_one_that_is_chosen_may_have_others_between(ask: Ask) -> None:
    assert ask("aud_2", "aud_0") == Compared("aud_2", "aud_0", DAYS[0], _late(2))
    assert ask("aud_2", None) == Compared("aud_2", "aud_1", DAYS[2])
    assert ask("aud_2", "aud_other").before == "aud_other"


def test_a_reanalysis_judges_until_the_calls_of_its_ledger_had_ended(ask: Ask) -> None:
    assert ask("aud_again", "aud_0") == Compared("aud_again", "aud_0", DAYS[0], _late(0))


@pytest.mark.parametrize("against", ["aud_busy", "aud_foreign", "aud_never"])
def test_what_is_not_there_or_has_not_ended_compares_nothing(ask: Ask, against: str) -> None:
    assert ask("aud_2", against) == Compared()


def test_a_later_audit_is_refused_and_one_without_evidence_is_gone(ask: Ask) -> None:
    with pytest.raises(FilterValueError, match="against must be an audit that began no later"):
        ask("aud_0", "aud_2")
    with pytest.raises(EvidenceExpiredError):
        ask("aud_2", "aud_gone")
