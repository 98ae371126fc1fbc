"""`cloudsealed audit kubernetes` on a cluster over TLS: what may not be read is unknown and named,
and no secret of a cluster or a kubeconfig goes anywhere."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.clusters import Authority, config, granted, store_of, written
from tests.e2e.clusters import MARK, canary, estate
from tests.e2e.installation import Document, Installation, every_log, signed_in
from tests.e2e.test_canaries import leaks, needles_of, on_disk, reported, served
from tests.program import program

from cloudsealed.audits.records.blocks import OBSERVATIONS, Blocks
from cloudsealed.audits.store import AuditStore
from cloudsealed.collectors.kubernetes.provider import PROVIDER
from cloudsealed.collectors.kubernetes.rows import ROWS
from cloudsealed.collectors.model import Row
from cloudsealed.kit.clock import utc_now
from cloudsealed.policies.service import policy_set
from cloudsealed.settings import Settings
from cloudsealed.testing.kubernetes.rbac import User
from cloudsealed.testing.kubernetes.server import ApiServer

Rules = list[dict[str, Any]]
Run = Callable[..., subprocess.CompletedProcess[str]]
LISTS = sorted({(row.service, str(row.operation)) for row in ROWS})
AUDITOR = "auditor"


@dataclass(frozen=True)
class Site:
    """A cluster that is served, and a kubeconfig whose contexts are its users'. `needles` are what
    no secret of theirs is without."""

    server: ApiServer
    kubeconfig: Path
    needles: list[bytes]

    def grant(self, rules: Rules, user: str = AUDITOR) -> None:
        for each in granted(user, rules):
            self.server.store.add(each)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("cluster")
    authority, objects = Authority(folder), estate()
    tokens = {canary("kubeconfig-token"): AUDITOR, canary("plugin-token"): "runner"}
    users = {token: User(name) for token, name in tokens.items()}
    certificate, key = authority.client("holder")
    secrets = [MARK, *key.read_text().splitlines()[1:-2]]  # the key's own bytes
    with ApiServer(
        store_of(*objects), users, tls=authority.server(), clients=authority.file
    ) as server:
        said = config(server, authority, {"token": next(iter(tokens))})
        said["contexts"] += [
            {"name": name, "context": {"cluster": "here", "user": name}}
            for name in ("runner", "holder")
        ]
        said["users"] += [
            {"name": "runner", "user": {"exec": plugin(folder, [*tokens][1])}},
            {
                "name": "holder",
                "user": {"client-certificate": str(certificate), "client-key": str(key)},
            },
        ]
        made = Site(server, written(folder / "kubeconfig", said), needles_of(secrets))
        for user in (AUDITOR, "runner", "holder"):
            made.grant(PROVIDER.permissions(ROWS)["rules"], user)
        yield made


def plugin(folder: Path, token: str) -> Document:
    """Return the plug-in of a kubeconfig, which says a canary on each of its streams."""
    version = "client.authentication.k8s.io/v1"
    said = {"apiVersion": version, "kind": "ExecCredential", "status": {"token": token}}
    path = folder / "plugin"
    path.write_text(
        f"#!{sys.executable}\nimport sys\nprint({json.dumps(said)!r})\n"
        f"print({canary('plugin-errors')!r}, file=sys.stderr)\n"
    )
    path.chmod(0o700)
    return {
        "apiVersion": version,
        "command": str(path),
        "args": ["--secret", canary("plugin-argument")],
        "env": [{"name": "API_KEY", "value": canary("plugin-variable")}],
    }


@pytest.fixture
def run(tmp_path: Path, site: Site) -> Run:
    """Runs the program with the kubeconfig, in an empty folder."""

    def cloudsealed(*arguments: str) -> subprocess.CompletedProcess[str]:
        variables = {"HOME": str(tmp_path), "COLUMNS": "200", "PATH": "/nowhere"}
        environment = {**variables, "KUBECONFIG": str(site.kubeconfig)}
        return program().run(*arguments, folder=tmp_path, environment=environment)

    return cloudsealed


class Audited:
    """An installation with a connection to the cluster and, beside the policies that there are, one
    of its own on each type and one on two; and what an audit with every permission said."""

    def __init__(self, folder: Path, site: Site) -> None:
        self.site = site
        self.installation = Installation(folder, {"KUBECONFIG": str(site.kubeconfig)})
        self.services, self.tenant = self.installation.services, self.installation.tenant
        self.connection = self.services.connections.ensure(
            tenant=self.tenant, name="cluster", body={"provider": "kubernetes", "context": "here"}
        )
        for row in ROWS:
            self._add(row.type, {"fail_when": "resource.metadata.name == 'none'"})
        join = {"from": "metadata.namespace", "key": "metadata.namespace", "scope": "region"}
        related = {"policies": {"type": "k8s.network_policy", **join}}
        self._add("k8s.pod", {"related": related, "fail_when": "size(related.policies) == 0"}, "2")
        self.whole = self.audit()
        self.reads = dict(self._reads(self.whole["id"]))
        self.observed = self.observations(self.whole)

    def _add(self, kind: str, rule: Mapping[str, Any], number: str = "1") -> None:
        body = {
            "key": f"own-{kind[4:].replace('_', '-')}-{number}",
            "kind": "check",
            "title": "Named so",
            "dimension": "security",
            "severity": "low",
            "resource_types": [kind],
            "message": "It is named {resource.metadata.name}",
            **rule,
        }
        self.services.policies.create(tenant=self.tenant, body=body)

    def audit(self, *policies: str) -> Document:
        """Audit by these policies, by all without any."""
        only = {"policies": list(policies)} if policies else {}
        body = {"connection_ids": [self.connection], **only}
        made = self.services.audits.create(tenant=self.tenant, body=body, queue=False)
        found = self.installation.run(orjson.loads(made)["id"])
        assert (found["status"], found["error"]) == ("completed", None)
        return found

    def _reads(self, ident: str) -> Iterator[tuple[str, set[str]]]:
        """Yield each policy on clusters with the types that it reads."""
        audit = AuditStore(self.services.database, utc_now).get(tenant=self.tenant, ident=ident)
        for policy in policy_set(audit.policy_set).checks:
            related = (policy.spec.get("related") or {}).values()
            found = {*policy.spec["resource_types"], *(each["type"] for each in related)}
            if any(name.startswith("k8s.") for name in found):
                yield policy.key, found

    def observations(self, audit: Document) -> dict[tuple[str, str], str]:
        """Return each outcome by policy and resource."""
        blocks = Blocks(self.services.database, tenant=self.tenant, audit_id=audit["id"])
        return {
            (block.key, line["native_id"]): line["outcome"]
            for block in blocks.all(OBSERVATIONS)
            for line in blocks.lines(block)
        }


@pytest.fixture(scope="module")
def audited(
    site: Site, tmp_path_factory: pytest.TempPathFactory, migrated_file: bytes, unpaced: None
) -> Iterator[Audited]:
    folder = tmp_path_factory.mktemp("audited")
    path = Settings(data_dir=folder).sqlite_path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(migrated_file)
    made = Audited(folder, site)
    yield made
    made.installation.close()


def rows_of(service: str, plural: str) -> list[Row]:
    """The rows that ask for objects of a list, all of them or one by its name."""
    return [
        row
        for row in ROWS
        if (row.service, str(row.operation).partition("/")[0]) == (service, plural)
    ]


def without(rules: list[dict[str, Any]], service: str, plural: str) -> list[dict[str, Any]]:
    """Rules that do not let anybody list these objects."""
    group = "" if service == "core" else service
    return [
        {**each, "resources": [name for name in each["resources"] if name != plural]}
        if each["apiGroups"] == [group] and "list" in each["verbs"]
        else each
        for each in rules
    ]


def test_an_audit_needs_what_its_permissions_print(run: Run, site: Site) -> None:
    said = json.loads(run("permissions", "kubernetes").stdout)
    assert said["kind"] == "ClusterRole"
    site.grant(said["rules"])
    done = run("audit", "kubernetes", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["audit"]
    assert found["calls"]["denied"] == found["calls"]["failed"] == 0
    assert found["resources"] >= len(ROWS)


@pytest.mark.parametrize("context", ["here", "runner", "holder"])
def test_a_context_says_who_one_is_and_the_program_no_secret(
    context: str, run: Run, site: Site, tmp_path: Path
) -> None:
    files = [f"out{suffix}" for suffix in (".html", ".csv", ".jsonl", ".json", ".sarif")]
    wanted = [each for name in files for each in ("--output", name)]
    scope = ("--types", "k8s.pod,k8s.config_map,k8s.kubelet_config,k8s.storage_class")
    options = ("--context", context, "--json", "--verbose", *scope, *wanted)
    done = run("audit", "kubernetes", *options)
    assert done.returncode == 0, done.stderr
    [account] = json.loads(done.stdout)["audit"]["accounts"]
    assert (account["provider"], account["account"]) == ("kubernetes", site.server.store.uid)
    texts = [("stdout", done.stdout.encode()), ("stderr", done.stderr.encode())]
    texts += [(str(path), path.read_bytes()) for path in tmp_path.rglob("*") if path.is_file()]
    assert len(texts) > len(files)
    assert leaks(iter(texts), site.needles) == []


def test_a_context_that_there_is_not_is_a_usable_error(run: Run) -> None:
    done = run("audit", "kubernetes", "--context", "hear")
    assert done.returncode == 1
    assert "has no context 'hear'" in done.stderr
    assert "here" in done.stderr


def test_there_is_something_of_every_type(audited: Audited) -> None:
    named = {key for key, _ in audited.observed}
    assert {f"own-{row.type[4:].replace('_', '-')}-1" for row in ROWS} <= named
    assert set(audited.observed.values()) >= {"pass"}
    assert audited.installation.coverage(audited.whole)["gaps"] == []


def test_no_secret_reaches_a_disk_a_log_an_answer_or_a_report(audited: Audited) -> None:
    installation, needles = audited.installation, audited.site.needles
    with every_log() as log:
        audit = audited.audit()["id"]
        installation.reanalyze(audit)
        texts = [*asyncio.run(served(installation, audit, 60)), *reported(installation, audit)]
    texts += [("log", line.encode()) for line in log.lines]
    stored = list(on_disk(installation.folder))
    assert leaks(iter(texts + stored), needles) == []
    whole = b"".join(text for _, text in stored)
    for sign in (b'"redacted":true', b"registry.example/app", "читатель".encode()):
        assert sign in whole  # what stands beside the secrets was met


@pytest.mark.parametrize(
    ("service", "plural"), [(service, name) for service, name in LISTS if "/" not in name]
)
def test_what_may_not_be_listed_is_unknown_and_names_its_permission(
    service: str, plural: str, audited: Audited
) -> None:
    rules = PROVIDER.permissions(ROWS)["rules"]
    denied = {row.type: str(row.operation) for row in rows_of(service, plural)}
    judged = [
        key
        for key, read in audited.reads.items()
        if key.startswith("own-") or not read.isdisjoint(denied)
    ]
    audited.site.grant(without(rules, service, plural))
    try:
        audit = audited.audit(*judged)
    finally:
        audited.site.grant(rules)
    coverage = audited.installation.coverage(audit)
    for gap in coverage["gaps"]:
        assert (gap["outcome"], gap["curable"]) == ("denied", True)
    permissions = {PROVIDER.permission_of(service, each) for each in denied.values()}
    assert {gap["action"] for gap in coverage["gaps"]} == permissions
    [cure] = coverage["cures"]
    assert (cure["provider"], set(cure["permissions"])) == ("kubernetes", permissions)
    assert audit["calls"]["denied"] == len(denied)
    assert audit["verdicts"]["unread"] >= len(denied)
    observed = audited.observations(audit)
    for cell, outcome in observed.items():
        before = audited.observed[cell]
        if audited.reads[cell[0]].isdisjoint(denied):
            assert outcome == before, cell
        else:  # decided without what was denied, or not at all
            assert outcome in (before, "unknown"), cell
    for cell in {cell for cell in audited.observed if cell[0] in judged} - observed.keys():
        assert audited.reads[cell[0]] & denied.keys(), cell
    for key, outcome in [(key, outcome) for (key, _), outcome in observed.items()]:
        if key.startswith("own-") and not audited.reads[key].isdisjoint(denied):
            assert outcome == "unknown", key


def test_a_connection_is_tried_and_says_what_it_lacks(audited: Audited) -> None:
    connections, named = audited.services.connections, {"tenant": audited.tenant}
    rules = connections.setup(**named, ident=audited.connection)["permissions_policy"]["rules"]
    left = without(rules, "apps", "deployments")
    audited.site.grant(left)
    with signed_in(audited.installation.environment):
        lacking = connections.test(**named, ident=audited.connection)
        audited.site.grant([*left, *(lacking["iam_statement"] or {}).get("rules", [])])
        whole = connections.test(**named, ident=audited.connection)
    audited.site.grant(rules)
    assert [each["action"] for each in lacking["missing"]] == ["list deployments.apps"]
    for said in (lacking, whole):
        assert (said["ok"], said["account"]) == (True, audited.site.server.store.uid)
        assert said["calls_tried"] == len(LISTS)
    assert whole["missing"] == []


def test_the_search_finds_a_canary_that_is_there(site: Site) -> None:
    text = [("kubeconfig", site.kubeconfig.read_bytes())]
    assert leaks(iter(text), site.needles)
