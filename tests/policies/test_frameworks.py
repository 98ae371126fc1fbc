from __future__ import annotations

from typing import Any

import pytest

from cloudsealed.policies.frameworks import assess, framework

KEY = "cis-aws-5.0"
SERVED = "aws-iam-root-access-key"  # of control 1.3, alone


def control(ident: str, verdicts: dict[str, dict[str, int]], *policies: Any) -> dict[str, Any]:
    assessed = assess(framework(KEY), verdicts, policies)
    found: dict[str, Any] = next(c for c in assessed["controls"] if c["id"] == ident)
    return found


def own(*controls: str, key: str = "mine", kind: str = "check") -> dict[str, Any]:
    named = [{"framework": KEY, "control": ident} for ident in controls]
    return {"key": key, "kind": kind, "spec": {"controls": named}}


@pytest.mark.parametrize(
    ("counts", "status"),
    [
        ({"fail": 1, "pass": 3, "unknown": 1}, "failing"),
        ({"pass": 3, "unknown": 1}, "unknown"),
        ({"pass": 3}, "passing"),
        ({"pass": 3, "unread": 1}, "unknown"),
        ({"unread": 1}, "unknown"),
        ({"fail": 1, "unread": 1}, "failing"),
        ({"not_applicable": 3}, "not_assessed"),
        ({}, "not_assessed"),
    ],
)
def test_a_control_stands_as_its_policies_found(counts: dict[str, int], status: str) -> None:
    assert control("1.3", {SERVED: counts})["status"] == status


def test_a_policy_of_ones_own_serves_the_controls_that_it_names() -> None:
    verdicts = {SERVED: {"pass": 1}, "mine": {"fail": 2}}
    served = control("1.3", verdicts, own("1.3", "1.4"))
    assert (served["policies"], served["status"], served["failing"]) == (
        [SERVED, "mine"],
        "failing",
        2,
    )
    assert control("1.3", verdicts)["status"] == "passing"


def test_a_policy_of_ones_own_makes_a_control_assessed_that_no_other_covers() -> None:
    assert control("1.1", {"mine": {"pass": 1}}, own("1.1"))["status"] == "passing"
    whole = assess(framework(KEY), {}, [own("1.1")])
    assert (
        whole["controls_with_policies"] == 1 + assess(framework(KEY), {})["controls_with_policies"]
    )


def test_another_frameworks_controls_and_classifications_serve_nothing() -> None:
    other = {
        "key": "x",
        "kind": "check",
        "spec": {"controls": [{"framework": "y", "control": "1.3"}]},
    }
    assert control("1.3", {}, other, own("1.3", kind="classification"))["policies"] == [SERVED]
