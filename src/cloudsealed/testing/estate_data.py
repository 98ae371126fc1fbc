"""Data stores and messages of the sample estate: S3, RDS, DynamoDB, EFS, SNS, SQS, secrets."""

from __future__ import annotations

import json
from typing import Any

from cloudsealed.testing.estate_foundation import policy
from cloudsealed.testing.estate_site import FAR_REGION, Site, tag_map, tags

_CLOSED = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


def _bucket(site: Site, name: str, **more: Any) -> None:
    place = {"CreateBucketConfiguration": {"LocationConstraint": site.region}}
    place = {} if site.region == FAR_REGION else place
    site.client("s3").create_bucket(Bucket=name, **place, **more)


def buckets(site: Site) -> None:
    """Make a bucket as it should be with its log bucket, and two that are open."""
    for name in ("larkspur-logs", "larkspur-records"):
        _bucket(site, name, ObjectLockEnabledForBucket=name == "larkspur-logs")
        _keep_well(site, name)
    site.client("s3").put_object_lock_configuration(
        Bucket="larkspur-logs",
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 400}},
        },
    )
    site.client("s3").put_bucket_logging(
        Bucket="larkspur-records",
        BucketLoggingStatus={
            "LoggingEnabled": {"TargetBucket": "larkspur-logs", "TargetPrefix": "records/"}
        },
    )
    site.good("s3.bucket", "larkspur-records", "compliance", "logs its accesses")
    _open_buckets(site)


def worn_buckets(site: Site) -> None:
    """Make a bucket that was well kept once, and one whose replication leads there."""
    s3, old, copied = site.client("s3"), "larkspur-legacy", "larkspur-copied"
    for name in (old, copied):
        _bucket(site, name)
        _set_well(site, name)
    rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": site.ids["larkspur-data"]}
    encryption = {"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]}
    s3.put_bucket_encryption(Bucket=old, ServerSideEncryptionConfiguration=encryption)
    tidy = {k: v for k, v in _LIFECYCLE.items() if k != "NoncurrentVersionExpiration"}
    s3.put_bucket_lifecycle_configuration(Bucket=old, LifecycleConfiguration={"Rules": [tidy]})
    partner = {
        "Effect": "Allow",
        "Principal": {"AWS": site.arn("iam", "root", account="444455556666")},
        "Action": "s3:GetObject",
        "Resource": site.arn("s3", f"{old}/*"),
    }
    s3.put_bucket_policy(Bucket=old, Policy=_tls_only(site, old, _deliver(site, old), partner))
    for name, target, status, logs in (
        (old, copied, "Disabled", old),
        (copied, old, "Enabled", "larkspur-logs"),
    ):
        s3.put_bucket_logging(
            Bucket=name,
            BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": logs, "TargetPrefix": name}},
        )
        destination = {"Bucket": site.arn("s3", target)}
        rules = [{"ID": "all", "Status": status, "Prefix": "", "Destination": destination}]
        role = site.arn("iam", "role/larkspur-logging", account=site.account)
        s3.put_bucket_replication(
            Bucket=name, ReplicationConfiguration={"Role": role, "Rules": rules}
        )
    worn = ("old-versions-kept", "key-off", "logs-to-itself", "shared-with-account")
    fails = [f"aws-s3-bucket-{each}" for each in (*worn, "replication-stopped", "mfa-delete-off")]
    site.truth("aws.s3.bucket", site.arn("s3", old), fails)
    site.truth("aws.s3.bucket", site.arn("s3", copied), ["aws-s3-bucket-mfa-delete-off"])


def close_bucket(site: Site, name: str) -> None:
    """Block public access to one bucket."""
    site.client("s3").put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=_CLOSED)


def _keep_well(site: Site, name: str) -> None:
    _set_well(site, name)
    site.good("s3.bucket", name, "security", "blocks public access", "asks for TLS", "is encrypted")
    site.good("s3.bucket", name, "architecture", "keeps versions")
    site.good("s3.bucket", name, "cost", "ends old uploads and versions")


def _set_well(site: Site, name: str) -> None:
    s3 = site.client("s3")
    rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": site.ids["larkspur-data"]}
    s3.put_bucket_encryption(
        Bucket=name,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": rule, "BucketKeyEnabled": True}]
        },
    )
    close_bucket(site, name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags(name)})
    s3.put_bucket_policy(Bucket=name, Policy=_tls_only(site, name))
    s3.put_bucket_ownership_controls(
        Bucket=name, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    )
    s3.put_bucket_lifecycle_configuration(
        Bucket=name, LifecycleConfiguration={"Rules": [_LIFECYCLE]}
    )


_LIFECYCLE: dict[str, Any] = {
    "ID": "tidy",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    "NoncurrentVersionExpiration": {"NoncurrentDays": 90},
}


