"""How AWS pages a list, read from botocore's own models; no operation is named here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.exceptions import DataNotFoundError
from botocore.model import OperationModel, ServiceModel

from cloudsealed.collectors.aws.models import models
from cloudsealed.collectors.paths import names_in, read


@dataclass(frozen=True, slots=True)
class Pager:
    """The input parameters that name a page and where an answer has them for the next one."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    more: str | None

    def next_token(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of the page after `document`; empty after the last page."""
        if self.more and not read(self.more, document):
            return {}
        values = [read(expression, document) for expression in self.outputs]
        pairs = zip(self.inputs, values, strict=True)
        return {name: value for name, value in pairs if value is not None and value != ""}


@cache
def service_model(service: str) -> ServiceModel:
    """Return botocore's model of `service`."""
    return ServiceModel(models().load_service_model(service, "service-2"), service)


def operation_model(service: str, operation: str) -> OperationModel:
    """Return botocore's model of `operation`; raises OperationNotFoundError."""
    return service_model(service).operation_model(operation)


@cache
def _paginators(service: str) -> Mapping[str, Any]:
    try:
        model: Mapping[str, Any] = models().load_service_model(service, "paginators-1")
    except DataNotFoundError:
        return {}
    pagination: Mapping[str, Any] = model["pagination"]
    return pagination


def _several(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


@cache
def pager(service: str, operation: str) -> Pager | None:
    """Return how `operation` is paged; None when its answer is always whole."""
    found = _paginators(service).get(operation)
    if found is None:
        return _by_its_token(operation_model(service, operation))
    inputs, outputs = _several(found["input_token"]), _several(found["output_token"])
    return Pager(inputs, outputs, found.get("more_results"))


_TOKENS = (
    ("NextMarker", "NextMarker"),
    ("NextToken", "NextToken"),
    ("nextToken", "nextToken"),
    ("pageToken", "nextPageToken"),
)
"""What AWS calls the token of a page, in a request and in the answer before it."""


def _by_its_token(operation: OperationModel) -> Pager | None:
    """Return the pager of an operation that takes the token that it gives, where botocore lists no
    paginator: Direct Connect's, and some of Lightsail's."""
    asked, given = operation.input_shape, operation.output_shape
    for taken, told in _TOKENS:
        if asked and given and taken in asked.members and told in given.members:
            return Pager((taken,), (told,), None)
    return None


@cache
def page_members(service: str, operation: str) -> frozenset[str]:
    """Return every member of an answer that says where the next page begins."""
    found = pager(service, operation)
    return (
        frozenset(name for each in found.outputs for name in names_in(each))
        if found
        else frozenset()
    )


def next_token(service: str, operation: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of the page after `document`; empty when there is none."""
    found = pager(service, operation)
    return found.next_token(document) if found else {}
