"""One emulated AWS with the sample estate that nobody changes, and what two audits found there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.installation import Document, Installation, standing

from cloudsealed.collectors.aws import client
from cloudsealed.collectors.calling import caller
from cloudsealed.settings import Settings
from cloudsealed.testing.emulator import Emulator

Install = Callable[..., Installation]


@pytest.fixture(scope="session")
def unpaced() -> Iterator[None]:
    """Let audits of this process call as fast as they can: an emulator needs no ceiling."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "CEILINGS", {})
        patch.setattr(caller, "DEFAULT_CEILING", 1e6)
        yield


@pytest.fixture(scope="session")
def install(migrated_file: bytes, unpaced: None) -> Iterator[Install]:
    """Returns a new installation in a folder."""
    made = []

    def install(folder: Path, emulator: Emulator, **given: Any) -> Installation:
        path = Settings(data_dir=folder).sqlite_path
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(migrated_file)
        made.append(Installation(folder, emulator.environment(), **given))
        return made[-1]

    yield install
    for installation in made:
        installation.close()


@dataclass(frozen=True)
class Audited:
    """The estate after two live audits and a reanalysis, and how it stood after each."""

    installation: Installation
    emulator: Emulator
    audits: tuple[Document, Document, Document]
    standing: tuple[dict[str, tuple[Any, ...]], ...]
    events: tuple[int, ...]
    calls: tuple[int, ...]


@pytest.fixture(scope="session")
def audited(
    estate: Emulator, install: Install, tmp_path_factory: pytest.TempPathFactory
) -> Audited:
    return _audited(estate, install(tmp_path_factory.mktemp("audited"), estate))


@pytest.fixture(scope="session")
def audited_whole(
    whole_estate: Emulator, install: Install, tmp_path_factory: pytest.TempPathFactory
) -> Audited:
    return _audited(whole_estate, install(tmp_path_factory.mktemp("whole"), whole_estate))


def _audited(estate: Emulator, installation: Installation) -> Audited:
    audits, stood, happened, calls = [], [], [], []
    unreachable = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    for step in (
        installation.audit,
        installation.audit,
        lambda: installation.reanalyze(audits[0]["id"], **unreachable),
    ):
        estate.reset()
        audits.append(step())
        calls.append(estate.calls()["total"])
        stood.append(standing(installation.findings()))
        happened.append(len([e for e in installation.events() if e[0].startswith("finding.")]))
    first, second, third = audits
    return Audited(
        installation, estate, (first, second, third), tuple(stood), tuple(happened), tuple(calls)
    )
