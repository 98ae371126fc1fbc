"""The providers that there are; each is imported when it is first asked for, with what it needs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import cast

from cloudsealed.collectors.aws import fields as aws
from cloudsealed.collectors.kubernetes import fields as kubernetes
from cloudsealed.collectors.provider import CloudProvider
from cloudsealed.kit.shapes import Part
from cloudsealed.vocabulary import ConnectionMethod, Provider


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a provider before its module, which has it as PROVIDER, is imported.

    `option` names the operator's choice of credentials and `option_help` says what it is; `account`
    is an account of it in English, as in "Audit an AWS account". `account_type` is the name and the
    number that OCSF has for its accounts. `fields` are what only its connections say, `methods` the
    ways to credentials, each with the field that goes with it alone; the first one needs none.
    `region` is what the names of its regions look like, and `example` a connection's body. Where
    files may stand for an account, `files` says which, the option that names the account, and what
    that is.
    """

    module: str
    title: str
    account: str
    option: str
    option_help: str
    account_type: tuple[str, int]
    fields: Mapping[str, Part]
    methods: Mapping[ConnectionMethod, str | None]
    region: re.Pattern[str]
    files: tuple[str, str, str] | None
    example: Mapping[str, str]


PROVIDERS: Mapping[Provider, Known] = MappingProxyType(
    {
        Provider.AWS: Known(
            module="cloudsealed.collectors.aws.provider",
            title="AWS",
            account="an AWS account",
            option="profile",
            option_help="AWS profile; default: the SDK's own chain.",
            account_type=("AWS Account", 10),
            fields=aws.FIELDS,
            methods=aws.METHODS,
            region=aws.REGION,
            files=None,
            example=aws.EXAMPLE,
        ),
        Provider.KUBERNETES: Known(
            module="cloudsealed.collectors.kubernetes.provider",
            title="Kubernetes",
            account="a Kubernetes cluster",
            option="context",
            option_help="Context of the kubeconfig; default: its current one.",
            account_type=("Other", 99),
            fields=kubernetes.FIELDS,
            methods=kubernetes.METHODS,
            region=kubernetes.REGION,
            files=(
                "Manifests to audit in place of a cluster: a file or a folder; repeatable.",
                "cluster",
                "The name of the cluster that imported files are of.",
            ),
            example=kubernetes.EXAMPLE,
        ),
    }
)


@cache
def provider_of(name: str) -> CloudProvider:
    """Return a provider by its name; raises ValueError for one that there is not."""
    return cast(CloudProvider, import_module(PROVIDERS[Provider(name)].module).PROVIDER)
