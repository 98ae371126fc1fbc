"""Amazon Cognito: user pools, the clients that sign users in by them, and identity pools.

Users are never listed, and the secret of a client is redacted.
"""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Relation, Row

_GONE = frozenset({"ResourceNotFoundException"})
_POOL = {"UserPoolId": "Id"}

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.cognito.user_pool",
        service="cognito-idp",
        operation="ListUserPools",
        constants={"MaxResults": 60},
        items="UserPools",
        native_id="arn:{partition}:cognito-idp:{region}:{account}:userpool/{Id}",
        name="Name",
        tags="UserPool.UserPoolTags",
        created="CreationDate",
        enrich=(
            Enrich(
                operation="DescribeUserPool",
                params=_POOL,
                fills={"UserPool": "UserPool"},
                gone=_GONE,
            ),
            Enrich(
                operation="DescribeRiskConfiguration",
                params=_POOL,
                when="UserPool.UserPoolAddOns.AdvancedSecurityMode == 'ENFORCED'",
                fills={"RiskConfiguration": "RiskConfiguration"},
                absent=frozenset({"UserPoolAddOnNotEnabledException"}),
                gone=_GONE,
            ),
        ),
    ),
    Row(
        type="aws.cognito.user_pool_client",
        service="cognito-idp",
        operation="ListUserPoolClients",
        parent="aws.cognito.user_pool",
        inherit={"UserPoolId": "Id"},
        params={"UserPoolId": "UserPoolId"},
        constants={"MaxResults": 60},
        gone=_GONE,
        items="UserPoolClients",
        native_id=(
            "arn:{partition}:cognito-idp:{region}:{account}:userpool/{UserPoolId}/client/{ClientId}"
        ),
        name="ClientName",
        tags=None,
        enrich=(
            Enrich(
                operation="DescribeUserPoolClient",
                params={"UserPoolId": "UserPoolId", "ClientId": "ClientId"},
                fills={"Client": "UserPoolClient"},
                gone=_GONE,
                secret_paths=("UserPoolClient.ClientSecret",),
            ),
        ),
        relations=(Relation("user_pool", "UserPoolId", "aws.cognito.user_pool", "Id"),),
    ),
    Row(
        type="aws.cognito.identity_pool",
        service="cognito-identity",
        operation="ListIdentityPools",
        constants={"MaxResults": 60},
        items="IdentityPools",
        native_id="arn:{partition}:cognito-identity:{region}:{account}:identitypool/{IdentityPoolId}",
        name="IdentityPoolName",
        tags="IdentityPool.IdentityPoolTags",
        enrich=(
            Enrich(
                operation="DescribeIdentityPool",
                params={"IdentityPoolId": "IdentityPoolId"},
                fills={"IdentityPool": "@"},
                gone=_GONE,
            ),
        ),
    ),
)
