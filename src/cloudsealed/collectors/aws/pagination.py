"""How AWS pages a list, read from botocore's own models; no operation is named here.

Where a service's model says nothing of pages, a member of a request that is called as the token of
an answer is, or as Lightsail's are, names the next one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.exceptions import DataNotFoundError
from botocore.model import OperationModel, ServiceModel

from cloudsealed.collectors.aws.models import models
from cloudsealed.collectors.paths import names_in, read

_TOKENS = (
    *((name, name) for name in ("NextMarker", "NextToken", "nextToken")),
    ("pageToken", "nextPageToken"),
)
"""What AWS calls the token of a page, in a request and in an answer."""


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


def _by_token(service: str, operation: str) -> Mapping[str, Any] | None:
    model = operation_model(service, operation)
    asked, told = model.input_shape, model.output_shape
    if asked is None or told is None:
        return None
    for given, found in _TOKENS:
        if given in asked.members and found in told.members:
            return {"input_token": given, "output_token": found}
    return None


@cache
def pager(service: str, operation: str) -> Pager | None:
    """Return how `operation` is paged; None when its answer is always whole."""
    found = _paginators(service).get(operation) or _by_token(service, operation)
    if found is None:
        return None
    inputs, outputs = _several(found["input_token"]), _several(found["output_token"])
    return Pager(inputs, outputs, found.get("more_results"))


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
