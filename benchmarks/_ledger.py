"""A recorded ledger of accounts of some size, in one region, with all lists read to their end.

Refuses to measure. Six types have resources, in the proportions of MIX, every tenth of which fails
some policy; every other list is empty, and what is asked of single resources was not asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from cloudsealed.audits.steps.plan import Task
from cloudsealed.collectors.model import unit_of
from cloudsealed.kit.batches import batches
from cloudsealed.kit.canonical import canonical
from cloudsealed.kit.clock import rfc3339, utc_now
from cloudsealed.storage import objects
from cloudsealed.storage.database import Database
from cloudsealed.storage.objects import month_of
from cloudsealed.storage.schema import calls

Document = dict[str, Any]
_PAGE = 1_000
_MORE = {"ec2": "NextToken", "rds": "Marker"}
"""What an answer names the next page by."""
_UNIT = ("provider", "account", "region", "service", "operation", "parameters")


def volume(account: str, region: str, number: int) -> Document:
    return {
        "VolumeId": f"vol-{number:017x}",
        "AvailabilityZone": f"{region}a",
        "CreateTime": "2025-03-01T10:00:00Z",
        "Encrypted": number % 10 > 0,
        "KmsKeyId": f"arn:aws:kms:{region}:{account}:key/{number % 7}",
        "Size": 100,
        "Iops": 3000,
        "Throughput": 125,
        "State": "in-use",
        "VolumeType": "gp3",
        "SnapshotId": "",
        "MultiAttachEnabled": False,
        "Attachments": [
            {
                "AttachTime": "2025-03-01T10:00:00Z",
                "Device": "/dev/xvda",
                "InstanceId": f"i-{number:017x}",
                "State": "attached",
                "VolumeId": f"vol-{number:017x}",
                "DeleteOnTermination": True,
            }
        ],
        "Tags": _tags(number),
    }


def network_interface(account: str, region: str, number: int) -> Document:
    return {
        "NetworkInterfaceId": f"eni-{number:017x}",
        "OwnerId": account,
        "AvailabilityZone": f"{region}a",
        "Status": "in-use",
        "InterfaceType": "interface",
        "Description": "",
        "VpcId": f"vpc-{number % 20:017x}",
        "SubnetId": f"subnet-{number % 100:017x}",
        "PrivateIpAddress": f"10.{number // 65536 % 256}.{number // 256 % 256}.{number % 256}",
        "RequesterManaged": False,
        "SourceDestCheck": True,
        "Groups": [{"GroupId": f"sg-{number % 150:017x}", "GroupName": "web"}],
        "Attachment": {
            "AttachmentId": f"eni-attach-{number:017x}",
            "InstanceId": f"i-{number:017x}",
            "InstanceOwnerId": account,
            "DeviceIndex": 0,
            "Status": "attached",
            "DeleteOnTermination": True,
        },
        "TagSet": _tags(number),
    }


def security_group(account: str, region: str, number: int) -> Document:
    ranges = [{"CidrIp": f"10.{number % 200}.0.0/16"}]
    ranges += [] if number % 10 else [{"CidrIp": "0.0.0.0/0"}]
    return {
        "GroupId": f"sg-{number:017x}",
        "GroupName": f"group-{number}",
        "Description": "made for a measurement",
        "OwnerId": account,
        "VpcId": f"vpc-{number % 20:017x}",
        "IpPermissions": [
            {
                "IpProtocol": "tcp",
                "FromPort": port,
                "ToPort": port,
                "IpRanges": ranges,
                "Ipv6Ranges": [],
                "PrefixListIds": [],
                "UserIdGroupPairs": [],
            }
            for port in (22, 443, 5432)
        ],
        "IpPermissionsEgress": [],
        "Tags": _tags(number),
    }


def subnet(account: str, region: str, number: int) -> Document:
    ident = f"subnet-{number:017x}"
    return {
        "SubnetId": ident,
        "SubnetArn": f"arn:aws:ec2:{region}:{account}:subnet/{ident}",
        "OwnerId": account,
        "VpcId": f"vpc-{number % 20:017x}",
        "AvailabilityZone": f"{region}a",
        "CidrBlock": f"10.{number % 256}.0.0/20",
        "AvailableIpAddressCount": 4000,
        "MapPublicIpOnLaunch": number % 10 == 0,
        "DefaultForAz": False,
        "State": "available",
        "Ipv6CidrBlockAssociationSet": [],
        "Tags": _tags(number),
    }


def database_instance(account: str, region: str, number: int) -> Document:
    return {
        "DBInstanceIdentifier": f"orders-{number}",
        "DBInstanceArn": f"arn:aws:rds:{region}:{account}:db:orders-{number}",
        "DBInstanceClass": "db.m6g.large",
        "DBInstanceStatus": "available",
        "Engine": "postgres",
        "EngineVersion": "16.4",
        "AllocatedStorage": 100,
        "BackupRetentionPeriod": 7 if number % 10 else 0,
        "MultiAZ": True,
        "StorageEncrypted": True,
        "StorageType": "gp3",
        "PubliclyAccessible": False,
        "DeletionProtection": True,
        "AutoMinorVersionUpgrade": True,
        "CopyTagsToSnapshot": True,
        "IAMDatabaseAuthenticationEnabled": True,
        "PerformanceInsightsEnabled": True,
        "MonitoringInterval": 60,
        "InstanceCreateTime": "2025-03-01T10:00:00Z",
        "Endpoint": {"Address": f"orders-{number}.example", "Port": 5432},
        "VpcSecurityGroups": [{"VpcSecurityGroupId": f"sg-{number:017x}", "Status": "active"}],
        "DBSubnetGroup": {"VpcId": f"vpc-{number % 20:017x}", "Subnets": []},
        "EnabledCloudwatchLogsExports": ["postgresql"],
        "TagList": _tags(number),
    }


def network(account: str, _region: str, number: int) -> Document:
    return {
        "VpcId": f"vpc-{number:017x}",
        "OwnerId": account,
        "CidrBlock": f"10.{number % 256}.0.0/16",
        "CidrBlockAssociationSet": [],
        "DhcpOptionsId": "dopt-1",
        "InstanceTenancy": "default",
        "IsDefault": False,
        "State": "available",
        "Tags": _tags(number),
    }


def _tags(number: int) -> list[Document]:
    return [
        {"Key": "Name", "Value": f"service-{number}"},
        {"Key": "owner", "Value": f"team-{number % 40}"},
        {"Key": "env", "Value": "prod" if number % 3 else "test"},
    ]


MIX: Mapping[str, tuple[int, Callable[[str, str, int], Document]]] = {
    "aws.ec2.volume": (35, volume),
    "aws.ec2.network_interface": (25, network_interface),
    "aws.ec2.security_group": (15, security_group),
    "aws.ec2.subnet": (10, subnet),
    "aws.rds.instance": (10, database_instance),
    "aws.ec2.vpc": (5, network),
}
"""How many of a hundred resources are of a type, and what makes one of an account and region."""


def record(
    database: Database, *, tenant: str, audit: str, tasks: Iterable[Task], resources: int
) -> None:
    """Write a ledger in which each account of the tasks has so many resources, each list a page a
    thousand."""
    seen = set()
    for some in batches(iter(tasks), 50):
        packed, rows = [], []
        for task in some:
            list_ = (task.place, task.row.service, task.row.operation, str(task.row.constants))
            if list_ in seen:  # another type is in the same list
                continue
            seen.add(list_)
            for page, data in enumerate(_answers(task, resources)):
                address, stored = objects.pack(tenant, canonical(data), month_of(utc_now()))
                packed.append(stored)
                rows.append(_call(task, page, address) | {"tenant_id": tenant, "audit_id": audit})
        with database.write() as connection:
            objects.put_many(connection, packed)
            connection.add(calls, rows)


def _answers(task: Task, resources: int) -> Iterator[Document]:
    """Yield the pages of a list; none of what is not a list."""
    if task.row.operation is None or task.row.parent is not None:
        return
    name = re.match(r"\w*", task.row.items)
    assert name is not None
    share, make = MIX.get(task.row.type, (0, volume))
    numbers = range(resources * share // 100)
    for start in range(0, len(numbers) or 1, _PAGE):
        place, some = (task.place.account, task.place.region), numbers[start : start + _PAGE]
        page = {name[0]: [make(*place, number) for number in some]}
        yield page | ({_MORE[task.row.service]: f"{start}"} if numbers[start + _PAGE :] else {})


def _call(task: Task, page: int, address: str) -> dict[str, Any]:
    unit = unit_of(task.place, task.row.service, task.row.operation or "", task.row.constants)
    return {
        **{name: getattr(unit, name) for name in _UNIT},
        "page": page,
        "outcome": "ok",
        "attempts": 1,
        "duration_ms": 1,
        "request_id": None,
        "http_status": 200,
        "error_code": None,
        "error_message": None,
        "digest": address,
        "called_at": rfc3339(utc_now()),
    }
