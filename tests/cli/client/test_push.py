"""Policy files become the server's policies: created once, changed when they differ, in order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.cli.client.conftest import Cs

GOOD = """\
key: {key}
version: 3
title: Queue is called orders
dimension: security
severity: low
resource_types: [aws.sqs.queue]
message: "{{resource.QueueUrl}} is"
fail_when: resource.QueueUrl.endsWith('orders')
examples:
  fail:
    - resource: {{QueueUrl: x/orders}}
  pass:
    - resource: {{QueueUrl: x/invoices}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.yaml").write_text(GOOD.format(key="first") + "yields_to: [second]\n")
    (tmp_path / "b.yaml").write_text(GOOD.format(key="second"))
    return tmp_path


def test_files_are_created_then_the_same_then_changed(cs: Cs, tenant: Any, folder: Path) -> None:
    assert cs("policy", "push", str(folder), "--dry-run").out.split() == [
        "created",
        "second",
        "created",
        "first",
    ]
    assert tenant.http.get("/v1/policies/first").status_code == 404
    done = cs("policy", "push", str(folder))
    assert (done.code, done.out.split()) == (0, ["created", "second", "created", "first"])
    made = tenant.http.get("/v1/policies/first").json()
    assert (made["version"], made["yields_to"]) == (1, ["second"])
    assert made["examples"]["pass"] == [{"resource": {"QueueUrl": "x/invoices"}}]
    for words in (["--dry-run"], []):
        assert cs("policy", "push", str(folder), *words).out.split()[::2] == ["same", "same"]
    tenant.http.patch("/v1/policies/first", json={"enabled": False})
    text = (folder / "a.yaml").read_text()
    (folder / "a.yaml").write_text(text.replace('message: "{resource.QueueUrl} is"\n', ""))
    assert cs("policy", "push", str(folder), "--dry-run").out.split()[::2] == ["same", "changed"]
    assert cs("policy", "push", str(folder)).out.split()[::2] == ["same", "changed"]
    changed = tenant.http.get("/v1/policies/first").json()
    assert (changed["version"], changed["message"], changed["enabled"]) == (2, None, False)


def test_nothing_is_sent_when_a_file_is_wrong_or_an_example_ends_otherwise(
    cs: Cs, tenant: Any, folder: Path
) -> None:
    text = (folder / "b.yaml").read_text()
    (folder / "b.yaml").write_text(text.replace("x/invoices", "x/my/orders"))
    done = cs("policy", "push", str(folder))
    assert done.code == 1
    assert "b.yaml:13:7: example 2 should be pass and is fail" in done.err
    assert tenant.http.get("/v1/policies?source=custom").json()["data"] == []


def test_what_the_server_refuses_is_told_with_its_file_and_the_others_are_sent(
    cs: Cs, tenant: Any, folder: Path
) -> None:
    tenant.services.policies.synchronize(tenant=tenant.id)
    (folder / "c.yaml").write_text(GOOD.format(key="aws-sqs-queue-public"))
    done = cs("policy", "push", str(folder))
    assert (done.code, done.out.split()[::2]) == (1, ["created", "created"])
    assert "c.yaml: " in done.err
    assert "is built in" in done.err
