from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from cloudsealed.testing.emulator import Emulator
from cloudsealed.testing.estate import EstateManifest, deploy

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
def estate() -> Iterator[EstateManifest]:
    with Emulator() as emulator:
        yield deploy(emulator.endpoint)
