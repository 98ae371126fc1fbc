"""Folders of policy files: which files, and everything that is wrong in and between them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudsealed.policies.folder import NoPolicyFilesError, files_of, read_files, tried

GOOD = """\
key: {key}
title: Queue is called orders
dimension: security
severity: low
resource_types: [aws.sqs.queue]
fail_when: resource.QueueUrl.endsWith('orders')
examples:
  fail:
    - resource: {{QueueUrl: x/orders}}
  pass:
    - resource: {{QueueUrl: x/invoices}}
"""
BAD = """\
key: second
titel: Several things are wrong
dimension: securty
severity: high
resource_types: [aws.rds.instance]
applies_when: resource. == 3
fail_when: unknown_call(resource)
message: "{resource.DBInstanceIdentifier"
"""


def written(folder: Path, **files: str) -> list[Path]:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return files_of([folder])


def test_a_folder_is_every_file_of_a_policy_within_it_once(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / ".git").mkdir()
    for name in ("b.yaml", "deep/a.json", "c.yml", "readme.md", ".git/d.yaml"):
        (tmp_path / name).write_text("x")
    names = [str(path.relative_to(tmp_path)) for path in files_of([tmp_path, tmp_path / "c.yml"])]
    assert names == ["b.yaml", "c.yml", "deep/a.json"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoPolicyFilesError, match="empty has no file"):
        files_of([tmp_path / "empty"])


def test_everything_that_is_wrong_with_a_file_is_told_in_its_order(tmp_path: Path) -> None:
    (found,) = read_files(written(tmp_path, bad=BAD))
    assert found.policy is None
    assert [(each.line, each.message.split(" ")[0]) for each in found.errors] == [
        (2, "unknown"),
        (3, "dimension"),
        (6, "applies_when:"),
        (7, "fail_when:"),
        (8, "message:"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x", b"fail_when: !resource.Encrypted", "quote the text"),
        ("x", b"\xff", "byte 0 is not UTF-8"),
        ("x", b"", "the file is empty"),
        ("x", b"[1, 2]", "must be a mapping"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_beside_the_others(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / f"{name}.yaml").write_bytes(content)
    bad, good = read_files([*files_of([tmp_path]), *written(tmp_path, y=GOOD.format(key="y"))[1:]])
    assert message in bad.errors[0].message
    assert good.policy is not None
    assert good.errors == ()


def test_two_files_of_one_key_and_a_stranger_that_is_yielded_to_are_told(tmp_path: Path) -> None:
    yields = GOOD.format(key="b") + "yields_to: [a, aws-sqs-queue-publik]\n"
    files = written(tmp_path, a=GOOD.format(key="a"), b=yields, c=GOOD.format(key="a"))
    first, second, third = read_files(files)
    assert first.errors == ()
    assert second.errors[0].suggestion == "aws-sqs-queue-public"
    assert f"'a' is that of {files[0]} too" in third.errors[0].message


def test_an_example_that_ends_otherwise_is_told_at_its_line(tmp_path: Path) -> None:
    text = GOOD.format(key="a").replace("x/invoices", "x/other/orders")
    (found,) = read_files(written(tmp_path, a=text))
    (_, right), (_, wrong) = tried(found)
    assert right is None
    assert wrong is not None
    assert (wrong.line, wrong.message) == (11, "example 2 should be pass and is fail")
