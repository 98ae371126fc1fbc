"""`cloudsealed audit aws` needs no server, and its exit code is for CI."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator

import pytest
from tests.cli.conftest import Run

from cloudsealed.testing.emulator import Emulator


def pointed_at(endpoint: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }


SMALL = ("--regions", "eu-west-1", "--services", "sqs,iam")


def test_it_prints_a_summary_in_four_dimensions_and_the_worst_findings(
    run: Run, estate: Emulator
) -> None:
    done = run("audit", "aws", "--regions", "eu-west-1", **estate.environment())
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
