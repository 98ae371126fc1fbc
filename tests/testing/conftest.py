from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config
from tests.conftest import Deployed

from cloudsealed.testing.emulator import Emulator
from cloudsealed.testing.estate import EstateManifest, main

ClientMaker = Callable[..., Any]


def make_client(endpoint: str, service: str, **config: Any) -> Any:
    settings = {"retries": {"max_attempts": 0}, **config}
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="eu-west-1",
        aws_access_key_id="LARKSPURMAIN",
        aws_secret_access_key="emulated",
        config=Config(**settings),
    )


@pytest.fixture(scope="session")
def shared_emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(shared_emulator: Emulator) -> Iterator[Emulator]:
    shared_emulator.reset()
    yield shared_emulator
    shared_emulator.faults()


@pytest.fixture
def client(emulator: Emulator) -> ClientMaker:
    return lambda service, **config: make_client(emulator.endpoint, service, **config)


@pytest.fixture(scope="session")
def estate(deployed: Deployed) -> EstateManifest:
    return deployed.manifest


@dataclass(frozen=True)
class Second:
    """An estate that may be changed, as the command line built it, and what that printed."""

    emulator: Emulator
    printed: str
    progress: str


@pytest.fixture(scope="session")
def second() -> Iterator[Second]:
    printed, progress = io.StringIO(), io.StringIO()
    with Emulator() as emulator:
        with redirect_stdout(printed), redirect_stderr(progress):
            assert main(["--endpoint", emulator.endpoint, "--json"]) == 0
        yield Second(emulator, printed.getvalue(), progress.getvalue())
