"""AWS Backup: vaults, plans and what a region makes of them; and when it last saved resources.

What is saved is told by the one list of all that it protects: a plan that selects a resource
without ever having saved it protects nothing. Recovery points are not collected.
"""

from __future__ import annotations

from cloudsealed.collectors.decode import json_text
from cloudsealed.collectors.model import Enrich, Relation, Row, Together

LAST_BACKUP = Together(
    service="backup",
    operation="ListProtectedResources",
    items="Results",
    key="ResourceArn",
    of="Arn",
    fills={"LastBackupTime": "LastBackupTime"},
    lacking={"LastBackupTime": None},
)
"""Fills `LastBackupTime`; absent where AWS Backup never saved the resource."""

_GONE = frozenset({"ResourceNotFoundException"})

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.backup.vault",
        service="backup",
        operation="ListBackupVaults",
        items="BackupVaultList",
        native_id="{BackupVaultArn}",
        name="BackupVaultName",
        tags=None,
        created="CreationDate",
        enrich=(
            Enrich(
                operation="GetBackupVaultAccessPolicy",
                params={"BackupVaultName": "BackupVaultName"},
                fills={"Policy": "Policy"},
                absent=_GONE,  # its one code says either; what is not there has no policy
            ),
        ),
        decode={"Policy": json_text},
        relations=(Relation("key", "EncryptionKeyArn", "aws.kms.key", "Arn"),),
    ),
    Row(
        type="aws.backup.plan",
        service="backup",
        operation="ListBackupPlans",
        items="BackupPlansList",
        native_id="{BackupPlanArn}",
        name="BackupPlanName",
        tags=None,
        created="CreationDate",
        enrich=(
            Enrich(
                operation="GetBackupPlan",
                params={"BackupPlanId": "BackupPlanId"},
                fills={"Rules": "BackupPlan.Rules"},
                gone=_GONE,
            ),
            Enrich(
                operation="ListBackupSelections",
                params={"BackupPlanId": "BackupPlanId"},
                fills={"Selections": "BackupSelectionsList"},
                gone=_GONE,
            ),
        ),
        relations=(
            Relation(
                "vaults", "Rules[].TargetBackupVaultName", "aws.backup.vault", "BackupVaultName"
            ),
        ),
    ),
    Row(
        type="aws.backup.region_settings",
        service="backup",
        operation=None,
        native_id="arn:{partition}:backup:{region}:{account}:region-settings",
        tags=None,
        enrich=(
            Enrich(
                operation="ListProtectedResources",
                fills={"ProtectedResources": "Results[].{ResourceArn: ResourceArn}"},
            ),
            Enrich(
                operation="ListRestoreTestingPlans",
                fills={"RestoreTestingPlans": "RestoreTestingPlans"},
            ),
            Enrich(
                operation="ListRestoreJobs",
                constants={"ByStatus": "COMPLETED"},
                fills={
                    "RestoreJobs": (
                        "RestoreJobs[].{RestoreJobId: RestoreJobId, CreationDate: CreationDate,"
                        " CompletionDate: CompletionDate, Status: Status}"
                    )
                },
                absent=_GONE,
            ),
        ),
    ),
)
