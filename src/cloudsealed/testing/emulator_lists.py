"""What AWS answers and moto does not, or not as asked: put in moto's place once a process.

DescribeSnapshots by owners and restorable users; GetAccountAuthorizationDetails by entities and in
pages; ListBuckets with the region of each; GetResources with the services that moto's tagging API
forgets; ListProtectedResources, of none; GetSnapshotBlockPublicAccessState, of nothing blocked. It
refuses to change what a call for a single resource answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from moto.backup import urls as backup_urls
from moto.backup.responses import BackupResponse
from moto.cloudtrail.models import cloudtrail_backends
from moto.core.resource_tagging import TaggedResource, make_tag_matcher, match_resource_type
from moto.core.responses import ActionResult
from moto.ec2.models import ec2_backends
from moto.ec2.responses.elastic_block_store import ElasticBlockStore
from moto.ecr.models import ecr_backends
from moto.elb.models import elb_backends
from moto.iam.models import iam_backends
from moto.iam.responses import IamResponse
from moto.resourcegroupstaggingapi.models import ResourceGroupsTaggingAPIBackend
from moto.route53.models import route53_backends
from moto.s3.responses import S3Response
from moto.utilities.utils import get_partition

from cloudsealed.testing.emulator_held import ANYWHERE

_FIRST_REGIONS = frozenset({"us-east-1", "cn-north-1", "us-gov-west-1"})
_ENTITIES: Mapping[str, str] = {
    "User": "UserDetailList",
    "Group": "GroupDetailList",
    "Role": "RoleDetailList",
    "LocalManagedPolicy": "Policies",
    "AWSManagedPolicy": "Policies",
}
_OF_BUCKETS = ("prefix", "bucket_region", "max_buckets")
_of_moto = ResourceGroupsTaggingAPIBackend._get_resources_generator


_told: dict[tuple[str, str], dict[str, dict[str, str]]] = {}


def tell_tags(account: str, region: str, tags: Mapping[str, dict[str, str]]) -> None:
    """Let GetResources tell of tags, by ARN, of resources that moto has not."""
    _told.setdefault((account, region), {}).update(tags)


def install() -> None:
    """Have this process's moto answer these lists as AWS does."""
    ElasticBlockStore.describe_snapshots = _describe_snapshots  # type: ignore[method-assign]
    ElasticBlockStore.get_snapshot_block_public_access_state = _unblocked  # type: ignore[attr-defined]
    IamResponse.get_account_authorization_details = _details  # type: ignore[method-assign]
    S3Response.all_buckets = _buckets  # type: ignore[method-assign]
    ResourceGroupsTaggingAPIBackend._get_resources_generator = _tagged  # type: ignore[method-assign]
    BackupResponse.list_protected_resources = _protected  # type: ignore[attr-defined]
    backup_urls.url_paths["{0}/resources/?$"] = BackupResponse.dispatch


def _describe_snapshots(self: Any) -> ActionResult:
    """EC2 API Reference, DescribeSnapshots: without owners and users all that one may restore."""
    account, region = self.current_account, self.region
    named = self._get_param("SnapshotIds", [])
    filters = self._filters_from_querystring()
    found = [
        snapshot
        for owner in ec2_backends
        for snapshot in ec2_backends[owner][region].describe_snapshots(filters=filters)
        if account == owner or _is_shared(snapshot, account)
    ]
    if named:
        ec2_backends[account][region].describe_snapshots(named)  # an unknown id is an error
        found = [each for each in found if each.id in named]
    if owners := self._get_param("OwnerIds", []):
        wanted = {account if owner == "self" else owner for owner in owners}
        found = [each for each in found if each.owner_id in wanted]
    if users := self._get_param("RestorableByUserIds", []):
        found = [each for each in found if any(_restores(each, user, account) for user in users)]
    return _page(found, self._get_param("NextToken"), self._get_param("MaxResults"))


def _protected(self: Any) -> ActionResult:
    """AWS Backup API Reference, ListProtectedResources: moto saves nothing."""
    return ActionResult({"Results": []})


def _unblocked(self: Any) -> ActionResult:
    """EC2 API Reference, GetSnapshotBlockPublicAccessState: moto blocks nothing."""
    return ActionResult({"State": "unblocked"})


def _is_shared(snapshot: Any, account: str) -> bool:
    return (
        "all" in snapshot.create_volume_permission_groups
        or account in snapshot.create_volume_permission_userids
    )


def _restores(snapshot: Any, user: str, account: str) -> bool:
    if user == "all":
        return "all" in snapshot.create_volume_permission_groups
    if user == "self":
        shared_with = snapshot.create_volume_permission_userids
        return snapshot.owner_id == account or account in shared_with
    return user in snapshot.create_volume_permission_userids


