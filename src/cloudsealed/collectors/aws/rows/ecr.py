"""ECR: image repositories, and what a registry says of all of them. Images are never pulled."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.decode import json_text
from cloudsealed.collectors.model import Enrich, Relation, Row

_GONE = frozenset({"RepositoryNotFoundException"})

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.ecr.repository",
        service="ecr",
        operation="DescribeRepositories",
        constants={"maxResults": 1000},
        items="repositories",
        native_id="{repositoryArn}",
        owner="registryId",
        name="repositoryName",
        created="createdAt",
        enrich=(
            Enrich(
                operation="GetRepositoryPolicy",
                params={"repositoryName": "repositoryName"},
                fills={"Policy": "policyText"},
                absent=frozenset({"RepositoryPolicyNotFoundException"}),
                gone=_GONE,
            ),
            Enrich(
                operation="GetLifecyclePolicy",
                params={"repositoryName": "repositoryName"},
                fills={"LifecyclePolicy": "lifecyclePolicyText"},
                absent=frozenset({"LifecyclePolicyNotFoundException"}),
                gone=_GONE,
            ),
            Enrich(
                operation="DescribeImageScanFindings",
                params={"repositoryName": "repositoryName"},
                constants={"imageId": {"imageTag": "latest"}, "maxResults": 1000},
                fills={
                    "LatestFindings": "imageScanStatus.status"
                    " && imageScanFindings.findingSeverityCounts"
                },
                absent=frozenset({"ImageNotFoundException", "ScanNotFoundException"}),
                gone=_GONE,
            ),
            Enrich(
                operation="ListTagsForResource",
                params={"resourceArn": "repositoryArn"},
                fills={"Tags": "tags"},
                gone=_GONE,
            ),
        ),
        together=(tags("ecr", "repositoryArn"),),
        decode={"Policy": json_text, "LifecyclePolicy": json_text},
        relations=(Relation("key", "encryptionConfiguration.kmsKey", "aws.kms.key", "Arn"),),
    ),
    Row(
        type="aws.ecr.registry",
        service="ecr",
        operation=None,
        native_id="arn:{partition}:ecr:{region}:{account}:registry",
        tags=None,
        enrich=(
            Enrich(
                operation="GetRegistryScanningConfiguration",
                fills={"ScanningConfiguration": "scanningConfiguration"},
            ),
        ),
    ),
)
