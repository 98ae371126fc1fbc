"""`cloudsealed audit aws` needs no server, and its exit code is for CI."""

from __future__ import annotations

import http.server
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.waiting import SECONDS

from cloudsealed.testing.emulator import Emulator


def pointed_at(endpoint: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }


SMALL = ("--regions", "eu-west-1", "--services", "sqs,s3")  # which may be called often


def test_it_prints_a_summary_in_four_dimensions_and_the_worst_findings(
    run: Run, whole_estate: Emulator
) -> None:
    done = run("audit", "aws", "--regions", "eu-west-1", **whole_estate.environment())
    assert done.returncode == 0, done.stderr
    for word in ("Security", "Cost", "Architecture", "Compliance", "coverage 100.0%", "10 worst"):
        assert word in done.stdout
    assert "Completed" in done.stderr


def test_json_goes_to_stdout_and_progress_to_stderr(run: Run, estate: Emulator) -> None:
    done = run("audit", "aws", *SMALL, "--json", **estate.environment())
    document = json.loads(done.stdout)
    assert document["audit"]["status"] == "completed"
    assert {finding["object"] for finding in document["findings"]} == {"finding"}
    assert "Collecting" in done.stderr


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--fail-on", "critical"), 3),
        (("--services", "efs", "--fail-on", "critical"), 0),
        (("--min-coverage", "1.0"), 0),
        (("--services", "cloudwatch"), 0),  # no policy is about an alarm
        (("--services", "nosuch"), 2),
        (("--fail-on", "urgent"), 2),
    ],
)
def test_the_exit_code_says_how_it_ended(
    run: Run, estate: Emulator, options: tuple[str, ...], code: int
) -> None:
    assert run("audit", "aws", *SMALL, *options, **estate.environment()).returncode == code


def test_coverage_below_the_minimum_is_4_and_names_the_permission(
    run: Run, estate: Emulator
) -> None:
    estate.faults({"service": "sqs", "operation": "GetQueueAttributes", "kind": "access_denied"})
    try:
        done = run("audit", "aws", *SMALL, "--min-coverage", "1.0", **estate.environment())
    finally:
        estate.faults()
    assert done.returncode == 4
    assert "sqs:GetQueueAttributes" in done.stdout


def test_a_session_that_ends_is_1_and_the_same_command_goes_on(run: Run, estate: Emulator) -> None:
    estate.faults({"service": "sqs", "operation": "GetQueueAttributes", "kind": "expired_token"})
    try:
        ended = run("audit", "aws", *SMALL, **estate.environment())
        still = run("audit", "aws", *SMALL, **estate.environment())
    finally:
        estate.faults()
    for done in (ended, still):
        assert done.returncode == 1
        assert "The AWS session has expired" in done.stderr
        assert "run the same command" in done.stderr
        assert "Grant" not in done.stdout + done.stderr
    gone_on = run("audit", "aws", *SMALL, **estate.environment())
    assert gone_on.returncode == 0, gone_on.stderr
    assert "Resuming aud_" in still.stderr
    assert "Resuming aud_" in gone_on.stderr
    assert "coverage 100.0%" in gone_on.stdout
    assert "Resuming" not in run("audit", "aws", *SMALL, **estate.environment()).stderr