def _page(found: Sequence[Any], token: str | None, most: int | str | None) -> ActionResult:
    start, size = int(token or 0), int(most or 0) or len(found)
    end = start + size
    after = {"NextToken": str(end)} if end < len(found) else {}
    return ActionResult({"Snapshots": found[start:end], **after})


def _details(self: Any) -> ActionResult:
    """IAM API Reference, GetAccountAuthorizationDetails: a page has some of each entity."""
    iam = self.backend
    wanted = self._get_param("Filter", []) or list(_ENTITIES)
    of_aws = {policy.arn for policy in iam.aws_managed_policies}
    everything: dict[str, list[Any]] = {
        "User": list(iam.users.values()),
        "Group": list(iam.groups.values()),
        "Role": list(iam.roles.values()),
        "LocalManagedPolicy": [p for p in iam.managed_policies.values() if p.arn not in of_aws],
        "AWSManagedPolicy": [p for p in iam.managed_policies.values() if p.arn in of_aws],
    }
    listed = [(kind, each) for kind in everything if kind in wanted for each in everything[kind]]
    start = int(self._get_param("Marker") or 0)
    end = start + int(self._get_param("MaxItems") or 100)
    result: dict[str, Any] = {name: [] for name in _ENTITIES.values()}
    for kind, each in listed[start:end]:
        result[_ENTITIES[kind]].append(each)
    more = end < len(listed)
    return ActionResult({**result, "IsTruncated": more, **({"Marker": str(end)} if more else {})})


def _buckets(self: Any) -> Any:
    """S3 API Reference, ListBuckets: with any parameter it says the region of each bucket."""
    self.data["Action"] = "ListAllMyBuckets"
    self._authenticate_and_authorize_s3_action()
    asked = {name: self._get_param(name.replace("_", "-")) for name in _OF_BUCKETS}
    where = any(asked.values())
    buckets = [
        {
            "Name": each.name,
            "CreationDate": each.creation_date_ISO8601,
            **({"BucketRegion": each.region_name} if where else {}),
        }
        for each in self.backend.list_buckets(**asked)
    ]
    self.data["Action"] = "ListBuckets"
    return self.serialized(ActionResult({"Owner": {"ID": "0" * 32}, "Buckets": buckets}))


def _tagged(
    self: Any,
    tag_filters: Any = None,
    resource_type_filters: Any = None,
    resource_arn_list: list[str] | None = None,
) -> Iterator[TaggedResource]:
    known = _of_moto(self, tag_filters, resource_type_filters, resource_arn_list)
    matches = make_tag_matcher(tag_filters)
    forgotten = (
        each
        for each in _forgotten(self.account_id, self.region_name)
        if each.tags
        and match_resource_type(each.resource_type, resource_type_filters)
        and matches(each.tags)
        and (not resource_arn_list or each.arn in resource_arn_list)
    )
    return chain((each for each in known if not each.resource_type.startswith("elb:")), forgotten)


def _forgotten(account: str, region: str) -> Iterator[TaggedResource]:
    partition = get_partition(region)
    for name, balancer in elb_backends[account][region].load_balancers.items():
        arn = f"arn:{partition}:elasticloadbalancing:{region}:{account}:loadbalancer/{name}"
        kind = "elasticloadbalancing:loadbalancer"
        yield TaggedResource(arn, dict(balancer.tags or {}), kind)
    ecr = ecr_backends[account][region]
    for repository in ecr.repositories.values():
        tags = ecr.tagger.get_tag_dict_for_resource(repository.arn)
        yield TaggedResource(repository.arn, tags, "ecr:repository")
    cloudtrail = cloudtrail_backends[account][region]
    for trail in cloudtrail.trails.values():
        tags = cloudtrail.tagging_service.get_tag_dict_for_resource(trail.arn)
        yield TaggedResource(trail.arn, tags, "cloudtrail:trail")
    places = (region, ANYWHERE) if region in _FIRST_REGIONS else (region,)
    for place in places:
        for arn, told in _told.get((account, place), {}).items():
            yield TaggedResource(arn, told, kind_of(arn))
    if region in _FIRST_REGIONS:
        yield from _of_the_partition(account, partition)


def kind_of(arn: str) -> str:
    """Return `service:type` of an ARN, as the tagging API's filters name it."""
    service, _, _, rest = arn.split(":", 5)[2:]
    kind = re.split("[/:]", rest, maxsplit=1)
    return f"{service}:{kind[0]}" if len(kind) > 1 else service


def _of_the_partition(account: str, partition: str) -> Iterator[TaggedResource]:
    for policy in iam_backends[account][partition].managed_policies.values():
        tags = {tag["Key"]: tag["Value"] for tag in policy.tags.values()}
        yield TaggedResource(policy.arn, tags, "iam:policy")
    route53 = route53_backends[account][partition]
    for ident in route53.zones:
        arn = f"arn:{partition}:route53:::hostedzone/{ident}"
        yield TaggedResource(arn, dict(route53.list_tags_for_resource(ident)), "route53:hostedzone")
