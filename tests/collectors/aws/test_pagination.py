from __future__ import annotations

import pytest

from cloudsealed.collectors.aws.pagination import next_token


@pytest.mark.parametrize(
    ("service", "operation", "document", "token"),
    [
        ("ec2", "DescribeVpcs", {"NextToken": "n"}, {"NextToken": "n"}),
        ("ec2", "DescribeVpcs", {"NextToken": ""}, {}),
        ("ec2", "DescribeVpcs", {}, {}),
        ("ec2", "DescribeAddresses", {"NextToken": "n"}, {}),
        ("iam", "ListUsers", {"IsTruncated": True, "Marker": "m"}, {"Marker": "m"}),
        ("iam", "ListUsers", {"IsTruncated": False, "Marker": "m"}, {}),
        ("kms", "ListKeys", {"Truncated": True, "NextMarker": "m"}, {"Marker": "m"}),
        ("efs", "DescribeFileSystems", {"NextMarker": "m"}, {"Marker": "m"}),
        ("lambda", "ListFunctions", {"NextMarker": "m"}, {"Marker": "m"}),
        ("wellarchitected", "ListWorkloads", {"NextToken": "n"}, {"NextToken": "n"}),
        ("s3control", "ListAccessPoints", {"NextToken": "n"}, {"NextToken": "n"}),
        ("s3control", "ListAccessPoints", {}, {}),
        ("sts", "GetCallerIdentity", {"NextToken": "n"}, {}),
        (
            "dynamodb",
            "ListTables",
            {"LastEvaluatedTableName": "t"},
            {"ExclusiveStartTableName": "t"},
        ),
    ],
)
def test_the_next_page_is_named_by_what_the_answer_says(service, operation, document, token):
    assert next_token(service, operation, document) == token
