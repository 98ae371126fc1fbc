"""IAM Access Analyzer: analyzers of the account. Findings are not collected.

An organisation's analyzer is listed to the account that has it, and to no member.
"""

from __future__ import annotations

from cloudsealed.collectors.model import Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.accessanalyzer.analyzer",
        service="accessanalyzer",
        operation="ListAnalyzers",
        items="analyzers",
        native_id="{arn}",
        given="`true`",
        name="name",
        tags="tags",
        created="createdAt",
    ),
)
