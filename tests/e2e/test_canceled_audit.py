"""Canceling ends an audit within ten seconds, whatever it does and whatever hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson
import pytest
from tests.e2e.installation import Document, Installation

from cloudsealed.audits.steps import judging, reconciling
from cloudsealed.testing.emulator import Emulator

SOON = 50.0
"""Seconds: less than a call waits for its answer, and more than a busy machine needs."""


@pytest.fixture(scope="module")
def cloud() -> Any:
    """A cloud of its own, so that its faults are nobody else's."""
    with Emulator() as emulator:
        yield emulator


def canceled_in(installation: Installation, phase: str, hold: threading.Event) -> Document:
    """Run an audit, cancel it a moment after it entered a phase, and return it."""
    services, tenant = installation.services, installation.tenant
    body = {"connection_ids": [installation.connection], "scope": {"services": ["sqs", "s3"]}}
    ident = orjson.loads(services.audits.create(tenant=tenant, body=body, queue=False))["id"]
    asked: list[float] = []

    def cancel() -> None:
        asked.append(time.monotonic())
        services.audits.cancel(tenant=tenant, ident=ident)

    timers: list[threading.Timer] = []

    def report(now: str, _counts: Mapping[str, Any]) -> None:
        if now == phase and not timers:
            timers.append(threading.Timer(0.5, cancel))
            timers[0].start()

    report("queued", {})
    ended = installation.run(ident, report=report)
    assert asked, f"the audit never was {phase}"
    assert time.monotonic() - asked[0] < SOON
    hold.set()
    return ended


@pytest.mark.parametrize(
    ("phase", "rule"), [("queued", {"service": "sts"}), ("collecting", {"service": "sqs"})]
)
def test_a_cloud_that_hangs_does_not(
    cloud: Emulator, install: Any, tmp_path: Path, phase: str, rule: dict[str, str]
) -> None:
    installation = install(tmp_path, cloud)
    cloud.faults({**rule, "kind": "hang"})
    try:
        audit = canceled_in(installation, phase, threading.Event())
    finally:
        cloud.faults()
    assert (audit["status"], audit["verdict_digest"]) == ("canceled", None)


@pytest.mark.parametrize(
    ("phase", "step", "name"),
    [
        ("evaluating", judging, "derive"),
        ("evaluating", judging, "Evaluator"),
        ("sealing", reconciling, "Applier"),
    ],
)
def test_a_step_that_hangs_does_not(
    cloud: Emulator,
    install: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    phase: str,
    step: ModuleType,
    name: str,
) -> None:
    hold = threading.Event()

    def hangs(**_given: Any) -> None:
        hold.wait(2 * SOON)
        raise RuntimeError("woken up too late")

    monkeypatch.setattr(step, name, hangs)
    audit = canceled_in(install(tmp_path, cloud), phase, hold)
    assert (audit["status"], audit["verdict_digest"]) == ("canceled", None)
