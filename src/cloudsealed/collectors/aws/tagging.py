"""The tags of all resources of a service, by the Resource Groups Tagging API.

It lists what has or had tags, in one region, IAM and Route 53 in the partition's first; of IAM's
users and roles it knows nothing (AWS, "Services that support the Resource Groups Tagging API").
"""

from __future__ import annotations

from cloudsealed.collectors.model import Together


def tags(kind: str, of: str) -> Together:
    """Return the list of the tags of `kind`, a service or `service:type` as in ARNs; `of` is the
    resource's ARN in its document."""
    return Together(
        service="resourcegroupstaggingapi",
        operation="GetResources",
        constants={"ResourceTypeFilters": [kind], "ResourcesPerPage": 100},
        items="ResourceTagMappingList",
        key="ResourceARN",
        of=of,
        fills={"Tags": "sort_by(Tags || `[]`, &Key)"},
        lacking={"Tags": []},
    )
