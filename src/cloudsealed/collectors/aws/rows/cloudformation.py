"""CloudFormation: stacks. Templates are not fetched; parameters and outputs are redacted."""

from __future__ import annotations

from cloudsealed.collectors.model import Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.cloudformation.stack",
        service="cloudformation",
        operation="DescribeStacks",
        items="Stacks",
        native_id="{StackId}",
        name="StackName",
        created="CreationTime",
        secret_paths=(
            "Stacks[].Parameters[].ParameterValue",
            "Stacks[].Parameters[].ResolvedValue",
            "Stacks[].Outputs[].OutputValue",
        ),
    ),
)