@contextmanager
def interrupted(folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """Press Ctrl+C while a call hangs; yield what was said."""
    command = [sys.executable, "-m", "cloudsealed", "audit", "aws", *SMALL]
    variables = {"PATH": os.environ["PATH"], "HOME": str(folder), **environment}
    with subprocess.Popen(
        command, cwd=folder, env=variables, stderr=subprocess.PIPE, text=True
    ) as audit:
        assert audit.stderr is not None
        said = ""
        while "Collecting" not in said:
            said = audit.stderr.readline()
            assert said, "the audit ended by itself"
        audit.send_signal(signal.SIGINT)
        rest = audit.stderr.read()
        assert audit.wait(SECONDS) == 130
        yield rest


def test_ctrl_c_waits_for_no_call_and_the_same_command_goes_on_or_begins_anew(
    run: Run, estate: Emulator, tmp_path: Path
) -> None:
    environment = {**estate.environment()}
    estate.faults({"service": "sqs", "operation": "GetQueueAttributes", "kind": "hang"})
    try:
        with interrupted(tmp_path, environment) as said:
            assert "the same command goes on" in said
            assert "Traceback" not in said
    finally:
        estate.faults()
    gone_on = run("audit", "aws", *SMALL, **environment)
    assert gone_on.returncode == 0, gone_on.stderr
    assert "Resuming aud_" in gone_on.stderr
    assert "Waiting" not in gone_on.stderr
    estate.faults({"service": "sqs", "operation": "GetQueueAttributes", "kind": "hang"})
    try:
        with interrupted(tmp_path, environment):
            pass
    finally:
        estate.faults()
    anew = run("audit", "aws", *SMALL, "--fresh", **environment)
    assert anew.returncode == 0, anew.stderr
    assert re.search(r"aud_\w+ of \S+, which was interrupted, is canceled: a new", anew.stderr)
    assert "Resuming" not in anew.stderr


def test_an_audit_of_another_day_is_not_resumed_silently(
    run: Run, estate: Emulator, tmp_path: Path
) -> None:
    environment = estate.environment()
    estate.faults({"service": "sqs", "operation": "GetQueueAttributes", "kind": "hang"})
    try:
        with interrupted(tmp_path, environment):
            pass
    finally:
        estate.faults()
    with closing(sqlite3.connect(tmp_path / "cloudsealed-data" / "cloudsealed.db")) as raw, raw:
        raw.execute("UPDATE audits SET created_at = '2026-01-01T00:00:00.000Z'")
    done = run("audit", "aws", *SMALL, **environment)
    assert done.returncode == 0, done.stderr
    assert "of 2026-01-01T00:00:00.000Z, which was interrupted, is canceled" in done.stderr
    assert "Resuming" not in done.stderr
    assert "canceled" not in run("audit", "aws", *SMALL, **environment).stderr


def test_regions_that_deny_everything_are_named_and_cost_coverage_but_no_score(
    run: Run, estate: Emulator
) -> None:
    estate.faults({"service": "*", "region": "us-east-1", "kind": "denied_by_organization"})
    scope = ("--regions", "eu-west-1,us-east-1", "--services", "sqs,sns")
    try:
        done = run("audit", "aws", *scope, "--min-coverage", "1.0", **estate.environment())
    finally:
        estate.faults()
    assert done.returncode == 4
    assert "Regions that deny everything us-east-1" in done.stdout
    [security] = [line for line in done.stdout.splitlines() if "Security " in line]
    assert "too little read" not in security
    assert "Grant" not in done.stdout


def test_wrong_credentials_are_one_line_that_says_what_to_do(run: Run) -> None:
    done = run("audit", "aws", AWS_EC2_METADATA_DISABLED="true")
    assert done.returncode == 1
    assert "There are no AWS credentials" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_endpoint_that_is_down_is_one_line(run: Run) -> None:
    environment = pointed_at("http://127.0.0.1:9")
    done = run("audit", "aws", **environment)
    assert done.returncode == 1
    assert "AWS cannot be reached" in done.stderr


@pytest.fixture
def portal() -> Iterator[str]:
    """Serve a page of HTML, as a captive portal does."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = b"<html>Please sign in</html>"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_html_instead_of_an_answer_is_one_line(run: Run, portal: str) -> None:
    done = run("audit", "aws", **pointed_at(portal))
    assert done.returncode == 1
    assert "What answered is not AWS" in done.stderr


def test_a_second_audit_of_the_same_estate_finds_the_same(run: Run, estate: Emulator) -> None:
    first, second = (
        json.loads(run("audit", "aws", *SMALL, "--json", **estate.environment()).stdout)
        for _ in range(2)
    )
    assert first["audit"]["verdict_digest"] == second["audit"]["verdict_digest"]
    statuses = [{f["id"]: f["status"] for f in audit["findings"]} for audit in (first, second)]
    assert statuses[0] == statuses[1]
