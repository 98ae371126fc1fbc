"""The SDK's models are those that it would read itself, and are read once a process."""

from __future__ import annotations

import botocore.session
import pytest
from botocore.exceptions import DataNotFoundError

from cloudsealed.collectors.aws.access import AwsAccess, AwsSession
from cloudsealed.collectors.aws.models import models


@pytest.mark.parametrize("kind", ["service-2", "paginators-1", "endpoint-rule-set-1"])
def test_a_model_is_the_one_that_the_sdk_reads(kind: str) -> None:
    theirs = botocore.session.Session().get_component("data_loader")
    anew = type(models())()  # the SDK writes into what it has used
    for service in ("sqs", "iam", "s3control"):
        ours = anew.load_service_model(service, kind)
        assert ours == theirs.load_service_model(service, kind)


def test_a_service_that_there_is_not_has_no_model() -> None:
    with pytest.raises(DataNotFoundError):
        models().load_service_model("sqsx", "service-2")


def test_sessions_share_the_models_and_leave_the_loader_as_it_was() -> None:
    before = models().search_paths
    for _ in range(2):
        session = AwsSession(AwsAccess(region="eu-west-1"))
        model = session.client("sqs", "eu-west-1").meta.service_model
        assert model.metadata is models().load_service_model("sqs", "service-2")["metadata"]
    assert models().search_paths == before
