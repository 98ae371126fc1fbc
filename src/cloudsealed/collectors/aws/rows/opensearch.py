"""OpenSearch Service: domains, also those that run Elasticsearch. No index is searched."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.decode import json_text
from cloudsealed.collectors.model import Enrich, Relation, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.opensearch.domain",
        service="opensearch",
        operation="ListDomainNames",
        items="DomainNames",
        native_id="arn:{partition}:es:{region}:{account}:domain/{DomainName}",
        name="DomainName",
        enrich=(
            Enrich(
                operation="DescribeDomain",
                params={"DomainName": "DomainName"},
                fills={"Domain": "DomainStatus"},
                gone=frozenset({"ResourceNotFoundException"}),
                secret_paths=(
                    "DomainStatus.AdvancedSecurityOptions.SAMLOptions.Idp.MetadataContent",
                ),
            ),
        ),
        together=(tags("es", "Arn"),),
        decode={"Domain.AccessPolicies": json_text},
        relations=(
            Relation("key", "Domain.EncryptionAtRestOptions.KmsKeyId", "aws.kms.key", "Arn"),
            Relation(
                "security_groups",
                "Domain.VPCOptions.SecurityGroupIds",
                "aws.ec2.security_group",
                "GroupId",
            ),
        ),
    ),
)
