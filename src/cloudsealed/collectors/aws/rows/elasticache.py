"""ElastiCache: replication groups, their clusters and others, serverless caches. No key is read."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.model import Relation, Row

_KEY = Relation("key", "KmsKeyId", "aws.kms.key", "Arn")

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.elasticache.replication_group",
        service="elasticache",
        operation="DescribeReplicationGroups",
        items="ReplicationGroups[?Status != 'deleting']",
        native_id="{ARN}",
        name="ReplicationGroupId",
        created="ReplicationGroupCreateTime",
        together=(tags("elasticache:replicationgroup", "Arn"),),
        relations=(
            _KEY,
            Relation("clusters", "MemberClusters", "aws.elasticache.cluster", "CacheClusterId"),
        ),
    ),
    Row(
        type="aws.elasticache.cluster",
        service="elasticache",
        operation="DescribeCacheClusters",
        constants={"ShowCacheNodeInfo": True},
        items="CacheClusters[?CacheClusterStatus != 'deleting']",
        native_id="{ARN}",
        name="CacheClusterId",
        created="CacheClusterCreateTime",
        together=(tags("elasticache:cluster", "Arn"),),
        relations=(
            Relation(
                "replication_group",
                "ReplicationGroupId",
                "aws.elasticache.replication_group",
                "ReplicationGroupId",
            ),
            Relation(
                "security_groups",
                "SecurityGroups[].SecurityGroupId",
                "aws.ec2.security_group",
                "GroupId",
            ),
        ),
    ),
    Row(
        type="aws.elasticache.serverless_cache",
        service="elasticache",
        operation="DescribeServerlessCaches",
        items="ServerlessCaches[?Status != 'deleting']",
        native_id="{ARN}",
        name="ServerlessCacheName",
        created="CreateTime",
        together=(tags("elasticache:serverlesscache", "Arn"),),
        relations=(
            _KEY,
            Relation("security_groups", "SecurityGroupIds", "aws.ec2.security_group", "GroupId"),
        ),
    ),
)
