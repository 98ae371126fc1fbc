"""SES: identities that send e-mail, configuration sets, and the account's standing in a region.

Messages are never read.
"""

from __future__ import annotations

from cloudsealed.collectors.decode import json_text
from cloudsealed.collectors.model import Enrich, Row

_GONE = frozenset({"NotFoundException"})

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.ses.identity",
        service="sesv2",
        operation="ListEmailIdentities",
        constants={"PageSize": 1000},
        items="EmailIdentities",
        native_id="arn:{partition}:ses:{region}:{account}:identity/{IdentityName}",
        name="IdentityName",
        tags="Identity.Tags",
        enrich=(
            Enrich(
                operation="GetEmailIdentity",
                params={"EmailIdentity": "IdentityName"},
                fills={"Identity": "@", "Policies": "values(Policies || `{}`)"},
                gone=_GONE,
            ),
        ),
        decode={"Policies[]": json_text},
    ),
    Row(
        type="aws.ses.configuration_set",
        service="sesv2",
        operation="ListConfigurationSets",
        constants={"PageSize": 1000},
        items="ConfigurationSets[].{ConfigurationSetName: @}",
        native_id=(
            "arn:{partition}:ses:{region}:{account}:configuration-set/{ConfigurationSetName}"
        ),
        name="ConfigurationSetName",
        tags="Set.Tags",
        enrich=(
            Enrich(
                operation="GetConfigurationSet",
                params={"ConfigurationSetName": "ConfigurationSetName"},
                fills={"Set": "@"},
                gone=_GONE,
            ),
        ),
    ),
    Row(
        type="aws.ses.region_settings",
        service="sesv2",
        operation=None,
        native_id="arn:{partition}:ses:{region}:{account}:region-settings",
        tags=None,
        enrich=(Enrich(operation="GetAccount", fills={"Account": "@"}),),
    ),
)
