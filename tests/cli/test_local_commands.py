"""Commands that need neither a server nor a cloud."""

from __future__ import annotations

import fcntl
import json
import re
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from cloudsealed import __version__
from cloudsealed.auth.user_store import TenantStore
from cloudsealed.settings import Settings
from cloudsealed.storage.open import open_database
from cloudsealed.testing.emulator import Emulator

POLICY = """\
key: queue-name
title: Queue is called orders
dimension: compliance
severity: low
resource_types: [aws.sqs.queue]
description: Names say what a thing is.
fail_when: |-
  resource.QueueUrl.endsWith("orders")
message: "{resource.QueueUrl} is called orders"
remediation: {summary: Rename it., effort: low}
examples:
  fail:
    - resource: {QueueUrl: https://example.com/orders}
  pass:
    - resource: {QueueUrl: https://example.com/invoices}
"""


def test_init_makes_an_admin_and_a_token_of_every_scope_once(run: Run) -> None:
    made = json.loads(run("init", "--json").stdout)
    assert made.keys() == {
        "tenant",
        "user_id",
        "email",
        "password",
        "token",
        "token_expires_at",
        "scopes",
    }
    assert made["tenant"].keys() == {"id", "name"}
    assert "admin" in made["scopes"]
    assert run("token", "check", made["token"]).returncode == 0
    again = run("init", "--json")
    assert again.returncode == 1
    assert "has an admin already" in again.stderr


def test_init_names_the_tenant_that_an_audit_made_and_says_when_the_token_ends(
    run: Run, estate: Emulator, tmp_path: Path
) -> None:
    run("audit", "aws", "--regions", "eu-west-1", "--services", "efs", **estate.environment())
    done = run("init", "--name", "Larkspur Ltd")
    assert "Tenant    Larkspur Ltd (ten_" in done.stdout
    assert re.search(r"every scope, until 20\d\d-", done.stdout)
    with closing(open_database(Settings(data_dir=tmp_path / "cloudsealed-data"))) as database:
        assert [each.name for each in TenantStore(database).all()] == ["Larkspur Ltd"]


def test_a_data_folder_keeps_itself_out_of_a_repository_and_leaves_anybody_elses_alone(
    run: Run, tmp_path: Path
) -> None:
    run("migrate", CLOUDSEALED_DATA_DIR="new")
    (tmp_path / "loose").mkdir(mode=0o755)
    run("init", "--json", CLOUDSEALED_DATA_DIR="loose")
    for name in ("new", "loose"):
        assert (tmp_path / name / ".gitignore").read_text() == "*\n"
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o700
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "code.py").write_text("")
    run("init", "--json", CLOUDSEALED_DATA_DIR="work")
    assert not (tmp_path / "work" / ".gitignore").exists()


def test_doctor_makes_nothing(run: Run, tmp_path: Path) -> None:
    assert run("doctor", AWS_EC2_METADATA_DISABLED="true").returncode == 1
    assert list(tmp_path.iterdir()) == []


def test_serve_says_init_where_nobody_could_log_in(run: Run) -> None:
    for prepared in ([], ["migrate"]):
        if prepared:
            assert run(*prepared).returncode == 0
        done = run("serve", "--port", "0")
        assert done.returncode == 1
        assert "run `cloudsealed init`" in done.stderr


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_port_that_there_is_none_of_is_a_fault_of_usage(run: Run, command: str) -> None:
    for port in ("65536", "99999", "-1"):
        done = run(command, "--port", port)
        assert done.returncode == 2
        assert "--port" in done.stderr


def test_a_taken_port_is_found_before_anything_is_begun(run: Run, tmp_path: Path) -> None:
    run("init", "--json")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        served = run("serve", "--port", port)
        demo = run("demo", "--port", port)
    for done in (served, demo):
        assert done.returncode == 1
        assert f"Port {port} of 127.0.0.1 is taken by another program" in done.stderr
    assert not (tmp_path / "cloudsealed-data" / "serve.lock").exists()
    assert {path.name for path in (tmp_path / "cloudsealed-demo").iterdir()} == {
        ".gitignore",
        "serve.lock",
    }


def test_a_host_that_is_not_this_machines_is_said_in_words(run: Run) -> None:
    for host in ("192.0.2.1", "no.such.host.invalid"):
        done = run("serve", "--host", host, "--behind-proxy", "--port", "0")
        assert done.returncode == 1
        assert host in done.stderr
        assert "Traceback" not in done.stderr


