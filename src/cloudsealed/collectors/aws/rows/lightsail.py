"""Lightsail: instances, databases, addresses, disks, buckets and load balancers.

What is inside an instance or a bucket is never asked for.
"""

from __future__ import annotations

from cloudsealed.collectors.model import Row


def _row(
    kind: str, operation: str, items: str, *secret_paths: str, tags: str | None = "tags"
) -> Row:
    return Row(
        type=f"aws.lightsail.{kind}",
        service="lightsail",
        operation=operation,
        items=items,
        native_id="{arn}",
        name="name",
        tags=tags,
        created="createdAt",
        secret_paths=secret_paths,
    )


ROWS: tuple[Row, ...] = (
    _row("instance", "GetInstances", "instances"),
    _row(
        "relational_database",
        "GetRelationalDatabases",
        "relationalDatabases",
        "relationalDatabases[].pendingModifiedValues.masterUserPassword",
    ),
    _row("static_ip", "GetStaticIps", "staticIps", tags=None),
    _row("disk", "GetDisks", "disks"),
    _row("bucket", "GetBuckets", "buckets"),
    _row("load_balancer", "GetLoadBalancers", "loadBalancers"),
)
