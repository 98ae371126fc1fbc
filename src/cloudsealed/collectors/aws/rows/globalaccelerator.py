"""Global Accelerator: accelerators, their listeners and the groups that these lead to."""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Relation, Row

_PAGE = {"MaxResults": 100}
_TYPE = "aws.globalaccelerator.accelerator"
_LISTENER = "aws.globalaccelerator.listener"

ROWS: tuple[Row, ...] = (
    Row(
        type=_TYPE,
        service="globalaccelerator",
        operation="ListAccelerators",
        constants=_PAGE,
        items="Accelerators",
        native_id="{AcceleratorArn}",
        scope="global",
        name="Name",
        created="CreatedTime",
        enrich=(
            Enrich(
                operation="DescribeAcceleratorAttributes",
                params={"AcceleratorArn": "AcceleratorArn"},
                fills={"AcceleratorAttributes": "AcceleratorAttributes"},
                gone=frozenset({"AcceleratorNotFoundException"}),
            ),
            Enrich(
                operation="ListTagsForResource",
                params={"ResourceArn": "AcceleratorArn"},
                fills={"Tags": "Tags"},
                gone=frozenset(
                    {
                        "AcceleratorNotFoundException",
                        "AttachmentNotFoundException",
                        "EndpointGroupNotFoundException",
                        "ListenerNotFoundException",
                    }
                ),
            ),
        ),
    ),
    Row(
        type=_LISTENER,
        service="globalaccelerator",
        operation="ListListeners",
        constants=_PAGE,
        parent=_TYPE,
        inherit={"AcceleratorArn": "AcceleratorArn"},
        params={"AcceleratorArn": "AcceleratorArn"},
        gone=frozenset({"AcceleratorNotFoundException"}),
        items="Listeners",
        native_id="{ListenerArn}",
        scope="global",
        tags=None,
        relations=(Relation("accelerator", "AcceleratorArn", _TYPE, "AcceleratorArn"),),
    ),
    Row(
        type="aws.globalaccelerator.endpoint_group",
        service="globalaccelerator",
        operation="ListEndpointGroups",
        constants=_PAGE,
        parent=_LISTENER,
        inherit={"ListenerArn": "ListenerArn"},
        params={"ListenerArn": "ListenerArn"},
        gone=frozenset({"ListenerNotFoundException"}),
        items="EndpointGroups",
        native_id="{EndpointGroupArn}",
        scope="global",
        tags=None,
        relations=(Relation("listener", "ListenerArn", _LISTENER, "ListenerArn"),),
    ),
)
