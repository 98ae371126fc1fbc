"""CodeArtifact: domains with who may use them, repositories, and where their packages come from.

Assets of packages are never fetched.
"""

from __future__ import annotations

from cloudsealed.collectors.decode import json_text
from cloudsealed.collectors.model import Enrich, Relation, Row

_NONE = frozenset({"ResourceNotFoundException"})  # no policy, or no such thing

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.codeartifact.domain",
        service="codeartifact",
        operation="ListDomains",
        items="domains",
        native_id="{arn}",
        owner="owner",
        name="name",
        created="createdTime",
        enrich=(
            Enrich(
                operation="GetDomainPermissionsPolicy",
                params={"domain": "name", "domainOwner": "owner"},
                fills={"Policy": "policy.document"},
                absent=_NONE,
                decided_by="ListTagsForResource",
            ),
            Enrich(
                operation="ListTagsForResource",
                params={"resourceArn": "arn"},
                fills={"Tags": "tags"},
                gone=_NONE,
            ),
        ),
        decode={"Policy": json_text},
    ),
    Row(
        type="aws.codeartifact.repository",
        service="codeartifact",
        operation="ListRepositories",
        items="repositories",
        native_id="{arn}",
        owner="domainOwner",
        name="name",
        created="createdTime",
        enrich=(
            Enrich(
                operation="GetRepositoryPermissionsPolicy",
                params={"domain": "domainName", "domainOwner": "domainOwner", "repository": "name"},
                fills={"Policy": "policy.document"},
                absent=_NONE,
                decided_by="ListTagsForResource",
            ),
            Enrich(
                operation="ListTagsForResource",
                params={"resourceArn": "arn"},
                fills={"Tags": "tags"},
                gone=_NONE,
            ),
        ),
        decode={"Policy": json_text},
        relations=(Relation("domain", "domainName", "aws.codeartifact.domain", "name"),),
    ),
    Row(
        type="aws.codeartifact.package",
        service="codeartifact",
        operation="ListPackages",
        owner="domainOwner",
        parent="aws.codeartifact.repository",
        inherit={
            "domainName": "domainName",
            "domainOwner": "domainOwner",
            "repositoryName": "name",
        },
        params={
            "domain": "domainName",
            "domainOwner": "domainOwner",
            "repository": "repositoryName",
        },
        constants={"publish": "ALLOW"},  # what only comes from outside is most, and well
        gone=_NONE,
        items="packages",
        native_id=(
            "arn:{partition}:codeartifact:{region}:{domainOwner}:package/{domainName}"
            "/{repositoryName}/{format}/{namespace || ''}/{package}"
        ),
        name="package",
        tags=None,
    ),
)
