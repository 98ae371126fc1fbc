from __future__ import annotations

import pytest

from cloudsealed.engine import DocumentType, ExpressionError, compile_expression, compile_rule


def reads(source: str) -> set[str]:
    rule = compile_rule(fail_when=source, params={"key": "k"}, related=["groups", "logs"])
    return {".".join(path) for path in rule.reads}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("resource.Policy == null", {"resource.Policy"}),
        ("has(resource.A.B)", {"resource.A.B"}),
        ('resource["A"]["b c"] == 1', {"resource.A.b c"}),
        ("resource.L[0].A == 1", {"resource.L.A"}),
        ("resource.M[resource.K] == 1", {"resource.M", "resource.K"}),
        ("resource.M[resource.K].X == 1", {"resource.M", "resource.K"}),
        ("resource[resource.K] == 1", {"resource", "resource.K"}),
        ('resource[params.key] == "v"', {"resource.k"}),
        ("resource == {}", {"resource"}),
        ("size(resource) > 0", {"resource"}),
        ("resource.exists(k, k == 'A')", {"resource"}),
        ("resource.L.exists(x, x.A.B == 1)", {"resource.L", "resource.L.A.B"}),
        (
            "resource.L.filter(x, x.A).exists(y, y.B)",
            {"resource.L", "resource.L.A", "resource.L.B"},
        ),
        ("resource.L.map(x, x.A).exists(y, y.B)", {"resource.L", "resource.L.A", "resource.L.A.B"}),
        ("as_list(resource.A).exists(x, x.B)", {"resource.A", "resource.A.B"}),
        ('get(resource, "A.B", resource.C) == 1', {"resource.A.B", "resource.C"}),
        ('get(resource.A, "B", 0) == 1', {"resource.A.B"}),
        ('tag(resource, "k") == null', {"resource.Tags"}),
        ("(true ? resource.A : resource.B).C == 1", {"resource.A", "resource.B"}),
        ("resource.?A.B.orValue(1) == 1", {"resource.A.B"}),
        ("resource.A[?resource.K].orValue(1) == 1", {"resource.A", "resource.K"}),
        ("resource.?A.optMap(x, x.B).hasValue()", {"resource.A", "resource.A.B"}),
        ("cel.bind(x, resource.A, x.B == x.C)", {"resource.A.B", "resource.A.C"}),
        ("resource.?A.orValue(resource.B).C == 1", {"resource.A", "resource.B"}),
        ("resource.L.exists(i, x, x.A == i)", {"resource.L"}),
        (
            "resource.L.sortBy(x, x.A).exists(y, y.B)",
            {"resource.L", "resource.L.A", "resource.L.B"},
        ),
        ("[?resource.?A] == []", {"resource.A"}),
        ("(true ? resource.A : resource.A).C == 1", {"resource.A.C"}),
        ("policy_allows_public(resource.Policy)", {"resource.Policy"}),
        ("true", set()),
    ],
)
def test_an_expression_lists_what_it_can_read(source: str, expected: set[str]) -> None:
    assert reads(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("size(related.groups) == 0", {"related.groups"}),
        ("related.groups.exists(g, true)", {"related.groups"}),
        ("related.groups.exists(g, g.A == 1)", {"related.groups", "related.groups.A"}),
        ("related.groups[0].A == 1", {"related.groups.A"}),
        ("related.groups.exists(g, g == {})", {"related.groups", "related.groups.*"}),
        ("related.groups.exists(g, tag(g, 'k') == 'v')", {"related.groups", "related.groups.Tags"}),
        ("related.groups == []", {"related.groups.*"}),
        ("related.exists(name, name == 'logs')", {"related"}),
    ],
)
def test_which_relations_there_are_differs_from_what_they_hold(
    source: str, expected: set[str]
) -> None:
    assert reads(source) == expected


def test_both_conditions_count_and_the_message_does_not() -> None:
    rule = compile_rule(
        fail_when="resource.A == 1", applies_when="has(resource.B)", message="{resource.C}"
    )
    assert rule.reads == {("resource", "A"), ("resource", "B")}


def test_an_expression_leaves_out_its_parameters() -> None:
    source = "finding.severity == params.severity && tag(resource, 'env') == 'prod'"
    expression = compile_expression(source, variables=["resource", "finding", "params"])
    assert expression.reads == {("finding", "severity"), ("resource", "Tags")}


BUCKET = DocumentType(
    "aws.s3.bucket",
    {"Versioning": {"Status": None}, "Rules": {"Id": None}, "Tags": None, "Policy": None},
)
GROUP = DocumentType("aws.ec2.security_group", {"GroupId": None})


@pytest.mark.parametrize(
    ("source", "column", "end_column", "message"),
    [
        (
            'resource.Versionning.Status == "Enabled"',
            10,
            21,
            "no field 'Versionning' in aws.s3.bucket; did you mean 'Versioning'?",
        ),
        (
            'resource.Versioning.status == "Enabled"',
            21,
            27,
            "no field 'status' in aws.s3.bucket; did you mean 'Status'?",
        ),
        ("!has(resource.versioning)", 15, 25, "did you mean 'Versioning'?"),
        ("resource.Rules.exists(r, r.ID == 1)", 28, 30, "did you mean 'Id'?"),
        ("resource.Rules.filter(r, true)[0].ID == 1", 35, 37, "did you mean 'Id'?"),
        ('get(resource, "Versioning.State", 1) == 1', 27, 32, "did you mean 'Status'?"),
        ('resource["Tag"] == 1', 11, 14, "did you mean 'Tags'?"),
        ("resource.Nothing == 1", 10, 17, "no field 'Nothing' in aws.s3.bucket"),
        (
            "related.groups.exists(g, g.GroupName == 'a')",
            28,
            37,
            "no field 'GroupName' in aws.ec2.security_group",
        ),
    ],
)
def test_a_misspelt_field_is_refused_at_its_place(
    source: str, column: int, end_column: int, message: str
) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_rule(
            fail_when=source,
            related=["groups"],
            attributes={"resource": BUCKET, "related.groups": GROUP},
        )
    assert message in caught.value.message
    assert (caught.value.column, caught.value.end_column) == (column, end_column)


def test_what_nobody_knows_is_not_checked() -> None:
    source = "resource.Policy.Any.Thing == 1 && related.logs.exists(l, l.Any == 1)"
    assert compile_rule(fail_when=source, related=["logs"], attributes={"resource": BUCKET})


def test_a_field_of_one_of_several_types_is_known() -> None:
    either = DocumentType.any_of([BUCKET, GROUP])
    assert compile_rule(fail_when="resource.GroupId == 'a'", attributes={"resource": either})
    with pytest.raises(ExpressionError, match=r"aws\.s3\.bucket or aws\.ec2\.security_group"):
        compile_rule(fail_when="resource.GroupIds == 'a'", attributes={"resource": either})
