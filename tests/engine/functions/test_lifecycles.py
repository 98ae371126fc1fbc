from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloudsealed.engine import EvaluationError, compile_expression, compile_rule
from cloudsealed.packs.facts import facts

NOW = datetime(2026, 11, 29, tzinfo=UTC)


def at(product: str, version: str, now: datetime = NOW) -> dict[str, Any]:
    expression = compile_expression("lifecycle(p, v)", variables=["p", "v"], expect="any")
    found: dict[str, Any] = expression.evaluate({"p": product, "v": version}, now)
    return found


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("product", "version", "row"),
    [
        ("amazon-aurora-mysql", "5.7.mysql_aurora.2.12.0", "5.7"),
        ("amazon-aurora-mysql", "8.0.mysql_aurora.3.08.1", "8.0"),
        ("amazon-aurora-mysql", "5.6.10a", "5.6"),
        ("amazon-rds-postgresql", "14.9", "14"),
        ("amazon-rds-postgresql", "9.6.24", "9.6"),
        ("amazon-rds-mysql", "8.0.35", "8.0"),
        ("amazon-rds-mariadb", "10.11.6", "10.11"),
        ("amazon-opensearch", "OpenSearch_2.11", "2.11"),
        ("amazon-elasticache-redis", "redis 7.1", "7"),
        ("amazon-elasticache-redis", "6.2.6", "6"),
        ("amazon-eks", "1.29", "1.29"),
        ("amazon-neptune", "1.2.1.0.R7", "1.2.1.0"),
        ("amazon-documentdb", "3.6.0", "3.6"),
        ("aws-lambda", "python3.9", "python3.9"),
        ("aws-lambda", "provided.al2", "provided.al2"),
    ],
)
def test_a_version_has_the_dates_of_the_row_with_most_of_its_parts(
    product: str, version: str, row: str
) -> None:
    assert row in {each["version"] for each in facts("versions") if each["product"] == product}
    assert at(product, version) == at(product, row)


@pytest.mark.parametrize(
    ("product", "version"),
    [
        ("aws-lambda", "python3.99"),
        ("aws-lambda", "provided.al2027"),
        ("aws-lambda", ""),
        ("amazon-eks", "1.99"),
        ("amazon-eks", "banana"),
        ("amazon-rds-postgresql", "99.1"),
        ("amazon-rds-postgresql", "140.1"),
        ("amazon-rds-mariadb", "11.7.2"),
        ("amazon-opensearch", "Elasticsearch_7.10"),
        ("amazon-elasticache-redis", "3.2.10"),
        ("amazon-eks", "1." + "9" * 200),
        ("commodore-basic", "2"),
    ],
)
def test_what_no_table_knows_is_an_error_and_no_verdict(product: str, version: str) -> None:
    with pytest.raises(EvaluationError):
        at(product, version)


@pytest.mark.parametrize(
    ("product", "version"),
    [("amazon-eks", "1.9"), ("amazon-rds-mysql", "5.5.62"), ("amazon-rds-postgresql", "9.4.1")],
)
def test_a_version_older_than_all_has_ended_where_the_oldest_has(
    product: str, version: str
) -> None:
    found = at(product, version)
    assert found["deprecated"]
    assert found["ended"]
    assert found["standard_ended"] is None


@pytest.mark.parametrize(
    ("product", "version", "first"),
    [
        # Printed is the day of the deprecation, from which nothing is patched.
        ("aws-lambda", "python3.10", "2026-10-31"),
        ("amazon-eks", "1.34", "2026-12-02"),
        ("amazon-neptune", "1.2.1.0", "2026-11-30"),
        # Printed is the last day of standard support; extended support starts the day after.
        ("amazon-rds-postgresql", "14", "2027-03-01"),
        ("amazon-aurora-mysql", "8.0", "2028-05-01"),
        ("amazon-documentdb", "3.6", "2026-03-31"),
        ("amazon-elasticache-redis", "5", "2026-02-01"),
    ],
)
def test_a_version_is_deprecated_from_the_first_day_without_support_on(
    product: str, version: str, first: str
) -> None:
    second = timedelta(seconds=1)
    before, on = at(product, version, day(first) - second), at(product, version, day(first))
    assert (before["deprecated"], before["soon"]) == (False, True)
    assert (on["deprecated"], on["soon"]) == (True, False)
    assert on["standard_ended"] == first


def test_soon_begins_180_days_before() -> None:
    first = day(at("amazon-eks", "1.35")["standard_ended"])
    assert at("amazon-eks", "1.35", first - timedelta(days=180))["soon"]
    assert not at("amazon-eks", "1.35", first - timedelta(days=181))["soon"]


def test_extended_support_is_told_from_no_support() -> None:
    past = {v: at("amazon-eks", v) for v in ("1.18", "1.30", "1.33", "1.36")}
    shown = {v: (f["deprecated"], f["extended"], f["ended"]) for v, f in past.items()}
    assert shown == {
        "1.18": (True, False, True),
        "1.30": (True, False, True),
        "1.33": (True, True, False),
        "1.36": (False, False, False),
    }
    assert at("amazon-rds-mariadb", "10.4.1")["ended"]
    last = day(at("amazon-eks", "1.33")["extended_ended"])
    assert at("amazon-eks", "1.33", last)["ended"]
    assert at("amazon-eks", "1.33", last - timedelta(seconds=1))["extended"]


def test_a_version_without_a_named_end_is_neither_deprecated_nor_soon() -> None:
    found = at("amazon-documentdb", "5.0.0", day("2040-01-01"))
    assert not any(found[name] for name in ("deprecated", "soon", "extended", "ended"))


def test_a_rule_reads_it_by_the_clock_without_the_slow_path() -> None:
    rule = compile_rule(fail_when='lifecycle("aws-lambda", resource.Runtime).deprecated')
    document = {"Runtime": "python3.9"}
    assert rule.judge(document, {}, day("2025-12-14")).outcome == "pass"
    assert rule.judge(document, {}, day("2025-12-15")).outcome == "fail"
    assert rule.judge({"Runtime": "cobol1"}, {}, NOW).outcome == "error"
    assert rule.reads == {("resource", "Runtime")}
