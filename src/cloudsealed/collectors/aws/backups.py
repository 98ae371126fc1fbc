"""When AWS Backup last saved the resources of a region, by its one list of all that it protects.

A plan that selects a resource without ever having saved it protects nothing, so plans are not read.
"""

from __future__ import annotations

from cloudsealed.collectors.model import Together

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
