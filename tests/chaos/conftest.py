"""One emulated AWS with the sample estate, for tests that take long: `make chaos` runs them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cloudsealed.testing.emulator import Emulator
from cloudsealed.testing.estate import deploy


@pytest.fixture(scope="session")
def estate() -> Iterator[Emulator]:
    with Emulator() as emulator:
        deploy(emulator.endpoint)
        yield emulator
