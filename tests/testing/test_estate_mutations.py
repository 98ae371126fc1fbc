from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from tests.testing.conftest import Second

from cloudsealed.testing.estate import EstateError, deploy
from cloudsealed.testing.estate_mutations import EstateEditor


@pytest.fixture(scope="module")
def editor(second: Second) -> EstateEditor:
    return EstateEditor(second.emulator.endpoint)


def test_a_mended_bucket_has_no_policy_and_is_closed(editor: EstateEditor) -> None:
    editor.mend_bucket("larkspur-public-assets")
    s3 = editor.site.client("s3")
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket="larkspur-public-assets")
    block = s3.get_public_access_block(Bucket="larkspur-public-assets")
    assert all(block["PublicAccessBlockConfiguration"].values())


def test_a_spoiled_bucket_is_open_and_keeps_no_versions(editor: EstateEditor) -> None:
    editor.spoil_bucket("larkspur-records")
    s3 = editor.site.client("s3")
    with pytest.raises(ClientError, match="NoSuchPublicAccessBlockConfiguration"):
        s3.get_public_access_block(Bucket="larkspur-records")
    assert s3.get_bucket_versioning(Bucket="larkspur-records")["Status"] == "Suspended"


def test_a_deleted_bucket_is_listed_no_more(editor: EstateEditor) -> None:
    editor.delete_bucket("larkspur-uploads")
    buckets = editor.site.client("s3").list_buckets()["Buckets"]
    assert "larkspur-uploads" not in {bucket["Name"] for bucket in buckets}


def test_groups_open_and_close(editor: EstateEditor) -> None:
    ec2 = editor.site.client("ec2")
    opened = editor.add_open_group()
    editor.close_group("larkspur-bastion")
    groups = {
        group["GroupName"]: group for group in ec2.describe_security_groups()["SecurityGroups"]
    }
    assert groups["larkspur-new-bastion"]["GroupId"] == opened
    assert groups["larkspur-new-bastion"]["IpPermissions"][0]["FromPort"] == 22
    assert groups["larkspur-bastion"]["IpPermissions"] == []


def test_volumes_and_instances_go(editor: EstateEditor) -> None:
    ec2 = editor.site.client("ec2")
    editor.delete_volume("larkspur-spare")
    ended = editor.terminate_instance("larkspur-legacy")
    query = [{"Name": "tag:Name", "Values": ["larkspur-spare"]}]
    assert ec2.describe_volumes(Filters=query)["Volumes"] == []
    found = ec2.describe_instances(InstanceIds=[ended])["Reservations"][0]["Instances"][0]
    assert found["State"]["Name"] in ("shutting-down", "terminated")
    with pytest.raises(EstateError, match="no volume larkspur-spare"):
        editor.delete_volume("larkspur-spare")


def test_a_second_deployment_is_refused(second: Second) -> None:
    with pytest.raises(EstateError, match="The sample estate stopped at"):
        deploy(second.emulator.endpoint)
