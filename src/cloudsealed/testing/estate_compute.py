"""Code that runs in the sample estate: Lambda, containers, stacks; with planted secrets."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from cloudsealed.kit.clock import utc_now
from cloudsealed.testing.estate_foundation import policy
from cloudsealed.testing.estate_site import (
    CANARY_LAMBDA,
    CANARY_LAMBDA_PASSWORD,
    CANARY_STACK,
    CANARY_TASK,
    Site,
    tag_map,
    tags,
)


def functions(site: Site) -> None:
    """Make a well-kept function and one that is public and holds secrets."""
    _function(
        site,
        "larkspur-reports",
        "python3.12",
        {"STAGE": "prod"},
        Tags=tag_map("reports"),
        TracingConfig={"Mode": "Active"},
        DeadLetterConfig={"TargetArn": site.here("sqs", "larkspur-failed")},
    )
    planted = {"AWS_KEY": CANARY_LAMBDA, "DB_PASSWORD": CANARY_LAMBDA_PASSWORD}
    _function(site, "larkspur-payments", "python3.8", planted)
    client = site.client("lambda")
    client.add_permission(
        FunctionName="larkspur-payments",
        StatementId="everyone",
        Principal="*",
        Action="lambda:InvokeFunction",
    )
    client.create_function_url_config(FunctionName="larkspur-payments", AuthType="NONE")
    client.create_function_url_config(FunctionName="larkspur-reports", AuthType="AWS_IAM")
    name = "larkspur-payments"
    site.good("lambda.function", "larkspur-reports", "security", "holds no secrets", "asks callers")
    site.bad("lambda.function", name, "security", "holds secrets", "is public", "is out of support")
    site.bad("lambda.function", name, "architecture", "has no dead-letter queue")
    site.bad("lambda.function", name, "compliance", "has no tags")


def _function(site: Site, name: str, runtime: str, variables: dict[str, str], **more: Any) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "def handler(event, context):\n    return event\n")
    site.client("lambda").create_function(
        FunctionName=name,
        Runtime=runtime,
        Role=site.ids["larkspur-lambda"],
        Handler="app.handler",
        Code={"ZipFile": code.getvalue()},
        Environment={"Variables": variables},
        **more,
    )


def repositories(site: Site) -> None:
    """Make a repository that scans and tidies, and a public one that does neither."""
    ecr = site.client("ecr")
    ecr.create_repository(
        repositoryName="larkspur/shop",
        imageScanningConfiguration={"scanOnPush": True},
        imageTagMutability="IMMUTABLE",
        tags=tags("shop"),
    )
    keep = {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 10}
    rules = [{"rulePriority": 1, "selection": keep, "action": {"type": "expire"}}]
    ecr.put_lifecycle_policy(
        repositoryName="larkspur/shop", lifecyclePolicyText=json.dumps({"rules": rules})
    )
    ecr.create_repository(repositoryName="larkspur/legacy")
    everyone = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
    ecr.set_repository_policy(repositoryName="larkspur/legacy", policyText=policy(everyone))
    site.good("ecr.repository", "larkspur/shop", "cost", "expires old images")
    site.bad("ecr.repository", "larkspur/legacy", "cost", "keeps every image")
    site.good("ecr.repository", "larkspur/shop", "security", "scans each image")
    site.bad("ecr.repository", "larkspur/legacy", "security", "does not scan", "is public")


def containers(site: Site) -> None:
    """Make two container clusters, a task with a secret in its environment, and services."""
    ecs = site.client("ecs")
    for name, insights in (("larkspur-main", "enabled"), ("larkspur-test", "disabled")):
        ecs.create_cluster(
            clusterName=name,
            settings=[{"name": "containerInsights", "value": insights}],
            tags=[{"key": key, "value": value} for key, value in tag_map(name).items()],
        )
    _task(site, "larkspur-shop", {"STAGE": "prod"}, user="1000", readonlyRootFilesystem=True)
    _task(site, "larkspur-worker", {"GITHUB_TOKEN": CANARY_TASK}, privileged=True)
    for cluster, name, count in (
        ("larkspur-main", "larkspur-shop", 2),
        ("larkspur-test", "larkspur-worker", 1),
    ):
        ecs.create_service(
            cluster=cluster, serviceName=name, taskDefinition=name, desiredCount=count
        )
    site.good("ecs.cluster", "larkspur-main", "compliance", "has container insights")
    site.bad("ecs.cluster", "larkspur-test", "compliance", "has no container insights")
    site.good("ecs.task_definition", "larkspur-shop", "security", "holds no secrets")
    site.bad("ecs.task_definition", "larkspur-worker", "security", "secret in environment")
    site.bad("ecs.task_definition", "larkspur-worker", "security", "runs privileged")
    site.good("ecs.service", "larkspur-shop", "architecture", "runs two tasks")
    site.bad("ecs.service", "larkspur-worker", "architecture", "runs one task")


def _task(site: Site, name: str, variables: dict[str, str], **more: Any) -> None:
    environment = [{"name": key, "value": value} for key, value in variables.items()]
    log = {"awslogs-group": "/larkspur/legacy-app", "awslogs-region": site.region}
    site.client("ecs").register_task_definition(
        family=name,
        taskRoleArn=site.ids["larkspur-tasks"],
        containerDefinitions=[
            {
                "name": "app",
                "image": f"{name}:1",
                "memory": 256,
                "cpu": 128,
                "essential": True,
                "environment": environment,
                "logConfiguration": {"logDriver": "awslogs", "options": log},
                **more,
            }
        ],
    )


def kubernetes(site: Site) -> None:
    """Make a closed Kubernetes cluster and an open, old one."""
    eks = site.client("eks")
    subnets = [site.ids["larkspur-private-a"], site.ids["larkspur-private-b"]]
    everything = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
    eks.create_cluster(
        name="larkspur-closed",
        version="1.33",
        roleArn=site.ids["larkspur-eks"],
        tags=tag_map("larkspur-closed"),
        resourcesVpcConfig={
            "subnetIds": subnets,
            "endpointPublicAccess": False,
            "endpointPrivateAccess": True,
        },
        logging={"clusterLogging": [{"types": everything, "enabled": True}]},
        encryptionConfig=[
            {"resources": ["secrets"], "provider": {"keyArn": site.ids["larkspur-data"]}}
        ],
    )
    eks.create_cluster(
        name="larkspur-open",
        version="1.23",
        roleArn=site.ids["larkspur-eks"],
        resourcesVpcConfig={
            "subnetIds": subnets,
            "endpointPublicAccess": True,
            "publicAccessCidrs": ["0.0.0.0/0"],
        },
        logging={"clusterLogging": [{"types": everything, "enabled": False}]},
    )
    site.good("eks.cluster", "larkspur-closed", "security", "has no public endpoint")
    site.bad("eks.cluster", "larkspur-open", "security", "its endpoint is open to the internet")
    site.good("eks.cluster", "larkspur-closed", "compliance", "logs its control plane")
    site.bad("eks.cluster", "larkspur-open", "compliance", "does not log its control plane")


def stacks(site: Site) -> None:
    """Make a stack with a password among its parameters, and one without parameters."""
    topic = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    secret = topic | {"Parameters": {"DatabasePassword": {"Type": "String"}}}
    formation = site.client("cloudformation")
    formation.create_stack(
        StackName="larkspur-legacy",
        TemplateBody=json.dumps(secret),
        Parameters=[{"ParameterKey": "DatabasePassword", "ParameterValue": CANARY_STACK}],
    )
    formation.create_stack(
        StackName="larkspur-base", TemplateBody=json.dumps(topic), Tags=tags("larkspur-base")
    )
    site.made("sns.topic", "larkspur-legacy", "larkspur-base")
    site.bad("cloudformation.stack", "larkspur-legacy", "security", "secret in a parameter")
    site.good("cloudformation.stack", "larkspur-base", "security", "has no parameters")


def certificates(site: Site) -> None:
    """Import a certificate that lasts a year and one that ends in ten days."""
    acm = site.client("acm")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for host, days in (("shop.larkspur.example", 365), ("old.larkspur.example", 10)):
        arn = acm.import_certificate(
            Certificate=_certificate(key, host, days), PrivateKey=private, Tags=tags(host)
        )["CertificateArn"]
        site.ids.setdefault("certificate", arn)
    site.good("acm.certificate", "shop.larkspur.example", "security", "lasts a year")
    site.bad("acm.certificate", "old.larkspur.example", "security", "ends in ten days")


def _certificate(key: rsa.RSAPrivateKey, host: str, days: int) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = utc_now()
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1))
    builder = builder.not_valid_after(now + timedelta(days=days))
    names = x509.SubjectAlternativeName([x509.DNSName(host)])
    certificate = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    return certificate.public_bytes(serialization.Encoding.PEM)
