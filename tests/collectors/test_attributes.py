from __future__ import annotations

import pytest

from cloudsealed.collectors.attributes import attributes_of, filling_calls
from cloudsealed.collectors.registry import RESOURCE_TYPES


def test_enriched_attributes_name_their_call_and_the_rest_the_list():
    calls = filling_calls("aws.s3.bucket")
    assert calls["Policy"] == ("s3", "GetBucketPolicy")
    assert calls["*"] == ("s3", "ListBuckets")


def test_a_singleton_has_no_list_call():
    assert filling_calls("aws.s3.account") == {
        "PublicAccessBlock": ("s3control", "GetPublicAccessBlock")
    }


def test_tags_inside_an_enriched_attribute_come_from_its_call():
    assert filling_calls("aws.eks.cluster")["Tags"] == ("eks", "DescribeCluster")
    assert "Tags" not in filling_calls("aws.ec2.vpc")


@pytest.mark.parametrize(
    ("resource_type", "path"),
    [
        ("aws.ec2.security_group", "IpPermissions IpRanges CidrIp"),
        ("aws.ec2.instance", "MetadataOptions HttpTokens"),
        ("aws.s3.bucket", "Encryption Rules ApplyServerSideEncryptionByDefault SSEAlgorithm"),
        ("aws.s3.bucket", "Versioning Status"),
        ("aws.iam.user", "AccessKeys CreateDate"),
        ("aws.iam.user", "InlinePolicies PolicyDocument"),
        ("aws.kms.key", "Metadata KeyManager"),
        ("aws.ecs.task_definition", "TaskDefinition containerDefinitions environment value"),
        ("aws.ecs.service", "clusterArn"),
        ("k8s.pod", "metadata ownerReferences kind"),
        ("k8s.role_binding", "subjects kind"),
        ("k8s.role_binding", "roleRef kind"),
        ("k8s.horizontal_pod_autoscaler", "spec scaleTargetRef apiVersion"),
        ("aws.eks.cluster", "Cluster resourcesVpcConfig endpointPublicAccess"),
        ("aws.route53.hosted_zone", "HostedZoneId"),
        ("aws.route53.hosted_zone", "Config PrivateZone"),
        ("aws.cloudtrail.trail", "EventSelectors DataResources Type"),
        ("aws.kms.key", "Tags Value"),
        ("aws.sqs.queue", "QueueName"),
    ],
)
def test_attributes_are_known_as_deep_as_aws_describes_them(resource_type, path):
    found = attributes_of(resource_type)
    for step in path.split():
        assert step in found, (step, path)
        found = found[step]


@pytest.mark.parametrize(
    ("resource_type", "path"),
    [("aws.s3.bucket", "Policy"), ("aws.sqs.queue", "Attributes"), ("aws.iam.account", "Summary")],
)
def test_what_aws_does_not_describe_is_free(resource_type, path):
    assert attributes_of(resource_type)[path] is None


def test_every_document_has_tags_and_where_its_provider_has_them_an_id():
    for name, row in RESOURCE_TYPES.items():
        assert {"Tags", *row.naming("")} <= set(attributes_of(name))
    assert "Arn" in attributes_of("aws.ec2.vpc")
    assert "Arn" not in attributes_of("k8s.pod")


def test_an_unknown_type_is_an_error():
    with pytest.raises(KeyError):
        attributes_of("aws.nothing")
