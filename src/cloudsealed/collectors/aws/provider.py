"""AWS as a provider: sessions by botocore's chain, regions by EC2, rights by IAM."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudsealed.collectors.aws import permissions
from cloudsealed.collectors.aws.endpoints import ONE_ENDPOINT
from cloudsealed.collectors.aws.models import sdk_version
from cloudsealed.collectors.aws.pagination import next_token
from cloudsealed.collectors.aws.permissions import document
from cloudsealed.collectors.aws.regions import known_regions
from cloudsealed.collectors.aws.rows import ROWS
from cloudsealed.collectors.aws.shapes import shape_of
from cloudsealed.collectors.model import Document, Row, Unit
from cloudsealed.collectors.provider import Brought, Way
from cloudsealed.kit.clock import Clock
from cloudsealed.vocabulary import Provider

if TYPE_CHECKING:
    from cloudsealed.collectors.aws.session import Session


class _Aws:
    name = Provider.AWS
    rows = ROWS
    models = sdk_version()
    exempt = frozenset(
        {
            ("acm", None),
            ("config", None),
            ("kms", None),
            ("resourcegroupstaggingapi", None),
            ("ec2", "DescribeRegions"),
        }
    )
    """What AWS's own region deny leaves out, so that its answers say nothing of the region. Source:
    AWS Control Tower, "Deny access to AWS based on the requested AWS Region", of what rows ask."""

    endpoints = ONE_ENDPOINT["aws"]

    def open(self, way: Way, clock: Clock) -> Session:
        from cloudsealed.collectors.aws.session import opened  # the SDK takes half a second

        return opened(way, clock)

    def brought(self, files: Iterable[Path]) -> Brought:
        return Brought(())

    def next_page(self, unit: Unit, document: Document) -> Mapping[str, Any] | None:
        return next_token(unit.service, unit.operation, document) or None

    def is_stranger(self, error_code: str | None) -> bool:
        from cloudsealed.collectors.aws.answers import unrecognised  # the same

        return unrecognised(error_code)

    def known_regions(self) -> frozenset[str]:
        return known_regions()

    def permission_of(self, service: str, operation: str) -> str:
        return permissions.action_of(service, operation)

    def permissions(self, rows: Iterable[Row]) -> dict[str, Any]:
        return permissions.policy_document(rows)

    def parts(self, whole: Mapping[str, Any]) -> list[dict[str, Any]]:
        return permissions.parts(whole)

    def granting(self, permissions: Iterable[str]) -> dict[str, Any]:
        return document(self.statement(permissions))

    def statement(self, actions: Iterable[str]) -> dict[str, Any]:
        return permissions.statement(actions)

    def trust_statement(self, name: str, way: Way) -> dict[str, Any] | None:
        if way.fields.get("role_arn") is None:
            return None
        return permissions.trust_statement(name, way.fields.get("external_id"))

    def trust_policy(self, name: str, way: Way) -> dict[str, Any] | None:
        statement = self.trust_statement(name, way)
        return document(statement) if statement else None

    def shape_of(self, service: str, operation: str) -> Any:
        return shape_of(service, operation)


PROVIDER = _Aws()
