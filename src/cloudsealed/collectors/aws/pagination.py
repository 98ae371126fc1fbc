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
        return _unlisted(service, operation)
    inputs, outputs = _several(found["input_token"]), _several(found["output_token"])
    return Pager(inputs, outputs, found.get("more_results"))


# What the members that name a page are called where botocore lists no paginator for an operation
# that has pages all the same, as those of WAF, SES and some of EventBridge.
_TOKENS = ("NextMarker", "NextToken", "nextToken")


def _unlisted(service: str, operation: str) -> Pager | None:
    """Return the pager of an operation that takes the member that its own answers end with."""
    model = operation_model(service, operation)
    shapes = (model.input_shape, model.output_shape)
    for token in _TOKENS:
        if all(shape is not None and token in shape.members for shape in shapes):
            return Pager((token,), (token,), None)
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
