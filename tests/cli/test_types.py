"""What policies can read is told by the command line."""

from __future__ import annotations

import json
from typing import Any

Run = Any


def test_a_type_is_shown_by_call_with_an_example(run: Run) -> None:
    said = run("types", "aws.rds.instance").stdout
    assert "rds:DescribeDBInstances" in said
    assert "StorageEncrypted  boolean" in said
    told = json.loads(run("types", "aws.s3.bucket", "--json").stdout)
    assert told["calls"]["Policy"] == "s3:GetBucketPolicy"
    assert told["document"]["Versioning"] == {"Status": "string", "MFADelete": "string"}
    assert told["example"]["PublicAccessBlock"]["BlockPublicAcls"] is True


def test_types_are_listed_and_a_mistyped_one_has_the_nearest(run: Run) -> None:
    assert "aws.ec2.security_group" in run("types").stdout
    wrong = run("types", "aws.rds.instanc")
    assert wrong.returncode == 2
    assert "aws.rds.instance" in wrong.stderr
