"""Step Functions: state machines. Their definitions are redacted; executions are never read."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.model import Enrich, Relation, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.stepfunctions.state_machine",
        service="stepfunctions",
        operation="ListStateMachines",
        items="stateMachines",
        native_id="{stateMachineArn}",
        name="name",
        created="creationDate",
        enrich=(
            Enrich(
                operation="DescribeStateMachine",
                params={"stateMachineArn": "stateMachineArn"},
                fills={"StateMachine": "@"},
                gone=frozenset({"StateMachineDoesNotExist"}),
                secret_paths=("definition",),
            ),
            Enrich(
                operation="ListTagsForResource",
                params={"resourceArn": "stateMachineArn"},
                fills={"Tags": "tags"},
                gone=frozenset({"ResourceNotFound"}),
            ),
        ),
        together=(tags("states:stateMachine", "stateMachineArn"),),
        relations=(Relation("role", "StateMachine.roleArn", "aws.iam.role", "Arn"),),
    ),
)
