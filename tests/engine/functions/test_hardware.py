from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cloudsealed.engine import EvaluationError


@pytest.mark.parametrize(
    "kind", ["m4.large", "ml.m4.xlarge", "a1.medium", "t1.micro", "c4.8xlarge", "r4.large"]
)
def test_a_family_that_the_vendor_calls_previous_is_previous(
    kind: str, value_of: Callable[..., Any]
) -> None:
    assert value_of('generation("amazon-ec2", k)', k=kind) == "previous"


@pytest.mark.parametrize(
    "kind", ["t2.micro", "i3.large", "x1.16xlarge", "m5.large", "m7g.large", "mac2.metal"]
)
def test_other_families_that_are_rented_out_are_current(
    kind: str, value_of: Callable[..., Any]
) -> None:
    assert value_of('generation("amazon-ec2", k)', k=kind) == "current"


def test_a_service_may_call_a_family_otherwise(value_of: Callable[..., Any]) -> None:
    kinds = ("db.m4.large", "db.t2.micro", "db.t3.micro", "db.r6g.large", "db.r5.large.tpc1.mem2x")
    found = [value_of('generation("amazon-rds", k)', k=kind) for kind in kinds]
    assert found == ["previous", "previous", "current", "current", "current"]


@pytest.mark.parametrize("kind", ["zz9.large", "db.serverless", "", "M4.large"])
def test_a_family_that_no_table_knows_is_an_error(kind: str, value_of: Callable[..., Any]) -> None:
    with pytest.raises(EvaluationError, match="no table knows the instance type"):
        value_of('generation("amazon-rds", k)', k=kind)


def test_the_limits_of_a_type_of_volume_are_data(value_of: Callable[..., Any]) -> None:
    assert value_of('volume_limits("gp3").iops', k=0) == 80_000
    assert value_of('volume_limits("gp3").throughput', k=0) == 2_000
    assert value_of('volume_limits("gp3").multi_attach', k=0) is False
    assert value_of('volume_limits("io1").multi_attach', k=0) is True
    with pytest.raises(EvaluationError, match="no table knows the volume type"):
        value_of('volume_limits("gp9").iops', k=0)
