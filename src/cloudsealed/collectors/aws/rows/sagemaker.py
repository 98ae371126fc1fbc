"""SageMaker AI: notebooks and the scripts they start with, models, endpoints and domains.

Environments of containers and scripts are redacted. Jobs that ended are not collected: what they
did cannot be changed any more.
"""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.model import Enrich, Relation, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.sagemaker.notebook_instance",
        service="sagemaker",
        operation="ListNotebookInstances",
        items="NotebookInstances",
        native_id="{NotebookInstanceArn}",
        name="NotebookInstanceName",
        created="CreationTime",
        enrich=(
            Enrich(
                operation="DescribeNotebookInstance",
                params={"NotebookInstanceName": "NotebookInstanceName"},
                fills={"Notebook": "@"},
            ),
            Enrich(
                operation="ListTags",
                params={"ResourceArn": "NotebookInstanceArn"},
                fills={"Tags": "Tags"},
            ),
        ),
        together=(tags("sagemaker:notebook-instance", "NotebookInstanceArn"),),
        relations=(
            Relation("role", "Notebook.RoleArn", "aws.iam.role", "Arn"),
            Relation(
                "security_groups", "Notebook.SecurityGroups", "aws.ec2.security_group", "GroupId"
            ),
            Relation("subnet", "Notebook.SubnetId", "aws.ec2.subnet", "SubnetId"),
        ),
    ),
    Row(
        type="aws.sagemaker.lifecycle_config",
        service="sagemaker",
        operation="ListNotebookInstanceLifecycleConfigs",
        items="NotebookInstanceLifecycleConfigs",
        native_id="{NotebookInstanceLifecycleConfigArn}",
        name="NotebookInstanceLifecycleConfigName",
        tags=None,
        created="CreationTime",
        enrich=(
            Enrich(
                operation="DescribeNotebookInstanceLifecycleConfig",
                params={
                    "NotebookInstanceLifecycleConfigName": "NotebookInstanceLifecycleConfigName"
                },
                fills={
                    "OnCreate": "OnCreate",
                    "OnStart": "OnStart",
                    "ConfigName": "NotebookInstanceLifecycleConfigName",
                },
                secret_paths=("OnCreate[].Content", "OnStart[].Content"),
            ),
        ),
    ),
    Row(
        type="aws.sagemaker.model",
        service="sagemaker",
        operation="ListModels",
        items="Models",
        native_id="{ModelArn}",
        name="ModelName",
        created="CreationTime",
        enrich=(
            Enrich(
                operation="DescribeModel",
                params={"ModelName": "ModelName"},
                fills={"Model": "@"},
                secret_paths=("PrimaryContainer.Environment", "Containers[].Environment"),
            ),
            Enrich(
                operation="ListTags", params={"ResourceArn": "ModelArn"}, fills={"Tags": "Tags"}
            ),
        ),
        together=(tags("sagemaker:model", "ModelArn"),),
        relations=(Relation("role", "Model.ExecutionRoleArn", "aws.iam.role", "Arn"),),
    ),
    Row(
        type="aws.sagemaker.endpoint",
        service="sagemaker",
        operation="ListEndpoints",
        items="Endpoints",
        native_id="{EndpointArn}",
        name="EndpointName",
        created="CreationTime",
        enrich=(
            Enrich(
                operation="DescribeEndpoint",
                params={"EndpointName": "EndpointName"},
                fills={
                    "EndpointConfigName": "EndpointConfigName",
                    "ProductionVariants": "ProductionVariants",
                    "DataCaptureConfig": "DataCaptureConfig",
                    "AsyncInferenceConfig": "AsyncInferenceConfig",
                },
            ),
            Enrich(
                operation="ListTags", params={"ResourceArn": "EndpointArn"}, fills={"Tags": "Tags"}
            ),
        ),
        together=(tags("sagemaker:endpoint", "EndpointArn"),),
        relations=(
            Relation(
                "endpoint_config",
                "EndpointConfigName",
                "aws.sagemaker.endpoint_config",
                "EndpointConfigName",
            ),
        ),
    ),
    Row(
        type="aws.sagemaker.endpoint_config",
        service="sagemaker",
        operation="ListEndpointConfigs",
        items="EndpointConfigs",
        native_id="{EndpointConfigArn}",
        name="EndpointConfigName",
        created="CreationTime",
        enrich=(
            Enrich(
                operation="DescribeEndpointConfig",
                params={"EndpointConfigName": "EndpointConfigName"},
                fills={"Config": "@"},
            ),
            Enrich(
                operation="ListTags",
                params={"ResourceArn": "EndpointConfigArn"},
                fills={"Tags": "Tags"},
            ),
        ),
        together=(tags("sagemaker:endpoint-config", "EndpointConfigArn"),),
    ),
    Row(
        type="aws.sagemaker.domain",
        service="sagemaker",
        operation="ListDomains",
        items="Domains",
        native_id="{DomainArn}",
        name="DomainName",
        created="CreationTime",
        enrich=(
            Enrich(
                operation="DescribeDomain",
                params={"DomainId": "DomainId"},
                fills={"Domain": "@"},
                gone=frozenset({"ResourceNotFound"}),
            ),
            Enrich(
                operation="ListTags", params={"ResourceArn": "DomainArn"}, fills={"Tags": "Tags"}
            ),
        ),
        together=(tags("sagemaker:domain", "DomainArn"),),
    ),
)
