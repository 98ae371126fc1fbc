"""Direct Connect: connections and the virtual interfaces on them.

Keys of BGP sessions, and the router's configuration that holds them, are redacted.
"""

from __future__ import annotations

from cloudsealed.collectors.model import Relation, Row

_VIFS = "virtualInterfaces[]"

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.directconnect.connection",
        service="directconnect",
        operation="DescribeConnections",
        items="connections[?!contains(['deleting', 'deleted', 'rejected'], connectionState)]",
        native_id="arn:{partition}:directconnect:{region}:{owner}:dxcon/{connectionId}",
        owner="ownerAccount",
        name="connectionName",
        tags="tags",
    ),
    Row(
        type="aws.directconnect.virtual_interface",
        service="directconnect",
        operation="DescribeVirtualInterfaces",
        items="virtualInterfaces"
        "[?!contains(['deleting', 'deleted', 'rejected'], virtualInterfaceState)]",
        native_id="arn:{partition}:directconnect:{region}:{owner}:dxvif/{virtualInterfaceId}",
        owner="ownerAccount",
        name="virtualInterfaceName",
        tags="tags",
        secret_paths=(
            f"{_VIFS}.authKey",
            f"{_VIFS}.bgpPeers[].authKey",
            f"{_VIFS}.customerRouterConfig",
        ),
        relations=(
            Relation("connection", "connectionId", "aws.directconnect.connection", "connectionId"),
        ),
    ),
)
