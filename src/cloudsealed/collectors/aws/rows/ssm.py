"""AWS Systems Manager: managed nodes, their patches, and the account's own documents.

What documents say is redacted: scripts hold passwords. Parameters are not read.
"""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Relation, Row

_GONE = frozenset({"InvalidDocument"})

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.ssm.document",
        service="ssm",
        operation="ListDocuments",
        constants={"Filters": [{"Key": "Owner", "Values": ["Self"]}]},
        items="DocumentIdentifiers",
        native_id="arn:{partition}:ssm:{region}:{account}:document/{Name}",
        owner="Owner",
        name="Name",
        created="CreatedDate",
        enrich=(
            Enrich(
                operation="DescribeDocumentPermission",
                params={"Name": "Name"},
                constants={"PermissionType": "Share"},
                fills={"SharedWith": "AccountIds"},
                gone=_GONE,
            ),
            Enrich(
                operation="GetDocument",
                params={"Name": "Name"},
                when="DocumentType != 'Package'",
                fills={"Content": "Content"},
                gone=_GONE,
                secret_paths=("Content",),
            ),
        ),
    ),
    Row(
        type="aws.ssm.managed_node",
        service="ssm",
        operation="DescribeInstanceInformation",
        constants={"MaxResults": 50},
        items="InstanceInformationList",
        native_id="arn:{partition}:ssm:{region}:{account}:managed-instance/{InstanceId}",
        name="Name || ComputerName || InstanceId",
        tags=None,
        created="RegistrationDate",
        relations=(Relation("instance", "InstanceId", "aws.ec2.instance", "InstanceId"),),
    ),
    Row(
        type="aws.ssm.patch_summary",
        service="ssm",
        operation="ListResourceComplianceSummaries",
        constants={
            "Filters": [{"Key": "ComplianceType", "Values": ["Patch"], "Type": "EQUAL"}],
            "MaxResults": 50,
        },
        items="ResourceComplianceSummaryItems[?ComplianceType == 'Patch']",
        native_id="arn:{partition}:ssm:{region}:{account}:managed-instance/{ResourceId}/patches",
        name="ResourceId",
        tags=None,
        relations=(Relation("node", "ResourceId", "aws.ssm.managed_node", "InstanceId"),),
    ),
    Row(
        type="aws.ssm.region_settings",
        service="ssm",
        operation=None,
        native_id="arn:{partition}:ssm:{region}:{account}:region-settings",
        tags=None,
        enrich=(
            Enrich(
                operation="GetServiceSetting",
                constants={"SettingId": "/ssm/documents/console/public-sharing-permission"},
                fills={"PublicSharing": "ServiceSetting.SettingValue"},
                absent=frozenset({"ServiceSettingNotFound"}),
            ),
        ),
    ),
)
