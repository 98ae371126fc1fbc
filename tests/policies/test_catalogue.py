"""Counts of policies are the list's own, and every check has examples to look at."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from cloudsealed.kit.clock import utc_now
from cloudsealed.packs import load_policies
from cloudsealed.policies.catalogue import Catalogue
from cloudsealed.policies.model import PolicyNotFoundError
from cloudsealed.policies.ordering import ORDERS
from cloudsealed.policies.service import PolicyService
from cloudsealed.policies.summary import GROUPS, groups
from cloudsealed.storage.database import Database
from cloudsealed.storage.schema import tenants
from cloudsealed.testing.factories import make_policy
from cloudsealed.vocabulary import Severity

TENANT = "ten_a"
CHECK = {
    "key": "owners",
    "title": "Owners, 100 %_",
    "dimension": "compliance",
    "severity": "low",
    "resource_types": ["aws.s3.bucket", "aws.sqs.queue"],
    "description": 'They say "no\\yes"',
    "fail_when": "tag(resource, 'owner') == null",
    "controls": [{"framework": "ours", "control": "1"}],
    "examples": {"fail": [{"resource": {"Tags": []}}]},
    "enabled": False,
}
CLASSIFICATION = {
    "kind": "classification",
    "key": "prod",
    "title": "Prod",
    "when": "finding.severity == 'high'",
    "suppress": True,
    "reason": "larkspur said so",
}


@pytest.fixture
def policies(database: Database) -> PolicyService:
    with database.write() as connection:
        row = {"tenant_id": TENANT, "name": "x", "created_at": "2026-01-01T00:00:00.000Z"}
        connection.run(tenants.insert(), row)
    service = PolicyService(database=database, clock=utc_now)
    service.synchronize(tenant=TENANT)
    for body in (CHECK, CLASSIFICATION):
        service.create(tenant=TENANT, body=body)
    return service


def _listed(policies: PolicyService, **filters: tuple[str, ...]) -> set[str]:
    found, after = set[str](), None
    while True:
        page = policies.list(tenant=TENANT, filters=filters, after=after, limit=5_000)
        found |= {orjson.loads(item)["key"] for item in page.items}
        after = page.next
        if after is None:
            return found


def test_each_count_is_how_many_the_list_has_with_that_filter(
    database: Database, policies: PolicyService
) -> None:
    catalogue = Catalogue(database)
    for name in GROUPS:
        found = catalogue.summary(tenant=TENANT, group_by=(name,), filters={})
        assert found["complete"]
        assert found["total"] == len(load_policies()) + 2
        values = [group for group in found["groups"] if group[name] is not None]
        assert values
        for group in (values[0], values[-1]):
            assert len(_listed(policies, **{name: (group[name],)})) == group["count"], group
    both = catalogue.summary(
        tenant=TENANT, group_by=("dimension", "severity"), filters={"service": ("sqs",)}
    )
    assert both["total"] == len(_listed(policies, service=("sqs",)))
    assert sum(group["count"] for group in both["groups"]) == both["total"]


def test_policies_are_found_by_service_and_by_what_they_say(policies: PolicyService) -> None:
    ours = {spec.key for spec in load_policies() if "aws.sqs.queue" in spec.resource_types}
    assert _listed(policies, service=("sqs",)) == {*ours, "owners"}
    assert _listed(policies, search=("100 %_",)) == {"owners"}
    assert _listed(policies, search=("OWNERS",)) >= {"owners"}
    assert _listed(policies, search=("100x",)) == set()
    assert _listed(policies, search=('say "NO\\',)) == {"owners"}
    assert _listed(policies, search=("Larkspur said",)) == {"prod"}
    for part_of_an_expression_or_a_field in ("== null", "fail_when", "resource_types", '"low"'):
        assert _listed(policies, search=(part_of_an_expression_or_a_field,)) == set()
    own = policies.list(tenant=TENANT, filters={"source": ("custom",)})
    ident = orjson.loads(own.items[0])["id"]
    assert len(_listed(policies, search=(ident,))) == 1
    assert "owners" not in _listed(policies, service_not=("sqs",))


@pytest.mark.parametrize("sort", ORDERS)
def test_an_order_goes_on_from_page_to_page_whatever_becomes_of_the_last(
    policies: PolicyService, sort: str
) -> None:
    seen: list[dict[str, Any]] = []
    after = None
    while True:
        page = policies.list(tenant=TENANT, filters={}, sort=sort, after=after, limit=37)
        seen += map(orjson.loads, page.items)
        if page.next is None:
            break
        after = page.next
    keys = [each["key"] for each in seen]
    assert len(keys) == len(set(keys)) == len(load_policies()) + 2
    own = ["prod", "owners"] if sort == "-source" else []
    assert keys[: len(own)] == own
    shipped = [each for each in seen if each["source"] == "builtin"]
    places = [(-Severity(each["severity"]).rank, each["title"].casefold()) for each in shipped]
    assert places == sorted(places)
    assert policies.list(tenant=TENANT, filters={"kind": ("check",)}, sort=sort, limit=1).next


def test_a_page_begins_after_a_policy_that_is_gone(policies: PolicyService) -> None:
    first = policies.list(tenant=TENANT, filters={}, sort="-source", limit=2)
    assert [orjson.loads(item)["key"] for item in first.items] == ["prod", "owners"]
    policies.delete(tenant=TENANT, ident="owners")
    rest = policies.list(tenant=TENANT, filters={}, sort="-source", after=first.next, limit=5_000)
    assert len(rest.items) == len(load_policies())


def test_severities_are_in_their_order_and_a_policy_is_in_each_of_its_groups() -> None:
    types = ["aws.s3.bucket", "aws.s3.account"]
    names = ("critical", "info", "high")
    made = [make_policy(spec={"resource_types": types, "severity": name}) for name in names]
    found = groups(["severity"], made)
    assert [group["severity"] for group in found] == ["info", "high", "critical"]
    counts = {each["resource_type"]: each["count"] for each in groups(["resource_type"], made)}
    assert counts == {"aws.s3.bucket": 3, "aws.s3.account": 3}
    assert groups(["service"], made) == [{"service": "s3", "count": 3}]


def test_a_built_in_policys_examples_are_those_that_ship(
    database: Database, policies: PolicyService
) -> None:
    catalogue = Catalogue(database)
    for spec in load_policies()[::40]:
        found = catalogue.examples(tenant=TENANT, ident=spec.key)
        outcomes = ("fail", "pass", "not_applicable", "unknown")
        said: list[Any] = [each for outcome in outcomes for each in found[outcome]]
        assert [each["resource"] for each in said] == [each.resource for each in spec.examples]
        assert all(each["unread"] for each in found["unknown"])
    own = catalogue.examples(tenant=TENANT, ident="owners")
    assert own["fail"] == [{"resource": {"Tags": []}}]
    assert own["pass"] == []
    assert catalogue.examples(tenant=TENANT, ident="prod")["fail"] == []
    with pytest.raises(PolicyNotFoundError):
        catalogue.examples(tenant=TENANT, ident="nobody")