def _tls_only(site: Site, name: str, *more: dict[str, Any]) -> str:
    bucket = site.arn("s3", name)
    objects = f"{bucket}/*"
    tls = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket, objects],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return policy(*([_deliver(site, name)] if name == "larkspur-logs" else []), *more, tls)


def _deliver(site: Site, name: str) -> dict[str, Any]:
    """Return what lets S3 write access logs into a bucket."""
    return {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": site.arn("s3", f"{name}/*"),
    }


def _open_buckets(site: Site) -> None:
    s3 = site.client("s3")
    _bucket(site, "larkspur-public-assets")
    resource = site.arn("s3", "larkspur-public-assets/*")
    public = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": resource}
    s3.put_bucket_policy(Bucket="larkspur-public-assets", Policy=policy(public))
    _bucket(site, "larkspur-uploads")
    s3.put_bucket_acl(Bucket="larkspur-uploads", ACL="public-read-write")
    for name, reason in (
        ("larkspur-public-assets", "its policy lets anyone read"),
        ("larkspur-uploads", "its access list lets anyone write"),
    ):
        site.bad("s3.bucket", name, "security", reason, "does not block public access")
        site.bad("s3.bucket", name, "architecture", "keeps no versions")
        site.bad("s3.bucket", name, "cost", "never ends incomplete uploads")
        site.bad("s3.bucket", name, "compliance", "has no tags", "logs no accesses")


def sandbox_name(site: Site) -> str:
    """Return the name of the bucket that `sandbox_bucket` makes in this account and region."""
    return f"larkspur-sandbox-{site.account[-4:]}-{site.region}"


def sandbox_bucket(site: Site) -> None:
    """Make a bucket with nothing set, in this account and region."""
    name = sandbox_name(site)
    _bucket(site, name)
    site.bad("s3.bucket", name, "compliance", "has no tags", "logs no accesses")


def account_block(site: Site) -> None:
    """Block public access to all buckets of the account."""
    site.client("s3control").put_public_access_block(
        AccountId=site.account, PublicAccessBlockConfiguration=_CLOSED
    )
    site.good("s3.account", site.account, "security", "blocks public access to every bucket")


def databases(site: Site) -> None:
    """Make a database as it should be, a careless one, a cluster, and snapshots of both kinds."""
    rds = site.client("rds")
    _database(
        site,
        "larkspur-customers",
        "postgres",
        "16.4",
        "db.t4g.medium",
        encrypted=True,
        MultiAZ=True,
        BackupRetentionPeriod=14,
        DeletionProtection=True,
        StorageType="gp3",
        PubliclyAccessible=False,
        EnableIAMDatabaseAuthentication=True,
        Tags=tags("customers"),
        EnableCloudwatchLogsExports=["postgresql"],
        AutoMinorVersionUpgrade=True,
        CopyTagsToSnapshot=True,
        KmsKeyId=site.ids["larkspur-data"],
    )
    _database(
        site,
        "larkspur-orders",
        "mysql",
        "5.7.44",
        "db.m3.medium",
        encrypted=False,
        MultiAZ=False,
        BackupRetentionPeriod=0,
        DeletionProtection=False,
        StorageType="gp2",
        PubliclyAccessible=True,
        AutoMinorVersionUpgrade=False,
    )
    for name, of in (("larkspur-monthly", "customers"), ("larkspur-handover", "orders")):
        rds.create_db_snapshot(DBSnapshotIdentifier=name, DBInstanceIdentifier=f"larkspur-{of}")
    rds.modify_db_snapshot_attribute(
        DBSnapshotIdentifier="larkspur-handover", AttributeName="restore", ValuesToAdd=["all"]
    )
    site.good("rds.instance", "larkspur-customers", "security", "is private", "is encrypted")
    site.bad("rds.instance", "larkspur-orders", "security", "is public", "is not encrypted")
    site.good("rds.instance", "larkspur-customers", "architecture", "has a standby and backups")
    site.bad("rds.instance", "larkspur-orders", "architecture", "has no standby", "has no backups")
    site.bad("rds.instance", "larkspur-orders", "cost", "engine is in paid extended support")
    site.good("rds.snapshot", "larkspur-monthly", "security", "is private")
    site.bad("rds.snapshot", "larkspur-handover", "security", "is public")


def _database(
    site: Site, name: str, engine: str, version: str, size: str, *, encrypted: bool, **more: Any
) -> None:
    site.client("rds").create_db_instance(
        DBInstanceIdentifier=name,
        Engine=engine,
        EngineVersion=version,
        DBInstanceClass=size,
        AllocatedStorage=20,
        MasterUsername="larkspur",
        MasterUserPassword="not-a-real-password",
        StorageEncrypted=encrypted,
        **more,
    )


def clusters(site: Site) -> None:
    """Make an Aurora cluster that is encrypted and one that is not."""
    rds = site.client("rds")
    for name, kept in (("larkspur-ledger", True), ("larkspur-trial", False)):
        rds.create_db_cluster(
            DBClusterIdentifier=name,
            Engine="aurora-postgresql",
            EngineVersion="16.4",
            MasterUsername="larkspur",
            MasterUserPassword="not-a-real-password",
            StorageEncrypted=kept,
            DeletionProtection=kept,
            BackupRetentionPeriod=14 if kept else 1,
            AvailabilityZones=[site.region + zone for zone in ("ab" if kept else "a")],
        )
    site.good("rds.cluster", "larkspur-ledger", "security", "is encrypted")
    site.bad("rds.cluster", "larkspur-trial", "security", "is not encrypted")


def tables(site: Site) -> None:
    """Make a table that can be restored to a point in time and one that cannot."""
    dynamodb = site.client("dynamodb")
    for name, kept in (("larkspur-carts", True), ("larkspur-sessions", False)):
        dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            DeletionProtectionEnabled=kept,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            **(
                {
                    "Tags": tags(name),
                    "SSESpecification": {
                        "Enabled": True,
                        "SSEType": "KMS",
                        "KMSMasterKeyId": site.ids["larkspur-data"],
                    },
                }
                if kept
                else {}
            ),
        )
    dynamodb.update_continuous_backups(
        TableName="larkspur-carts",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    )
    site.good("dynamodb.table", "larkspur-carts", "architecture", "has point-in-time recovery")
    site.bad("dynamodb.table", "larkspur-sessions", "architecture", "no point-in-time recovery")


def topics_and_queues(site: Site) -> None:
    """Make an encrypted topic and queue, and ones that anyone may use."""
    key = site.ids["larkspur-data"]
    sns = site.client("sns")
    keyed = {"KmsMasterKeyId": key}
    sns.create_topic(Name="larkspur-alerts", Attributes=keyed, Tags=tags("alerts"))
    open_topic = sns.create_topic(Name="larkspur-news")["TopicArn"]
    sns.set_topic_attributes(
        TopicArn=open_topic,
        AttributeName="Policy",
        AttributeValue=_for_everyone("sns:Publish", open_topic),
    )
    sqs = site.client("sqs")
    queue = site.here("sqs", "")
    sqs.create_queue(QueueName="larkspur-failed", Attributes=keyed)
    redrive = json.dumps({"deadLetterTargetArn": queue + "larkspur-failed", "maxReceiveCount": 5})
    sqs.create_queue(
        QueueName="larkspur-jobs",
        tags=tag_map("larkspur-jobs"),
        Attributes={"KmsMasterKeyId": key, "RedrivePolicy": redrive},
    )
    public = _for_everyone("sqs:SendMessage", queue + "larkspur-inbox")
    sqs.create_queue(
        QueueName="larkspur-inbox", Attributes={"Policy": public, "SqsManagedSseEnabled": "false"}
    )
    site.made("sqs.queue", "larkspur-failed")
    site.good("sns.topic", "larkspur-alerts", "security", "is encrypted")
    site.bad("sns.topic", "larkspur-news", "security", "anyone may publish", "is not encrypted")
    site.good("sqs.queue", "larkspur-jobs", "security", "is encrypted")
    site.bad("sqs.queue", "larkspur-inbox", "security", "anyone may send", "is not encrypted")
    site.good("sqs.queue", "larkspur-jobs", "architecture", "has a dead-letter queue")
    site.bad("sqs.queue", "larkspur-inbox", "architecture", "has no dead-letter queue")


def _for_everyone(action: str, resource: str) -> str:
    return policy({"Effect": "Allow", "Principal": "*", "Action": action, "Resource": resource})


def secrets(site: Site) -> None:
    """Make a secret that rotates and one that nobody rotates."""
    manager = site.client("secretsmanager")
    manager.create_secret(
        Name="larkspur/customers-db",
        SecretString="not-a-real-secret",
        Tags=tags("customers"),
        KmsKeyId=site.ids["larkspur-data"],
    )
    manager.rotate_secret(
        SecretId="larkspur/customers-db", RotationRules={"AutomaticallyAfterDays": 30}
    )
    manager.create_secret(Name="larkspur/partner-api", SecretString="not-a-real-secret")
    site.good("secretsmanager.secret", "larkspur/customers-db", "security", "rotates")
    site.bad("secretsmanager.secret", "larkspur/partner-api", "security", "never rotates")


def file_systems(site: Site) -> None:
    """Make an encrypted file system with backups and one with neither."""
    efs = site.client("efs")
    for name, kept in (("larkspur-shared-files", True), ("larkspur-scratch", False)):
        efs.create_file_system(CreationToken=name, Encrypted=kept, Backup=kept, Tags=tags(name))
    site.good("efs.file_system", "larkspur-shared-files", "security", "is encrypted")
    site.bad("efs.file_system", "larkspur-scratch", "security", "is not encrypted")
    site.bad("efs.file_system", "larkspur-scratch", "architecture", "is not backed up")
