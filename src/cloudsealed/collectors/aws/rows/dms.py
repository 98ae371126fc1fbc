"""DMS: replication instances, the endpoints that they reach and the tasks that they run."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.decode import json_text
from cloudsealed.collectors.model import Relation, Row

_PASSWORDS = (
    *("MongoDbSettings.Password", "RedshiftSettings.Password", "PostgreSQLSettings.Password"),
    *("MySQLSettings.Password", "OracleSettings.Password", "OracleSettings.AsmPassword"),
    *("OracleSettings.SecurityDbEncryption", "SybaseSettings.Password"),
    *("MicrosoftSQLServerSettings.Password", "IBMDb2Settings.Password", "DocDbSettings.Password"),
    *("RedisSettings.AuthPassword", "GcpMySQLSettings.Password"),
    *("KafkaSettings.SaslPassword", "KafkaSettings.SslClientKeyPassword"),
    "ExtraConnectionAttributes",  # it may hold passwords of a source too
)

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.dms.replication_instance",
        service="dms",
        operation="DescribeReplicationInstances",
        items="ReplicationInstances[?ReplicationInstanceStatus != 'deleting']",
        native_id="{ReplicationInstanceArn}",
        name="ReplicationInstanceIdentifier",
        created="InstanceCreateTime",
        secret_paths=("ReplicationInstances[].KerberosAuthenticationSettings.Krb5FileContents",),
        together=(tags("dms:rep", "Arn"),),
        relations=(
            Relation("key", "KmsKeyId", "aws.kms.key", "Arn"),
            Relation(
                "security_groups",
                "VpcSecurityGroups[].VpcSecurityGroupId",
                "aws.ec2.security_group",
                "GroupId",
            ),
        ),
    ),
    Row(
        type="aws.dms.endpoint",
        service="dms",
        operation="DescribeEndpoints",
        items="Endpoints[?Status != 'deleting']",
        native_id="{EndpointArn}",
        name="EndpointIdentifier",
        secret_paths=tuple(f"Endpoints[].{path}" for path in _PASSWORDS),
        together=(tags("dms:endpoint", "Arn"),),
        relations=(Relation("key", "KmsKeyId", "aws.kms.key", "Arn"),),
    ),
    Row(
        type="aws.dms.replication_task",
        service="dms",
        operation="DescribeReplicationTasks",
        items="ReplicationTasks[?Status != 'deleting']",
        native_id="{ReplicationTaskArn}",
        name="ReplicationTaskIdentifier",
        created="ReplicationTaskCreationDate",
        together=(tags("dms:task", "Arn"),),
        decode={"ReplicationTaskSettings": json_text},
        relations=(
            Relation(
                "instance",
                "ReplicationInstanceArn",
                "aws.dms.replication_instance",
                "ReplicationInstanceArn",
            ),
            Relation("source", "SourceEndpointArn", "aws.dms.endpoint", "EndpointArn"),
            Relation("target", "TargetEndpointArn", "aws.dms.endpoint", "EndpointArn"),
        ),
    ),
)
