"""EC2: capacity that is paid for whether or not anything runs on it.

What has ended, which AWS lists for a while or for ever, is no resource here.
"""

from __future__ import annotations

from cloudsealed.collectors.model import Relation, Row

_NAME = "Tags[?Key=='Name'].Value | [0]"

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.ec2.reserved_instances",
        service="ec2",
        operation="DescribeReservedInstances",
        items="ReservedInstances"
        "[?!contains(['retired', 'payment-failed', 'queued-deleted'], State)]",
        native_id="arn:{partition}:ec2:{region}:{account}:reserved-instances/{ReservedInstancesId}",
        created="Start",
    ),
    Row(
        type="aws.ec2.capacity_reservation",
        service="ec2",
        operation="DescribeCapacityReservations",
        constants={"MaxResults": 1000},
        items="CapacityReservations"
        "[?!contains(['expired', 'cancelled', 'failed', 'payment-failed', 'unsupported'], State)]",
        native_id="{CapacityReservationArn}",
        owner="OwnerId",
        name=_NAME,
        created="CreateDate",
    ),
    Row(
        type="aws.ec2.dedicated_host",
        service="ec2",
        operation="DescribeHosts",
        constants={"MaxResults": 500},
        items="Hosts[?!contains(['released', 'released-permanent-failure'], State)]",
        native_id="arn:{partition}:ec2:{region}:{owner}:dedicated-host/{HostId}",
        owner="OwnerId",
        name=_NAME,
        created="AllocationTime",
    ),
    Row(
        type="aws.ec2.fast_snapshot_restore",
        service="ec2",
        operation="DescribeFastSnapshotRestores",
        constants={"MaxResults": 200},
        items="FastSnapshotRestores[?!contains(['disabling', 'disabled'], State)]",
        native_id="arn:{partition}:ec2:{region}:{account}"
        ":fast-snapshot-restore/{SnapshotId}/{AvailabilityZone}",
        owner="OwnerId",
        name="SnapshotId",
        tags=None,
        created="EnablingTime",
        relations=(Relation("snapshot", "SnapshotId", "aws.ec2.snapshot", "SnapshotId"),),
    ),
)
