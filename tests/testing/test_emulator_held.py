"""What the emulator holds is answered in the protocol of its service, where and when it should."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.testing.conftest import make_client

from cloudsealed.testing.emulator import Emulator, EmulatorError, control
from cloudsealed.testing.estate_site import MAIN_ACCOUNT, SECOND_ACCOUNT

BOOKS = f"arn:aws:kafka:eu-west-1:{MAIN_ACCOUNT}:cluster/books/0a1b"
SOLD = f"arn:aws:kafka:eu-west-1:{MAIN_ACCOUNT}:cluster/sold/2c3d"
MADE = "2026-01-01T00:00:00+00:00"


@pytest.fixture(scope="module")
def holding() -> Iterator[Emulator]:
    """An emulator of its own, with something of each protocol."""
    with Emulator() as emulator:
        hold(
            emulator, "kafka", ("ListClustersV2", {}, {"ClusterInfoList": [{"ClusterArn": BOOKS}]})
        )
        for arn in (BOOKS, SOLD):
            hold(emulator, "kafka", ("GetClusterPolicy", {"ClusterArn": arn}, {"Policy": arn}))
        distributions = {"Marker": "", "MaxItems": 9, "IsTruncated": False, "Quantity": 0}
        listed = {"DistributionList": {**distributions, "Items": []}}
        hold(emulator, "cloudfront", ("ListDistributions", {}, listed), region="*")
        defaults = {"AccountLevel": {"HttpTokens": "required"}}
        hold(emulator, "ec2", ("GetInstanceMetadataDefaults", {}, defaults))
        clusters = {"Clusters": [{"ClusterIdentifier": "sales", "ClusterCreateTime": MADE}]}
        hold(emulator, "redshift", ("DescribeClusters", {}, clusters))
        machines = {"stateMachines": []}
        hold(emulator, "stepfunctions", ("ListStateMachines", {}, machines))
        agent = {"agentId": "A", "agentName": "a", "agentStatus": "PREPARED", "updatedAt": MADE}
        hold(emulator, "bedrock-agent", ("ListAgents", {}, {"agentSummaries": [agent]}))
        broker = {"BrokerId": "b-1", "BrokerName": "jobs"}
        hold(emulator, "mq", ("DescribeBroker", {"BrokerId": "b-1"}, broker))
        yield emulator


def hold(
    emulator: Emulator,
    service: str,
    *answers: tuple[str, dict[str, Any], dict[str, Any]],
    account: str = MAIN_ACCOUNT,
    region: str = "eu-west-1",
    tags: dict[str, dict[str, str]] | None = None,
) -> dict[str, Any]:
    said = [
        {"operation": operation, "when": when, "answer": answer}
        for operation, when, answer in answers
    ]
    place = {"account": account, "region": region, "service": service}
    return control(
        emulator.endpoint, "POST", "hold", {**place, "answers": said, "tags": tags or {}}
    )


def test_every_protocol_is_written(holding: Emulator) -> None:
    def ask(service: str, operation: str) -> Any:
        return getattr(make_client(holding.endpoint, service), operation)()

    assert ask("kafka", "list_clusters_v2")["ClusterInfoList"] == [{"ClusterArn": BOOKS}]
    assert ask("cloudfront", "list_distributions")["DistributionList"]["Quantity"] == 0
    assert ask("ec2", "get_instance_metadata_defaults")["AccountLevel"]["HttpTokens"] == "required"
    [cluster] = ask("redshift", "describe_clusters")["Clusters"]
    assert cluster["ClusterCreateTime"].isoformat() == MADE
    assert ask("stepfunctions", "list_state_machines")["stateMachines"] == []
    [agent] = ask("bedrock-agent", "list_agents")["agentSummaries"]
    assert agent["updatedAt"].isoformat() == MADE


def test_the_parameters_choose_also_those_that_stand_encoded_in_the_path(holding: Emulator) -> None:
    kafka = make_client(holding.endpoint, "kafka")
    for arn in (BOOKS, SOLD):
        assert kafka.get_cluster_policy(ClusterArn=arn)["Policy"] == arn
    with pytest.raises(ClientError):
        kafka.get_cluster_policy(ClusterArn=f"{BOOKS}-older")


def test_another_account_and_another_region_have_nothing_of_it(holding: Emulator) -> None:
    broker = {"BrokerName": "b", "BrokerState": "RUNNING", "DeploymentMode": "SINGLE_INSTANCE"}
    listed = {"BrokerSummaries": [{**broker, "EngineType": "RABBITMQ"}]}
    hold(holding, "mq", ("ListBrokers", {}, listed), region="eu-central-1")
    hold(holding, "mq", ("ListBrokers", {}, listed), account=SECOND_ACCOUNT)
    mq = make_client(holding.endpoint, "mq")
    assert mq.list_brokers()["BrokerSummaries"] == []
    hold(holding, "mq", ("ListBrokers", {}, listed))
    assert len(mq.list_brokers()["BrokerSummaries"]) == 1


def test_tags_are_told_by_the_tagging_api(holding: Emulator) -> None:
    hold(holding, "kafka", tags={BOOKS: {"owner": "platform"}})
    tagging = make_client(holding.endpoint, "resourcegroupstaggingapi")
    found = tagging.get_resources(ResourceTypeFilters=["kafka:cluster"])["ResourceTagMappingList"]
    assert found == [{"ResourceARN": BOOKS, "Tags": [{"Key": "owner", "Value": "platform"}]}]


@pytest.mark.parametrize(
    ("operation", "answer", "said"),
    [
        ("ListClustersV2", {"Clusters": []}, "must be one of: ClusterInfoList, NextToken"),
        ("ListClustersV2", {"ClusterInfoList": "none"}, "valid types"),
        ("ListBrokers", {}, "AWS has no kafka:ListBrokers"),
    ],
)
def test_what_the_operation_does_not_answer_is_refused(
    holding: Emulator, operation: str, answer: dict[str, Any], said: str
) -> None:
    with pytest.raises(EmulatorError, match=said):
        hold(holding, "kafka", (operation, {}, answer))


def test_a_label_of_a_path_may_have_a_dash(holding: Emulator) -> None:
    """Amazon MQ API Reference, Brokers: `/v1/brokers/{broker-id}`."""
    mq = make_client(holding.endpoint, "mq")
    assert mq.describe_broker(BrokerId="b-1")["BrokerName"] == "jobs"


def test_a_list_without_resources_is_there_and_empty(holding: Emulator) -> None:
    """As AWS answers it, in XML and in JSON: what leaves a list out is no answer at all."""
    rds = make_client(holding.endpoint, "rds")
    assert rds.describe_pending_maintenance_actions()["PendingMaintenanceActions"] == []
    gateways = make_client(holding.endpoint, "storagegateway")
    assert gateways.list_gateways()["Gateways"] == []
