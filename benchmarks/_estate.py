"""The policies and documents of `engine.py`: five AWS types, four policies for each, synthetic.

Refuses to measure: it is data that follows from the `random.Random` that is given.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

Document = dict[str, Any]

POLICIES: dict[str, tuple[str, ...]] = {
    "aws.ec2.security_group": (
        (
            'resource.IpPermissions.exists(p, (p.IpProtocol == "-1" || (has(p.FromPort) && '
            "p.FromPort <= 22 && p.ToPort >= 22)) && p.IpRanges.exists(x, x.CidrIp == "
            '"0.0.0.0/0"))'
        ),
        'resource.GroupName == "default" && size(resource.IpPermissions) > 0',
        (
            'resource.IpPermissions.exists(p, p.IpRanges.exists(x, cidr_contains("10.0.0.0/8", '
            "x.CidrIp)))"
        ),
        (
            'resource.Tags.exists(t, t.Key == "env" && t.Value == "prod") && '
            'resource.IpPermissionsEgress.exists(p, p.IpProtocol == "-1")'
        ),
    ),
    "aws.s3.bucket": (
        '!has(resource.Versioning.Status) || resource.Versioning.Status != "Enabled"',
        (
            "!has(resource.PublicAccessBlock) || !resource.PublicAccessBlock.BlockPublicAcls || "
            "!resource.PublicAccessBlock.RestrictPublicBuckets"
        ),
        (
            'has(resource.Policy) && resource.Policy.Statement.exists(s, s.Effect == "Allow" && '
            's.Principal == "*" && as_list(s.Action).exists(a, a.startsWith("s3:")))'
        ),
        'resource.Name.matches("^[a-z0-9.-]+-(backup|archive)$") && !has(resource.Lifecycle)',
    ),
    "aws.iam.role": (
        (
            'resource.AssumeRolePolicyDocument.Statement.exists(s, s.Effect == "Allow" && '
            'has(s.Principal.AWS) && as_list(s.Principal.AWS).exists(p, p == "*"))'
        ),
        (
            "has(resource.RoleLastUsed.LastUsedDate) && "
            "days_since(resource.RoleLastUsed.LastUsedDate) > 90"
        ),
        'resource.AttachedPolicies.exists(p, p.PolicyArn.endsWith("/AdministratorAccess"))',
        (
            'resource.MaxSessionDuration > 3600 && !(resource.Path in ["/aws-service-role/", '
            '"/system/"])'
        ),
    ),
    "aws.ec2.instance": (
        'resource.MetadataOptions.HttpTokens != "required"',
        (
            "has(resource.PublicIpAddress) && related.groups.exists(g, g.IpPermissions.exists(p, "
            'p.IpRanges.exists(x, x.CidrIp == "0.0.0.0/0")))'
        ),
        'resource.State.Name == "stopped" && days_since(resource.LaunchTime) > 180',
        '!resource.Tags.exists(t, t.Key == "owner") && resource.InstanceType.startsWith("m5.")',
    ),
    "aws.rds.instance": (
        "resource.BackupRetentionPeriod < 7 && !resource.MultiAZ",
        "resource.PubliclyAccessible && !resource.StorageEncrypted",
        'resource.Engine in ["mysql", "postgres"] && resource.Endpoint.Port in [3306, 5432]',
        'resource.TagList.all(t, t.Key != "env") || resource.DBInstanceClass.contains("micro")',
    ),
}


def _tags(rng: random.Random) -> list[Document]:
    names = rng.sample(["env", "owner", "team", "cost-center", "app"], rng.randrange(2, 5))
    return [{"Key": name, "Value": rng.choice(["prod", "dev", "alice", "42"])} for name in names]


def _permission(rng: random.Random) -> Document:
    ranges = ["0.0.0.0/0", "10.1.0.0/16", "192.168.1.0/24", "172.16.4.0/22", "203.0.113.7/32"]
    made: Document = {
        "IpProtocol": rng.choice(["tcp", "tcp", "udp", "-1"]),
        "IpRanges": [
            {"CidrIp": rng.choice(ranges), "Description": "from the network team"}
            for _ in range(rng.randrange(1, 3))
        ],
        "Ipv6Ranges": [],
        "PrefixListIds": [],
        "UserIdGroupPairs": [],
    }
    if made["IpProtocol"] != "-1":
        made["FromPort"] = made["ToPort"] = rng.choice([22, 80, 443, 3306, 8080])
    return made


def security_group(rng: random.Random, number: int) -> Document:
    everywhere = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": []}
    return {
        "Arn": f"arn:aws:ec2:eu-west-1:123456789012:security-group/sg-{number:08x}",
        "GroupId": f"sg-{number:08x}",
        "GroupName": rng.choice(["default", "web", "database", "batch"]),
        "Description": "Managed by the platform team, ask before you change it",
        "OwnerId": "123456789012",
        "VpcId": f"vpc-{number % 7:08x}",
        "IpPermissions": [_permission(rng) for _ in range(rng.randrange(1, 4))],
        "IpPermissionsEgress": [everywhere],
        "Tags": _tags(rng),
    }


def _bucket(rng: random.Random, number: int) -> Document:
    made: Document = {
        "Arn": f"arn:aws:s3:::company-data-{number:08x}",
        "Name": f"company-data-{number:08x}-{rng.choice(['backup', 'web', 'archive', 'logs'])}",
        "CreationDate": "2024-03-01T10:00:00Z",
        "Region": "eu-west-1",
        "Versioning": rng.choice([{}, {"Status": "Enabled"}, {"Status": "Suspended"}]),
        "Encryption": {
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
        "Logging": {"LoggingEnabled": {"TargetBucket": "company-logs", "TargetPrefix": "s3/"}},
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "Tags": _tags(rng),
        "Acl": {"Owner": {"ID": "a" * 64}, "Grants": [{"Permission": "FULL_CONTROL"}] * 2},
    }
    flags = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    if rng.random() < 0.8:
        made["PublicAccessBlock"] = {flag: rng.random() < 0.9 for flag in flags}
    if rng.random() < 0.5:
        statement = {
            "Effect": rng.choice(["Allow", "Deny"]),
            "Principal": rng.choice(["*", {"AWS": "arn:aws:iam::123456789012:root"}]),
            "Action": rng.choice(["s3:GetObject", ["s3:GetObject", "s3:PutObject"]]),
            "Resource": f"{made['Arn']}/*",
        }
        made["Policy"] = {"Version": "2012-10-17", "Statement": [statement]}
    return made


def _role(rng: random.Random, number: int) -> Document:
    trust = {
        "Effect": "Allow",
        "Principal": rng.choice(
            [{"Service": "ec2.amazonaws.com"}, {"AWS": "*"}, {"AWS": ["123456789012"]}]
        ),
        "Action": "sts:AssumeRole",
    }
    names = rng.sample(["AdministratorAccess", "ReadOnlyAccess", "AmazonS3FullAccess"], 2)
    return {
        "Arn": f"arn:aws:iam::123456789012:role/role-{number:08x}",
        "RoleName": f"role-{number:08x}",
        "RoleId": f"AROA{number:017d}",
        "Path": rng.choice(["/", "/aws-service-role/"]),
        "CreateDate": "2023-05-05T05:05:05Z",
        "MaxSessionDuration": rng.choice([3600, 43200]),
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust] * 2},
        "AttachedPolicies": [
            {"PolicyName": name, "PolicyArn": f"arn:aws:iam::aws:policy/{name}"} for name in names
        ],
        "InlinePolicyNames": ["deploy"],
        "Description": "Allows the service to call others on your behalf",
        "RoleLastUsed": rng.choice(
            [{}, {"LastUsedDate": f"2026-{rng.randrange(1, 12):02}-01T00:00:00Z"}]
        ),
        "Tags": _tags(rng),
    }


def _instance(rng: random.Random, number: int) -> Document:
    made: Document = {
        "Arn": f"arn:aws:ec2:eu-west-1:123456789012:instance/i-{number:08x}",
        "InstanceId": f"i-{number:08x}",
        "ImageId": "ami-0123456789abcdef0",
        "InstanceType": rng.choice(["m5.large", "t3.micro", "c6i.xlarge"]),
        "LaunchTime": f"2026-{rng.randrange(1, 12):02}-11T08:00:00Z",
        "State": {"Code": 16, "Name": rng.choice(["running", "stopped"])},
        "MetadataOptions": {"HttpTokens": rng.choice(["required", "optional"]), "State": "applied"},
        "Placement": {"AvailabilityZone": "eu-west-1a", "Tenancy": "default"},
        "Monitoring": {"State": "disabled"},
        "Architecture": "x86_64",
        "EbsOptimized": True,
        "RootDeviceName": "/dev/xvda",
        "CpuOptions": {"CoreCount": 1, "ThreadsPerCore": 2},
        "PrivateIpAddress": "10.1.2.3",
        "SubnetId": f"subnet-{number % 31:08x}",
        "VpcId": f"vpc-{number % 7:08x}",
        "SecurityGroups": [{"GroupId": f"sg-{number % 97:08x}", "GroupName": "web"}],
        "BlockDeviceMappings": [
            {"DeviceName": "/dev/xvda", "Ebs": {"VolumeId": f"vol-{number:08x}"}}
        ],
        "Tags": _tags(rng),
    }
    if rng.random() < 0.4:
        made["PublicIpAddress"] = "203.0.113.9"
    return made


def _database(rng: random.Random, number: int) -> Document:
    engine, port = rng.choice([("mysql", 3306), ("postgres", 5432), ("oracle-ee", 1521)])
    return {
        "Arn": f"arn:aws:rds:eu-west-1:123456789012:db:db-{number:08x}",
        "DBInstanceIdentifier": f"db-{number:08x}",
        "DBInstanceClass": rng.choice(["db.t3.micro", "db.r6g.large"]),
        "Engine": engine,
        "EngineVersion": "14.9",
        "DBInstanceStatus": "available",
        "Endpoint": {"Address": f"db-{number:08x}.rds.amazonaws.com", "Port": port},
        "AllocatedStorage": 100,
        "BackupRetentionPeriod": rng.choice([0, 1, 7, 30]),
        "MultiAZ": rng.random() < 0.5,
        "PubliclyAccessible": rng.random() < 0.2,
        "StorageEncrypted": rng.random() < 0.8,
        "DeletionProtection": rng.random() < 0.5,
        "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-0000002a", "Status": "active"}],
        "DBSubnetGroup": {"DBSubnetGroupName": "main", "VpcId": "vpc-00000001"},
        "MasterUsername": "admin",
        "PreferredBackupWindow": "03:00-04:00",
        "PreferredMaintenanceWindow": "sun:05:00-sun:06:00",
        "StorageType": "gp3",
        "CACertificateIdentifier": "rds-ca-rsa2048-g1",
        "TagList": _tags(rng),
    }


MAKERS: dict[str, Callable[[random.Random, int], Document]] = {
    "aws.ec2.security_group": security_group,
    "aws.s3.bucket": _bucket,
    "aws.iam.role": _role,
    "aws.ec2.instance": _instance,
    "aws.rds.instance": _database,
}
