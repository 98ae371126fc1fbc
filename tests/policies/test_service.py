"""Policies are versioned words: built-in ones follow the packs, the tenant's own follow people."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
import yaml
from tests.waiting import SECONDS

from cloudsealed.jobs.store import JobStore
from cloudsealed.kit.clock import rfc3339, utc_now
from cloudsealed.kit.errors import CloudSealedError, InvalidFieldError, UnknownFieldError
from cloudsealed.packs import PolicySpec, load_policies
from cloudsealed.policies import service
from cloudsealed.policies.files import read_policy
from cloudsealed.policies.frameworks import controls_of, frameworks
from cloudsealed.policies.model import (
    BuiltinPolicyImmutableError,
    InvalidPolicyExampleError,
    InvalidPolicyExpressionError,
    NameAlreadyExistsError,
    Policy,
    PolicyNotFoundError,
    QuotaExceededError,
)
from cloudsealed.policies.service import JOB, PolicyService, policy_set
from cloudsealed.policies.store import LISTING, PolicyStore
from cloudsealed.storage.database import Database
from cloudsealed.storage.schema import tenants
from cloudsealed.testing.factories import add_policies, make_policy
from cloudsealed.vocabulary import PolicyKind, PolicySource

TENANT = "ten_a"
CHECK = {
    "key": "queues-are-closed",
    "title": "Queues are closed",
    "dimension": "security",
    "severity": "high",
    "resource_types": ["aws.sqs.queue"],
    "fail_when": "tag(resource, 'env') == null && params.most > 3",
    "params": {"most": 3},
}
CLASSIFICATION = {
    "kind": "classification",
    "key": "test-matters-less",
    "title": "Test matters less",
    "when": "tag(resource, 'env') == 'test'",
    "set": {"severity": "low"},
    "reason": "Nobody uses it",
}


class Time:
    now = datetime(2026, 1, 31, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def policies(database: Database) -> PolicyService:
    with database.write() as connection:
        for tenant in (TENANT, "ten_b"):
            row = {"tenant_id": tenant, "name": "x", "created_at": "2026-01-01T00:00:00.000Z"}
            connection.run(tenants.insert(), row)
    return PolicyService(database=database, clock=Time())


def create(policies: PolicyService, **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = orjson.loads(policies.create(tenant=TENANT, body=CHECK | changes))
    return made


def change(policies: PolicyService, ident: str, **body: Any) -> dict[str, Any]:
    changed: dict[str, Any] = orjson.loads(policies.update(tenant=TENANT, ident=ident, body=body))
    return changed


def read(policies: PolicyService, ident: str, tenant: str = TENANT) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(policies.get(tenant=tenant, ident=ident))
    return found


def listed(policies: PolicyService, **filters: tuple[str, ...]) -> list[str]:
    found, after = list[str](), None
    while True:
        page = policies.list(tenant=TENANT, filters=filters, after=after, limit=60)
        found += [orjson.loads(item)["key"] for item in page.items]
        after = page.next
        if after is None:
            return found


def at_once(number: int, act: Callable[[int], object]) -> list[BaseException | None]:
    """Do something in so many threads at once; return what each raised, if anything."""
    barrier, raised = threading.Barrier(number), list[BaseException | None]()

    def run(index: int) -> None:
        barrier.wait()
        try:
            act(index)
        except BaseException as error:
            raised.append(error)
        else:
            raised.append(None)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    return raised


def test_a_new_policy_is_read_by_id_and_by_key_and_only_by_its_tenant(
    policies: PolicyService,
) -> None:
    made = create(policies)
    assert (made["version"], made["source"], made["enabled"]) == (1, "custom", True)
    assert read(policies, made["id"]) == read(policies, made["key"]) == made
    assert policies.resolve(tenant=TENANT, ident=made["key"]) == made["id"]
    for ident in (made["id"], made["key"]):
        with pytest.raises(PolicyNotFoundError):
            policies.get(tenant="ten_b", ident=ident)


def test_a_key_is_taken_once_until_its_policy_is_deleted(policies: PolicyService) -> None:
    first = create(policies)
    with pytest.raises(NameAlreadyExistsError):
        create(policies)
    policies.create(tenant="ten_b", body=CHECK)
    policies.delete(tenant=TENANT, ident=first["key"])
    with pytest.raises(PolicyNotFoundError):
        read(policies, first["id"])
    second = create(policies)
    assert second["id"] != first["id"]
    policies.delete(tenant=TENANT, ident=second["id"])
    assert create(policies)["key"] == first["key"]


def test_of_those_who_take_a_key_at_once_one_has_it(policies: PolicyService) -> None:
    raised = at_once(6, lambda _: create(policies))
    assert [type(error) for error in raised if error] == [NameAlreadyExistsError] * 5
    assert listed(policies) == [CHECK["key"]]


def versions(policies: PolicyService, ident: str) -> list[Any]:
    return [orjson.loads(item) for item in policies.versions(tenant=TENANT, ident=ident).items]


def test_new_words_are_a_new_version_and_the_same_words_are_not(policies: PolicyService) -> None:
    made = create(policies)
    assert change(policies, made["id"], title="Queues stay closed")["version"] == 2
    assert change(policies, made["id"], title="Queues stay closed")["version"] == 2
    assert change(policies, made["id"], enabled=False)["version"] == 2
    assert change(policies, made["id"], params={"most": 5})["version"] == 3
    history = versions(policies, made["key"])
    assert [item["version"] for item in history] == [3, 2, 1]
    assert [item["spec"]["title"] for item in history] == [
        "Queues stay closed",
        "Queues stay closed",
        "Queues are closed",
    ]
    assert [item["spec"]["params"]["most"] for item in history] == [5, 3, 3]


def test_changes_at_once_each_have_a_version(policies: PolicyService) -> None:
    made = create(policies)
    raised = at_once(6, lambda index: change(policies, made["id"], title=f"Title {index}"))
    assert raised == [None] * 6
    history = versions(policies, made["id"])
    assert [item["version"] for item in history] == [7, 6, 5, 4, 3, 2, 1]
    assert len({item["spec"]["title"] for item in history}) == 7


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"key": "other"}, InvalidFieldError),
        ({"kind": "classification"}, InvalidFieldError),
        ({"fail_when": "tag(resource +"}, InvalidPolicyExpressionError),
        ({"severity": "urgent"}, InvalidFieldError),
        ({"enabled": None}, InvalidFieldError),
        ({"colour": "red"}, UnknownFieldError),
    ],
)
def test_a_change_that_is_refused_changes_nothing(
    policies: PolicyService, body: dict[str, Any], error: type[CloudSealedError]
) -> None:
    made = create(policies)
    with pytest.raises(error):
        change(policies, made["id"], **body)
    assert read(policies, made["id"]) == made


def test_a_body_is_valid_when_it_can_be_created(policies: PolicyService) -> None:
    good = policies.validate(tenant=TENANT, body=CHECK)
    assert (good["valid"], good["errors"]) == (True, [])
    bad = policies.validate(tenant=TENANT, body=CHECK | {"fail_when": "resource.Nothing =="})
    assert bad["valid"] is False
    assert bad["errors"][0]["line"] == 1
    with pytest.raises(InvalidPolicyExpressionError):
        create(policies, fail_when="resource.Nothing ==")
    assert listed(policies) == []


def test_every_built_in_policy_is_there_once_however_often_it_is_brought_up_to_date(
    policies: PolicyService, database: Database
) -> None:
    for _ in range(2):
        policies.synchronize(tenant=TENANT)
    specs = {spec.key: spec for spec in load_policies()}
    assert sorted(listed(policies, source=("builtin",))) == sorted(specs)
    for policy in PolicyStore(database).all(tenant=TENANT):
        assert policy.version == specs[policy.key].version
        assert len(PolicyStore(database).versions(tenant=TENANT, ident=policy.id)) == 1


def test_processes_that_bring_built_in_policies_up_to_date_at_once_do_not_meet(
    policies: PolicyService,
) -> None:
    assert at_once(3, lambda _: policies.synchronize(tenant=TENANT)) == [None] * 3
    assert len(listed(policies)) == len(load_policies())


def test_a_built_in_policy_follows_its_pack_and_keeps_what_the_tenant_set(
    policies: PolicyService, database: Database
) -> None:
    policies.synchronize(tenant=TENANT)
    store = PolicyStore(database)
    key = next(spec.key for spec in load_policies() if spec.params)
    change(policies, key, enabled=False)
    current = store.get(tenant=TENANT, ident=key)
    name = next(iter(current.spec["params"]))
    with database.write() as connection:
        old = replace(current, spec={**current.spec, "title": "Old"}, params={name: 1})
        store.update(connection, tenant=TENANT, policy=old, new_version=False)
    policies.synchronize(tenant=TENANT)
    found = store.get(tenant=TENANT, ident=key)
    assert found.spec == current.spec
    assert (found.enabled, found.params, found.version) == (False, {name: 1}, current.version + 1)


def test_a_key_that_a_pack_claims_later_stays_the_tenants_own(
    policies: PolicyService, database: Database
) -> None:
    key = load_policies()[0].key
    own = make_policy(key=key)
    add_policies(database, TENANT, own)
    policies.synchronize(tenant=TENANT)
    assert PolicyStore(database).get(tenant=TENANT, ident=key) == own
    assert len(listed(policies)) == len(load_policies())


def test_of_a_built_in_policy_only_enabled_and_params_change(policies: PolicyService) -> None:
    policies.synchronize(tenant=TENANT)
    spec = next(spec for spec in load_policies() if spec.params)
    name, value = next(iter(spec.params.items()))
    before = read(policies, spec.key)
    for body in ({"title": "Mine"}, {"severity": "low", "enabled": False}):
        with pytest.raises(BuiltinPolicyImmutableError):
            change(policies, spec.key, **body)
    with pytest.raises(InvalidFieldError, match="is not a param"):
        change(policies, spec.key, params={"nothing": 1})
    with pytest.raises(BuiltinPolicyImmutableError):
        policies.delete(tenant=TENANT, ident=spec.key)
    assert read(policies, spec.key) == before
    changed = change(policies, spec.key, params={name: 7})
    assert (changed["params"][name], changed["version"]) == (7, before["version"] + 1)
    again = change(policies, spec.key, params=None)
    assert (again["params"][name], again["version"]) == (value, before["version"] + 2)


def _told(policy: Policy) -> str:
    """Return what people know a policy by."""
    said = (policy.spec.get(name) or "" for name in ("title", "description", "reason"))
    return "\n".join((policy.key, *said)).lower()


def test_filters_narrow_to_what_each_policy_says(
    policies: PolicyService, database: Database
) -> None:
    policies.synchronize(tenant=TENANT)
    create(policies)
    policies.create(tenant=TENANT, body=CLASSIFICATION)
    change(policies, load_policies()[0].key, enabled=False)
    hidden = create(policies, key="soon-deleted")
    policies.delete(tenant=TENANT, ident=hidden["id"])
    everything = PolicyStore(database).all(tenant=TENANT)
    tries: dict[str, tuple[tuple[str, ...], Callable[[Any], bool]]] = {
        "kind": (("classification",), lambda p: p.kind is PolicyKind.CLASSIFICATION),
        "source": (("custom",), lambda p: p.source is PolicySource.CUSTOM),
        "severity": (("high", "low"), lambda p: p.spec.get("severity") in ("high", "low")),
        "dimension": (("cost",), lambda p: p.spec.get("dimension") == "cost"),
        "provider": (("aws",), lambda p: p.provider == "aws"),
        "enabled": (("false",), lambda p: not p.enabled),
        "resource_type": (
            ("aws.ec2.vpc",),
            lambda p: "aws.ec2.vpc" in p.spec.get("resource_types", ()),
        ),
        "framework": (
            (next(iter(frameworks())),),
            lambda p: (
                next(iter(frameworks())) in (c["framework"] for c in controls_of(p.key, p.spec))
            ),
        ),
    }
    tries["service"] = (
        ("ec2",),
        lambda p: any(kind.split(".")[1] == "ec2" for kind in p.spec.get("resource_types", ())),
    )
    tries["search"] = (("BUCKET",), lambda p: "bucket" in _told(p))
    assert set(tries) == {item.name for item in LISTING.filters}
    for name, (values, wanted) in tries.items():
        expected = sorted(p.key for p in everything if wanted(p))
        assert expected, name
        assert sorted(listed(policies, **{name: values})) == expected, name


def test_an_audits_set_holds_what_is_enabled_as_it_stands(policies: PolicyService) -> None:
    check = create(policies)
    off = create(policies, key="off", enabled=False)
    rule = orjson.loads(policies.create(tenant=TENANT, body=CLASSIFICATION))
    over = CLASSIFICATION | {"key": "over", "expires_at": "2026-01-30T00:00:00Z"}
    policies.create(tenant=TENANT, body=over)
    fixed = policies.audit_set(tenant=TENANT)
    assert [p.id for p in fixed.checks] == [check["id"]]
    assert [p.id for p in fixed.classifications] == [rule["id"]]
    assert policy_set(orjson.loads(orjson.dumps(fixed.as_list()))) == fixed
    change(policies, check["id"], title="Later words")
    assert fixed.checks[0].spec["title"] == "Queues are closed"
    narrowed = policies.audit_set(tenant=TENANT, only=[off["key"]])
    assert narrowed.checks == ()
    with pytest.raises(PolicyNotFoundError):
        policies.audit_set(tenant=TENANT, only=["nothing"])


def test_a_classification_that_a_clock_which_ran_ahead_ended_is_applied_again(
    policies: PolicyService, database: Database
) -> None:
    time = Time()
    own = PolicyService(database=database, clock=time)
    right, ahead = time.now, time.now + timedelta(days=60)
    until = CLASSIFICATION | {"expires_at": "2026-03-02T00:00:00Z"}
    ident = orjson.loads(own.create(tenant=TENANT, body=until))["id"]

    def applied() -> bool:
        """Run the jobs as the worker does, if there are any; say whether there were."""
        own.expire(tenant=TENANT)
        jobs, found = JobStore(database), False
        while job := jobs.claim(kind=JOB, owner="w", now=utc_now()):
            moment = own.moment(tenant=TENANT)
            own.applied(tenant=TENANT, began=rfc3339(time.now), moment=moment)
            jobs.end(job, now=utc_now())
            found = True
        return found

    def in_force() -> list[str]:
        return [version.id for version in own.classifications(tenant=TENANT)]

    assert (applied(), applied(), in_force()) == (True, False, [ident])
    time.now = ahead
    assert (applied(), applied(), in_force()) == (True, False, [])
    time.now = right
    assert (applied(), applied(), in_force()) == (True, False, [ident])
    assert orjson.loads(own.get(tenant=TENANT, ident=ident))["applied_at"] == rfc3339(right)
    time.now = ahead
    assert (applied(), in_force()) == (True, [])


def test_what_is_disabled_or_deleted_is_withdrawn(policies: PolicyService) -> None:
    create(policies)
    off = create(policies, key="off", enabled=False)
    gone = create(policies, key="gone")
    policies.delete(tenant=TENANT, ident=gone["id"])
    assert sorted(policies.withdrawn(tenant=TENANT)) == sorted([off["id"], gone["id"]])


def test_a_findings_part_is_that_of_its_own_version_even_of_a_deleted_policy(
    policies: PolicyService,
) -> None:
    made = create(policies, description="First")
    change(policies, made["id"], description="Second")
    policies.delete(tenant=TENANT, ident=made["id"])
    for version, words in ((1, "First"), (2, "Second")):
        part = policies.finding_part(tenant=TENANT, ident=made["id"], version=version)
        read_part = orjson.loads(b"{" + part + b"}")
        assert read_part["description"] == words
        assert read_part["policy"] == {"id": made["id"], "key": CHECK["key"], "version": version}
    with pytest.raises(PolicyNotFoundError):
        policies.finding_part(tenant=TENANT, ident=made["id"], version=3)


def test_filters_of_findings_become_ids_of_policies(policies: PolicyService) -> None:
    made = create(policies, controls=[{"framework": "own", "control": "1.1"}])
    resolve = policies.resolve_filters
    assert resolve(TENANT, {"policy": (made["key"],)})["policy"] == (made["id"],)
    assert resolve(TENANT, {"framework": ("own",)})["framework"] == (made["id"],)
    assert resolve(TENANT, {"control": ("1.1",)})["control"] == (made["id"],)
    assert resolve(TENANT, {"control": ("5.3",)})["control"] == ("",)  # of a pack, served by none
    assert resolve(TENANT, {"severity": ("high",)}) == {"severity": ("high",)}


def test_a_tenant_has_so_many_checks_of_its_own_and_no_more(
    policies: PolicyService, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert service.MOST_CHECKS == 1_000
    monkeypatch.setattr(service, "MOST_CHECKS", 2)
    policies.synchronize(tenant=TENANT)  # built-in ones do not count
    for number in range(2):
        policies.create(tenant=TENANT, body={**CHECK, "key": f"one-{number}", "enabled": False})
    with pytest.raises(QuotaExceededError):
        policies.create(tenant=TENANT, body={**CHECK, "key": "one-more"})
    policies.create(tenant="ten_b", body=CHECK)
    policies.delete(tenant=TENANT, ident="one-0")
    policies.create(tenant=TENANT, body={**CHECK, "key": "one-more"})


def test_a_tenant_has_so_many_classifications_enabled_and_no_more(
    policies: PolicyService, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert service.MOST_CLASSIFICATIONS == 200
    monkeypatch.setattr(service, "MOST_CLASSIFICATIONS", 1)
    policies.create(tenant=TENANT, body=CLASSIFICATION)
    spare = {**CLASSIFICATION, "key": "spare", "enabled": False}
    policies.create(tenant=TENANT, body=spare)
    for act in (
        lambda: policies.create(tenant=TENANT, body={**CLASSIFICATION, "key": "more"}),
        lambda: policies.update(tenant=TENANT, ident="spare", body={"enabled": True}),
    ):
        with pytest.raises(QuotaExceededError):
            act()
    assert not orjson.loads(policies.get(tenant=TENANT, ident="spare"))["enabled"]
    policies.update(tenant=TENANT, ident=CLASSIFICATION["key"], body={"enabled": False})
    policies.update(tenant=TENANT, ident="spare", body={"enabled": True})


def test_what_any_policy_of_the_tenant_reads_is_asked_for_enabled_or_not(
    policies: PolicyService,
) -> None:
    policies.synchronize(tenant=TENANT)
    unread = policies.not_asked(tenant=TENANT)
    assert "CreateVolumePermissions" in unread["aws.ec2.snapshot"]
    assert policies.not_asked(tenant="ten_b") == unread  # what ships is read before it is there
    reading = {
        "resource_types": ["aws.ec2.snapshot"],
        "fail_when": "has(resource.CreateVolumePermissions)",
    }
    made = create(policies, enabled=False, **reading)
    assert "CreateVolumePermissions" not in policies.not_asked(tenant=TENANT)["aws.ec2.snapshot"]
    assert policies.not_asked(tenant="ten_b") == unread
    policies.delete(tenant=TENANT, ident=made["id"])
    assert policies.not_asked(tenant=TENANT) == unread


DEGREES = [{"when": "resource.QueueName == 'a'", "severity": "critical"}]


def test_a_check_says_its_severities_and_what_it_yields_to(policies: PolicyService) -> None:
    general = create(policies, key="general")
    assert (general["severity_when"], general["yields_to"]) == ([], [])
    made = create(policies, severity_when=DEGREES, yields_to=["general"])
    assert (made["severity_when"], made["yields_to"]) == (DEGREES, ["general"])
    assert read(policies, CHECK["key"]) == made
    assert change(policies, CHECK["key"], severity_when=[])["version"] == 2


def test_a_severity_that_does_not_compile_is_refused_by_its_number(policies: PolicyService) -> None:
    broken = [*DEGREES, {"when": "resource.QueueNam == 'a'", "severity": "low"}]
    with pytest.raises(InvalidPolicyExpressionError) as caught:
        create(policies, severity_when=broken)
    assert caught.value.details[0]["field"] == "severity_when[1].when"


def test_what_a_check_cannot_yield_to_is_refused_wherever_it_is_said(
    policies: PolicyService,
) -> None:
    create(policies, key="general")
    create(policies, yields_to=["general"])
    create(policies, key="buckets", resource_types=["aws.s3.bucket"], fail_when="true", params={})
    bodies = {
        "key of no check: 'genral'; did you mean 'general'": {"yields_to": ["genral"]},
        "'buckets' judges none": {"yields_to": ["buckets"]},
        "must be another policy": {"key": "x", "yields_to": ["x"]},
    }
    for message, body in bodies.items():
        with pytest.raises(InvalidFieldError, match=message) as caught:
            create(policies, **{"key": "new", **body})
        assert caught.value.details[0]["field"] == "yields_to[0]"
        assert not policies.validate(tenant=TENANT, body=CHECK | {"key": "new"} | body)["valid"]
        with pytest.raises(InvalidFieldError, match=message):
            policies.draft(tenant=TENANT, value=CHECK | {"key": "new"} | body)
    circle = "circle: general yields to queues-are-closed yields to general"
    with pytest.raises(InvalidFieldError, match=circle):
        change(policies, "general", yields_to=[CHECK["key"]])


def test_a_check_can_be_changed_after_what_it_yields_to_is_deleted(policies: PolicyService) -> None:
    create(policies, key="general")
    create(policies, yields_to=["general"])
    policies.delete(tenant=TENANT, ident="general")
    assert change(policies, CHECK["key"], title="New")["yields_to"] == ["general"]
    with pytest.raises(InvalidFieldError, match="key of no check"):
        change(policies, CHECK["key"], yields_to=["general", "other"])


def spec(**said: Any) -> PolicySpec:
    words = yaml.safe_dump({**CHECK, **said})
    return read_policy(words, file="own.yaml")


def test_a_check_of_a_file_counts_for_the_audits_that_name_it_alone(
    policies: PolicyService,
) -> None:
    [ident] = policies.lend(tenant=TENANT, specs=[spec()])
    assert policies.lend(tenant=TENANT, specs=[spec()]) == [ident]
    assert ident not in {version.id for version in policies.audit_set(tenant=TENANT).checks}
    only = {v.id for v in policies.audit_set(tenant=TENANT, only=(), lent=[ident]).checks}
    assert only == {ident}
    assert ident in policies.withdrawn(tenant=TENANT)


def test_a_check_of_a_file_has_a_new_version_when_it_says_something_else(
    policies: PolicyService,
) -> None:
    [ident] = policies.lend(tenant=TENANT, specs=[spec()])
    policies.lend(tenant=TENANT, specs=[spec(severity="low")])
    found = orjson.loads(policies.get(tenant=TENANT, ident=ident))
    assert (found["version"], found["severity"], found["enabled"]) == (2, "low", False)


def test_a_check_of_a_file_takes_no_key_of_what_says_something_else(
    policies: PolicyService,
) -> None:
    policies.create(tenant=TENANT, body=CHECK)
    assert policies.lend(tenant=TENANT, specs=[spec()])  # it says the same
    with pytest.raises(NameAlreadyExistsError):
        policies.lend(tenant=TENANT, specs=[spec(severity="low")])
    policies.synchronize(tenant=TENANT)
    with pytest.raises(BuiltinPolicyImmutableError):
        policies.lend(tenant=TENANT, specs=[spec(key=load_policies()[0].key)])


TOLD = ("examples", "formerly", "applies_because", "equivalents")
EXAMPLES = {
    "fail": [{"resource": {"Tags": [{"Key": "env", "Value": "prod"}]}, "severity": "critical"}],
    "pass": [{"resource": {"Tags": []}}],
}
FILE = CHECK | {
    "version": 7,
    "fail_when": "tag(resource, 'env') != null",
    "severity_when": [{"when": "tag(resource, 'env') == 'prod'", "severity": "critical"}],
    "formerly": ["queues-were-closed"],
    "applies_because": "Tags do not open a queue",
    "equivalents": {"prowler": ["sqs_queue_is_tagged"]},
    "examples": EXAMPLES,
}


def test_what_a_file_says_is_taken_and_shown_and_no_audit_judges_by_its_examples(
    policies: PolicyService,
) -> None:
    made = orjson.loads(policies.create(tenant=TENANT, body=FILE))
    assert made["version"] == 1
    assert {name: made[name] for name in TOLD} == {name: FILE[name] for name in TOLD}
    (pinned,) = policies.audit_set(tenant=TENANT, only=[made["id"]]).checks
    assert pinned.spec.keys().isdisjoint(set(TOLD))
    other = {"examples": {"pass": EXAMPLES["pass"]}}
    changed = orjson.loads(policies.update(tenant=TENANT, ident=made["id"], body=other))
    assert (changed["version"], changed["examples"]) == (1, other["examples"])


def test_examples_that_end_otherwise_than_they_say_are_refused_each_by_its_place(
    policies: PolicyService,
) -> None:
    wrong = {"fail": [*EXAMPLES["fail"], *EXAMPLES["pass"]], "pass": EXAMPLES["pass"]}
    with pytest.raises(InvalidPolicyExampleError) as caught:
        policies.create(tenant=TENANT, body=FILE | {"examples": wrong})
    (detail,) = caught.value.details
    assert (detail["field"], detail["message"]) == (
        "examples.fail[1]",
        "should be fail and is pass",
    )
    found = policies.validate(tenant=TENANT, body=FILE | {"examples": wrong})
    assert (found["valid"], found["errors"]) == (False, [dict(detail)])
    made = orjson.loads(policies.create(tenant=TENANT, body=FILE))
    with pytest.raises(InvalidPolicyExampleError):
        policies.update(tenant=TENANT, ident=made["id"], body={"fail_when": "false"})
    assert policies.get(tenant=TENANT, ident=made["id"]) == orjson.dumps(made)
