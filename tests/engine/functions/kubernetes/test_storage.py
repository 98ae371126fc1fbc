"""What mounts a claim, and what a storage class says of its volumes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cloudsealed.engine import EvaluationError

Evaluate = Callable[..., Any]
NAMED = {"name": "v", "persistentVolumeClaim": {"claimName": "data"}}
EPHEMERAL = {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}}
BARE = {"name": "v", "emptyDir": {}}


def pod(*volumes: Any, name: str = "web") -> Any:
    return {"metadata": {"name": name}, "spec": {"containers": [], "volumes": [*volumes]}}


def stateful(replicas: int | None, start: int | None = None) -> Any:
    spec = {
        "template": {"spec": {"containers": []}},
        "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
        **({} if replicas is None else {"replicas": replicas}),
        **({} if start is None else {"ordinals": {"start": start}}),
    }
    return {"metadata": {"name": "db"}, "spec": spec}


@pytest.mark.parametrize(
    ("workload", "claim", "mounted"),
    [
        (pod(BARE, NAMED), "data", True),
        (pod(BARE), "data", False),
        (pod(EPHEMERAL), "web-scratch", True),
        (pod(EPHEMERAL, name="other"), "web-scratch", False),
        ({"spec": {"template": pod(NAMED)}}, "data", True),
        ({"metadata": {"name": "web"}, "spec": {"template": pod(EPHEMERAL)}}, "web-scratch", False),
        (stateful(2), "data-db-0", True),
        (stateful(2), "data-db-1", True),
        (stateful(2), "data-db-2", False),
        (stateful(None), "data-db-0", True),
        (stateful(0), "data-db-0", False),
        (stateful(2, start=5), "data-db-6", True),
        (stateful(2, start=5), "data-db-1", False),
        (stateful(2), "data-db-00", False),
        (stateful(2), "data-db-", False),
        (stateful(2), "data-dbs-0", False),
    ],
)
def test_a_workload_mounts_the_claims_of_its_pods(
    workload: Any, claim: str, mounted: bool, value_of: Evaluate
) -> None:
    assert value_of("mounts_claim(w, c)", w=workload, c=claim) is mounted


def test_what_has_no_pods_mounts_nothing_and_says_so(value_of: Evaluate) -> None:
    with pytest.raises(EvaluationError, match="has no pods"):
        value_of('mounts_claim(w, "data")', w={"metadata": {"name": "x"}, "spec": {}})


@pytest.mark.parametrize(
    ("provisioner", "parameters", "encrypted"),
    [
        ("ebs.csi.aws.com", {"encrypted": "true"}, True),
        ("ebs.csi.aws.com", {"Encrypted": "true"}, True),
        ("ebs.csi.aws.com", {"encrypted": "True"}, False),
        ("ebs.csi.aws.com", {"type": "gp3"}, False),
        ("ebs.csi.aws.com", None, False),
        ("kubernetes.io/aws-ebs", {"encrypted": "True"}, True),
        ("disk.csi.azure.com", {}, None),
        ("pd.csi.storage.gke.io", {"type": "pd-ssd"}, None),
    ],
)
def test_a_class_encrypts_where_its_driver_is_told_so_by_it(
    provisioner: str, parameters: Any, encrypted: bool | None, value_of: Evaluate
) -> None:
    document = {"provisioner": provisioner, "parameters": parameters}
    assert value_of("encrypts(c)", c=document) is encrypted


@pytest.mark.parametrize(
    ("provisioner", "parameters", "zonal"),
    [
        ("ebs.csi.aws.com", {}, True),
        ("efs.csi.aws.com", {}, False),
        ("pd.csi.storage.gke.io", {"type": "pd-ssd"}, True),
        ("pd.csi.storage.gke.io", {"replication-type": "regional-pd"}, False),
        ("pd.csi.storage.gke.io", {"type": "hyperdisk-balanced-high-availability"}, False),
        ("disk.csi.azure.com", {"skuName": "Premium_LRS"}, True),
        ("disk.csi.azure.com", {"skuName": "Premium_ZRS"}, False),
        ("rancher.io/local-path", None, False),
    ],
)
def test_disks_of_a_zone_are_those_that_no_other_zone_attaches(
    provisioner: str, parameters: Any, zonal: bool, value_of: Evaluate
) -> None:
    document = {"provisioner": provisioner, "parameters": parameters}
    assert value_of("is_zonal(c)", c=document) is zonal


@pytest.mark.parametrize(
    ("notes", "default"),
    [
        ({"storageclass.kubernetes.io/is-default-class": "true"}, True),
        ({"storageclass.beta.kubernetes.io/is-default-class": "true"}, True),
        ({"storageclass.kubernetes.io/is-default-class": "false"}, False),
        ({}, False),
    ],
)
def test_an_annotation_makes_a_class_the_default(
    notes: Any, default: bool, value_of: Evaluate
) -> None:
    assert value_of("is_default_class(c)", c={"metadata": {"annotations": notes}}) is default


@pytest.mark.parametrize(
    ("notes", "spec", "name"),
    [
        ({}, {"storageClassName": "fast"}, "fast"),
        ({}, {"storageClassName": ""}, ""),
        ({}, {}, None),
        ({"volume.beta.kubernetes.io/storage-class": "old"}, {"storageClassName": "fast"}, "old"),
        ({"volume.alpha.kubernetes.io/storage-class": "older"}, {}, None),
    ],
)
def test_a_claim_names_its_class_in_a_field_or_as_it_once_did(
    notes: Any, spec: Any, name: str | None, value_of: Evaluate
) -> None:
    claim = {"metadata": {"annotations": notes}, "spec": spec}
    assert value_of("class_of(c)", c=claim) == name
