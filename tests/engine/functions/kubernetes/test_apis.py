from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cloudsealed.collectors.kubernetes.manifests import KINDS
from cloudsealed.packs.facts import facts


@pytest.mark.parametrize(
    ("api", "kind", "expected"),
    [
        ("extensions/v1beta1", "Deployment", ("1.16", "apps/v1")),
        ("extensions/v1beta1", "Ingress", ("1.22", "networking.k8s.io/v1")),
        ("batch/v1beta1", "CronJob", ("1.25", "batch/v1")),
        ("autoscaling/v2beta2", "HorizontalPodAutoscaler", ("1.26", "autoscaling/v2")),
    ],
)
def test_a_version_that_is_no_longer_served_has_one_instead(
    api: str, kind: str, expected: tuple[str, str], value_of: Callable[..., Any]
) -> None:
    found = value_of("removed_api(a, k)", a=api, k=kind)
    assert (found["removed"], found["instead"]) == expected


@pytest.mark.parametrize(
    ("api", "kind"),
    [("apps/v1", "Deployment"), ("v1", "Pod"), ("batch/v1beta1", "Job"), ("a.example/v1", "Pod")],
)
def test_what_is_served_or_unknown_has_none(
    api: str, kind: str, value_of: Callable[..., Any]
) -> None:
    assert value_of("removed_api(a, k)", a=api, k=kind) is None


def test_every_row_is_of_a_kind_that_is_collected_and_says_another_version() -> None:
    for row in facts("removed_apis"):
        assert row["kind"] in KINDS
        assert row["instead"] != row["api"]
        assert row["instead"].rpartition("/")[0] == KINDS[row["kind"]][0]
