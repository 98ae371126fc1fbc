"""Numbers that people wrote into the documents are those of the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudsealed.api.events import BEAT_SECONDS
from cloudsealed.api.parts import LEAST_FREE, LONGEST_WAIT
from cloudsealed.api.server import _GRACE_SECONDS
from cloudsealed.audits.judging import explanation
from cloudsealed.audits.simulations import model as simulations
from cloudsealed.audits.simulations.service import _KEPT as SIMULATIONS_KEPT
from cloudsealed.auth import sessions, tokens, users
from cloudsealed.auth.oauth import assertions, device, model
from cloudsealed.auth.passwords import HASHER
from cloudsealed.cli.beside import LIVED_WELL_SECONDS, UP_SECONDS
from cloudsealed.cli.work import CANNOT_GO_ON
from cloudsealed.events import reads
from cloudsealed.findings import bodies
from cloudsealed.jobs.pulse_store import DEAD_SECONDS
from cloudsealed.jobs.store import MAX_ATTEMPTS
from cloudsealed.kit.traces import _END_SECONDS
from cloudsealed.policies import service as policies
from cloudsealed.reports import sarif
from cloudsealed.reports.look import MOST_LOGO
from cloudsealed.settings import Settings

ROOT = Path(__file__).parents[2]
WORDS = {3: "three", 5: "five", 7: "seven"}
SAID = {
    "SECURITY.md": (f"{HASHER.memory // 1024} MiB, {HASHER.passes} passes, 1 lane",),
    "docs/access.md": (
        f"works once and for {WORDS[users.INVITATION_DAYS]} days",
        f"ends after {sessions.IDLE_HOURS} hours without use",
        f"after {sessions.LONGEST_DAYS} days at the latest",
        f"good for {model.CODE_SECONDS} seconds and once",
        (
            f"a refresh token for {model.REFRESH_DAYS} days and once"
            f" (once more within {model.REPEAT_SECONDS} seconds"
        ),
        f"a consent for {model.GRANT_DAYS} days",
        f"The token is good for {model.ACCESS_SECONDS} seconds",
        f"at most {assertions.LONGEST_LIFE} seconds from now",
        f"A clock may differ by {assertions.SKEW} seconds",
        f"those of `jwks`, {assertions.MOST_KEYS} at most",
        f"A code is good for {device._SECONDS // 60} minutes",
    ),
    "docs/answers.md": (
        f"`ids` ({bodies.MOST_IDS} at most)",
        f"`count` ({bodies.MOST_MATCHING:,} at most)",
    ),
    "docs/ci.md": (f"more than {sarif.MOST:,} findings",),
    "docs/events.md": (
        f"written within {reads.FLUSH_SECONDS:.0f} seconds",
        f"At most {reads.MOST:,} wait",
    ),
    "docs/operations.md": (
        f"after {UP_SECONDS:.0f} seconds, and says which",
        {60: "lived for a minute"}[int(LIVED_WELL_SECONDS)],
        f"({_GRACE_SECONDS} seconds at most)",
        f"(exit code {CANNOT_GO_ON})",
        f"is tried {WORDS[MAX_ATTEMPTS]} times",
        f"at most {explanation.MEMORY >> 20} MiB each",
        f"a comment every {BEAT_SECONDS:.0f} seconds",
    ),
    "docs/operate/watching.md": (
        f"none was alive in the last {DEAD_SECONDS:.0f} seconds",
        f"less than {LEAST_FREE >> 20} MiB are free",
        {3600: "waited for more than an hour"}[int(LONGEST_WAIT)],
        {2.0: "waits two seconds for what is left"}[_END_SECONDS],
    ),
    "docs/policies.md": (
        f"at most {policies.MOST_CHECKS:,} checks of its own",
        f"and {policies.MOST_CLASSIFICATIONS} enabled classifications",
        f"the first {simulations.MOST_CHANGES} by name",
        f"a simulation is kept for {SIMULATIONS_KEPT.days} days",
    ),
    "docs/reports.md": (f"at most {MOST_LOGO >> 10} KiB",),
    "docs/seal.md": (f"`CLOUDSEALED_RETENTION_DAYS` ({Settings(data_dir=ROOT).retention_days})",),
    "docs/secret-scanning.md": (f"{tokens.DEFAULT_DAYS} days by default",),
    "docs/triage.md": (f"to {bodies.MOST_IDS} findings by id",),
}


@pytest.mark.parametrize("document", SAID)
def test_the_numbers_of_a_document_are_those_of_the_code(document: str) -> None:
    text = " ".join((ROOT / document).read_text().split())
    assert [phrase for phrase in SAID[document] if phrase not in text] == []