def test_the_package_is_the_command() -> None:
    command = [sys.executable, "-m", "cloudsealed", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == __version__


def test_a_seal_key_is_replaced_and_both_are_listed(run: Run, tmp_path: Path) -> None:
    run("init", "--json")
    old = run("keys", "list").stdout.splitlines()[-1]
    assert "signs from the next start" in run("keys", "rotate", "seal").stdout
    new, kept = run("keys", "list").stdout.splitlines()[-2:]
    assert kept == old.replace("current", "previous")
    assert new.endswith("current")
    assert run("keys", "rotate", "seal", "--days", "1").returncode == 1
    with closing(sqlite3.connect(tmp_path / "cloudsealed-data" / "cloudsealed.db")) as raw:
        told = raw.execute(
            "SELECT actor_kind, subject FROM events WHERE type = 'security.key_replaced'"
        ).fetchall()
    assert told == [("operator", new.split()[1])]


def test_keys_of_every_kind_are_replaced_with_the_end_that_is_declared(run: Run) -> None:
    run("init", "--json")
    for words in (["token"], ["cursors"], ["session"], ["token", "--days", "0"]):
        assert "is used from the next start" in run("keys", "rotate", *words).stdout
    assert "if serve and worker" in run("keys", "rotate", "cursor", "--in-minutes", "9").stdout
    assert run("keys", "rotate", "redaction").returncode == 1
    listed = [
        line.split()[:1] + line.split()[2:3] for line in run("keys", "list").stdout.splitlines()
    ]
    assert listed == [
        ["token", "current"],
        ["token", "ended"],
        ["token", "ended"],
        ["cursor", "current"],
        ["cursor", "previous"],
        ["cursor", "from"],
        ["session", "current"],
        ["session", "previous,"],
        ["seal", listed[-1][1]],
    ]


def test_no_command_works_with_the_key_file_of_another_database(run: Run, tmp_path: Path) -> None:
    for folder in ("one", "other"):
        run("migrate", CLOUDSEALED_DATA_DIR=folder)
        run("init", "--json", CLOUDSEALED_DATA_DIR=folder)
    keys = (tmp_path / "other" / "keys.json").read_bytes()
    (tmp_path / "one" / "keys.json").write_bytes(keys)
    for command in (["migrate"], ["backup", "copy"], ["keys", "list"], ["keys", "rotate", "seal"]):
        done = run(*command, CLOUDSEALED_DATA_DIR="one")
        assert (done.returncode, done.stdout) == (1, "")
        assert "is not this database's" in done.stderr
    assert (tmp_path / "one" / "keys.json").read_bytes() == keys
    assert not (tmp_path / "copy").exists()


def test_migrate_never_calls_tables_current_that_are_not(run: Run, tmp_path: Path) -> None:
    run("migrate")
    with closing(sqlite3.connect(tmp_path / "cloudsealed-data" / "cloudsealed.db")) as raw:
        raw.execute("ALTER TABLE audits DROP COLUMN expired_at")
    done = run("migrate")
    assert (done.returncode, done.stdout) == (1, "")
    assert "the column audits.expired_at is missing" in " ".join(done.stderr.split())


def test_a_mistyped_token_is_told_offline(run: Run) -> None:
    made = json.loads(run("init", "--json").stdout)["token"]
    assert run("token", "check", made[:-1] + ("a" if made[-1] != "a" else "b")).returncode == 1


def test_serve_on_a_folder_without_a_schema_says_what_to_do(run: Run) -> None:
    done = run("serve", "--port", "0")
    assert done.returncode == 1
    assert "run `cloudsealed" in done.stderr


def test_one_serve_uses_a_data_folder(run: Run, tmp_path: Path) -> None:
    run("init", "--json")
    with (tmp_path / "cloudsealed-data" / "serve.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = run("serve", "--port", "0")
    assert done.returncode == 1
    assert "Another `cloudsealed serve` uses" in done.stderr


def test_a_good_policy_file_is_valid_and_passes_its_own_examples(run: Run, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    assert run("policy", "validate", "policy.yaml").returncode == 0
    tested = run("policy", "test", "policy.yaml")
    assert tested.returncode == 0
    assert "2 passed, 0 failed" in tested.stdout


@pytest.mark.parametrize(
    ("broken", "by", "said"),
    [
        ("resource.QueueUrl.endsWith(", "resource.QueueUlr.endsWith(", ":8:12: "),
        ("severity: low", "severity: urgent", ":4:11: "),
        ("dimension:", "dimention:", ":3:1: "),
    ],
)
def test_a_broken_policy_file_is_refused_with_its_place(
    run: Run, tmp_path: Path, broken: str, by: str, said: str
) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY.replace(broken, by))
    done = run("policy", "validate", "policy.yaml")
    assert done.returncode == 1
    assert f"policy.yaml{said}" in done.stderr
    hints = done.stderr.count("did you mean") + done.stderr.count("must be one of")
    assert hints == 1


def test_a_folder_of_policy_files_is_told_to_programs_and_to_github(
    run: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "own, policies"
    folder.mkdir()
    (folder / "a.yaml").write_text(POLICY)
    (folder / "b.yaml").write_text(POLICY.replace("severity: low", "severity: low%"))
    done = run("policy", "validate", "own, policies", "--format", "json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["files"], told["valid"]) == (1, 2, False)
    assert [error["line"] for error in told["errors"]] == [4]
    said = run("policy", "test", "own, policies", "--format", "github")
    assert said.returncode == 1
    assert said.stdout.startswith("::error file=own%2C policies/b.yaml,line=4,col=11::severity")
    assert run("policy", "test", "own, policies/a.yaml", "--format", "github").stdout == ""


def test_the_page_of_a_policy_is_printed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    done = run("policy", "page", "policy.yaml")
    assert done.returncode == 0
    assert done.stdout.startswith("# Queue is called orders\n\n| policy |")
    assert "`sqs:ListQueues`" in done.stdout


def test_the_schema_of_policy_files_is_printed(run: Run) -> None:
    schema = json.loads(run("policy", "schema").stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    whole, templated = (each["required"] for each in schema["anyOf"])
    assert "fail_when" in whole
    assert templated == ["key", "like", "with"]


def test_a_type_that_nothing_collects_is_refused_with_its_place(run: Run, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY.replace("aws.sqs.queue", "aws.sqs.queu"))
    for command in ("validate", "test", "page"):
        done = run("policy", command, "policy.yaml")
        assert done.returncode == 1
        assert "policy.yaml:5:18: " in done.stderr
        assert "did you mean 'aws.sqs.queue'" in done.stderr


def test_an_example_with_another_outcome_fails_the_test(run: Run, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY.replace("/invoices", "/orders"))
    tested = run("policy", "test", "policy.yaml")
    assert tested.returncode == 1
    assert "1 passed, 1 failed" in tested.stdout


def test_the_iam_policy_that_audits_need_only_reads(run: Run) -> None:
    policy = json.loads(run("aws-permissions").stdout)
    actions = [action for statement in policy["Statement"] for action in statement["Action"]]
    names = [action.partition(":")[2] for action in actions]
    assert len(names) > 80
    reading = (
        "Describe",
        "List",
        "Get",
        "BatchGet",
        "Generate",
        "GET",
    )  # API Gateway's has no other
    assert all(each.startswith(reading) for each in names)


def test_the_iam_policy_follows_what_policies_read_and_settings_leave_out(run: Run) -> None:
    def actions(**more: str) -> set[str]:
        document = json.loads(run("permissions", "aws", **more).stdout)
        return set(document["Statement"][0]["Action"])

    shipped = actions()
    assert {"iam:GetAccountAuthorizationDetails", "tag:GetResources"} <= shipped
    assert shipped.isdisjoint(
        {"iam:GetRolePolicy", "logs:ListTagsForResource", "ec2:DescribeSnapshotAttribute"}
    )
    call = "ec2:DescribeInstanceAttribute"
    assert shipped - actions(CLOUDSEALED_CALLS_LEFT_OUT=call) == {call}
    done = run("init", CLOUDSEALED_CALLS_LEFT_OUT="ec2:Nothing")
    assert done.returncode == 1
    assert "CLOUDSEALED_CALLS_LEFT_OUT: ec2:Nothing is no call" in done.stderr


def test_a_bad_setting_is_named(run: Run) -> None:
    done = run("init", CLOUDSEALED_LIMIT_CORE="many")
    assert done.returncode == 1
    assert "CLOUDSEALED_LIMIT_CORE" in done.stderr


def test_doctor_says_what_is_wrong_and_what_to_do(run: Run) -> None:
    done = run("doctor", AWS_EC2_METADATA_DISABLED="true")
    assert done.returncode == 1
    assert "wrong keys" in done.stdout
    assert "cloudsealed init" in done.stdout
    run("init", "--json")
    logo = {"CLOUDSEALED_REPORT_LOGO": "keys.json", "CLOUDSEALED_REPORT_LANGUAGE": "fr"}
    done = run("doctor", AWS_EC2_METADATA_DISABLED="true", **logo)
    assert "wrong reports: CLOUDSEALED_REPORT_LOGO=keys.json" in done.stdout
    done = run("doctor", AWS_EC2_METADATA_DISABLED="true")
    assert "ok    schema: current" in done.stdout
    assert "ok    reports: by CloudSealed, in en, with no logo" in done.stdout
    assert "wrong AWS: There are no AWS credentials" in done.stdout


def test_a_backup_is_an_installation_of_its_own(run: Run, tmp_path: Path) -> None:
    token = json.loads(run("init", "--json").stdout)["token"]
    assert run("backup", "copy").returncode == 0
    assert (tmp_path / "copy" / "keys.json").stat().st_mode & 0o777 == 0o600
    again = run("init", "--json", CLOUDSEALED_DATA_DIR=str(tmp_path / "copy"))
    assert "has an admin already" in again.stderr
    assert token.encode() not in (tmp_path / "copy" / "cloudsealed.db").read_bytes()
    refused = run("backup", "copy")
    assert refused.returncode == 1
    assert "not empty" in refused.stderr


@pytest.mark.parametrize(("severity", "code"), [("critical", 0), ("low", 1)])
def test_an_example_that_says_another_severity_fails_the_test(
    run: Run, tmp_path: Path, severity: str, code: int
) -> None:
    degrees = 'severity_when: [{when: resource.QueueUrl != "", severity: critical}]\n'
    example = "/orders}\n      severity: " + severity + "\n"
    text = degrees + POLICY.replace("/orders}\n", example)
    (tmp_path / "policy.yaml").write_text(text)
    tested = run("policy", "test", "policy.yaml")
    assert tested.returncode == code, tested.stdout
    assert "example 1: fail, critical" in tested.stdout
