"""No remediation takes something away without saying so, and without something to do before."""

from __future__ import annotations

import pytest
from tests.grouped import each_policy_of

from cloudsealed.packs import PolicySpec, load_policies
from cloudsealed.packs.danger import UNSAID, caution_of, dangerous_words, dangers

each_policy = each_policy_of(load_policies())


@each_policy
def test_a_built_in_remedy_that_takes_away_says_so_and_has_a_safer_first(
    policy: PolicySpec,
) -> None:
    remedy = policy.remediation
    assert remedy is not None
    found = dangers(remedy.as_dict())
    assert (remedy.caution is not None) == bool(found), found
    assert (remedy.first is not None) == bool(found), found


@each_policy
def test_what_comes_first_takes_nothing_away(policy: PolicySpec) -> None:
    assert policy.remediation is not None
    assert list(dangerous_words(policy.remediation.first or "")) == []


@pytest.mark.parametrize(
    "line",
    [
        "aws ec2 delete-volume --volume-id v",
        "aws ec2 terminate-instances --instance-ids i",
        "aws ec2 revoke-security-group-ingress --group-id g",
        "aws iam detach-role-policy --role-name r",
        "aws ec2 release-address --allocation-id a",
        "aws s3api put-bucket-policy --bucket b --policy file://p",
        "aws sqs set-queue-attributes --queue-url u --attributes file://a",
        "aws kms schedule-key-deletion --key-id k",
        "aws s3 rm s3://b --recursive",
        "aws s3 rb s3://b --force",
        "aws ec2 modify-instance-attribute --instance-id i --groups g",
        'aws ec2 modify-image-attribute --image-id i --launch-permission "Remove=[{Group=all}]"',
        "aws iam update-account-password-policy --minimum-password-length 14",
        "aws rds modify-db-instance --engine-version 16 --allow-major-version-upgrade",
        "aws sns unsubscribe --subscription-arn s",
        "aws ssm modify-document-permission --name d --account-ids-to-remove all",
        "aws ssm send-command --parameters Operation=Install,RebootOption=RebootIfNeeded",
        "aws acm-pca update-certificate-authority --status DISABLED",
        "aws backup update-backup-plan --backup-plan-id p --backup-plan file://p",
        "aws cognito-idp update-user-pool --user-pool-id p --cli-input-json file://p",
        "aws cognito-idp update-user-pool-client --user-pool-id p --client-id c",
        "aws cognito-identity update-identity-pool --cli-input-json file://p",
        "aws iam create-policy-version --policy-arn p --set-as-default",
        "kubectl delete pod p",
        "kubectl replace --force -f p.yaml",
        "gcloud compute instances delete i --quiet",
        "gcloud projects remove-iam-policy-binding p",
        "az vm stop --name v",
        "az storage account delete --yes",
        "terraform destroy",
        "Remove-AzVM -Name v",
        "aws logs describe-log-groups && aws logs delete-log-group --log-group-name g",
    ],
)
def test_a_command_that_takes_away_is_known(line: str) -> None:
    assert list(dangerous_words(line)) != []


@pytest.mark.parametrize(
    "line",
    [
        "aws ec2 describe-volumes --volume-ids v",
        "aws ec2 create-snapshot --volume-id v",
        "aws rds create-db-instance --db-instance-class c --engine-version 16",
        "aws kms cancel-key-deletion --key-id k",
        "aws kms enable-key-rotation --key-id k",
        "aws s3api get-bucket-policy --bucket deleted-things",
        "aws ec2 create-flow-logs --traffic-type REJECT",
        "aws rds modify-db-instance --db-instance-identifier d --deletion-protection",
    ],
)
def test_a_command_that_looks_or_adds_is_none(line: str) -> None:
    assert list(dangerous_words(line)) == []


@pytest.mark.parametrize(
    "terraform",
    [
        'resource "aws_ebs_volume" "v" {\n  encrypted = true\n}',
        'resource "aws_default_security_group" "g" {}',
        'resource "aws_instance" "i" {\n  associate_public_ip_address = false\n}',
    ],
)
def test_terraform_that_makes_anew_or_owns_a_whole_list_is_known(terraform: str) -> None:
    assert dangers({"summary": "Do it.", "terraform": terraform})
    assert not dangers({"summary": "Do it.", "terraform": "tags = {}"})


def test_what_does_not_say_what_it_takes_away_is_said_to_by_us() -> None:
    silent = {"summary": "Do it.", "cli": "kubectl delete pod p"}
    assert caution_of(silent) == UNSAID
    assert caution_of({**silent, "caution": "The pod is gone."}) == "The pod is gone."
    assert caution_of({"summary": "Do it.", "cli": "kubectl get pods"}) is None
