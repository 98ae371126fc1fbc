"""The sample estate in AWS and in GovCloud: the same verdicts, by ids of the partition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.e2e.conftest import Install
from tests.e2e.partitions import assert_as_elsewhere, assert_of_its_partition, audited_in

PARTITION = "aws-us-gov"


def test_the_estate_is_in_govcloud_what_it_is_elsewhere(
    install: Install, tmp_path: Path, audited: Any
) -> None:
    with audited_in(PARTITION, install, tmp_path, with_held=False) as found:
        assert_of_its_partition(found, PARTITION)
        assert_as_elsewhere(found, PARTITION, audited)
