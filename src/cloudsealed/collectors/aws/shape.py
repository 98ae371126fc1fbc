"""What is an answer of AWS at all: bodies and parsed responses against botocore's models.

A proxy, a portal or a page of maintenance may answer 200 with HTML, XML or JSON, and botocore reads
each of them as an answer without members: for a list that would mean that every resource is gone.
An answer has the root element of its operation, the members that its model requires, and one of
those for which it was asked. It refuses to judge the values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from botocore.model import OperationModel, Shape

from cloudsealed.collectors.aws.pagination import operation_model, page_members, pager
from cloudsealed.collectors.model import CallRequest
from cloudsealed.collectors.paths import names_in

FOREIGN = "cloudsealed:foreign"
"""The key under which a response remembers that its body had members that its model lacks."""

S3_ROOTS: Mapping[str, str] = MappingProxyType(
    {
        "ListBuckets": "ListAllMyBucketsResult",
        "GetBucketAcl": "AccessControlPolicy",
        "GetBucketLocation": "LocationConstraint",
        "GetBucketVersioning": "VersioningConfiguration",
        "GetBucketLogging": "BucketLoggingStatus",
        "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
        "GetBucketTagging": "Tagging",
    }
)
"""Root elements that botocore's model does not name (Amazon S3 API Reference, each operation)."""

_HEAD = 4096
_ROOT = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s|<[?][^>]*>|<!--[^>]*-->)*<(?:[\w.-]+:)?([\w.-]+)")
_DECODED_POLICY = "policyDocumentType"  # IAM's texts that botocore reads as JSON for us


class MalformedResponseError(Exception):
    """A response of status 200 is no answer of the service; never leaves this package."""


def check_body(
    operation_model: OperationModel,
    response_dict: Mapping[str, Any],
    customized_response_dict: dict[str, Any],
    **_: Any,
) -> None:
    """Raise MalformedResponseError when a successful body cannot be the operation's.

    A handler of botocore's `before-parse`; it notes foreign members for `check_answer`.
    """
    body = response_dict["body"]
    if response_dict["status_code"] >= 300 or not isinstance(body, bytes):
        return
    text = body.lstrip()
    if text.startswith(b"<") and b"<html" in text[:1024].lower():
        raise MalformedResponseError
    _expect(bool(text) or not _members_of_body(operation_model))
    protocol = operation_model.service_model.resolved_protocol
    if protocol == "smithy-rpc-v2-cbor":
        _expect(response_dict["headers"].get("smithy-protocol") == "rpc-v2-cbor")
    elif text and "json" in protocol:
        customized_response_dict[FOREIGN] = _check_json(operation_model, text)
    elif text and _members_of_body(operation_model):
        _check_xml(operation_model, text)


def check_answer(response: Any, request: CallRequest) -> None:
    """Raise MalformedResponseError when a parsed response is no answer to `request`."""
    unit = request.unit
    foreign = response.pop(FOREIGN, False)
    output = operation_model(unit.service, unit.operation).output_shape
    if output is None:
        return
    check_shape(response, output)
    needed = needed_members(unit.service, unit.operation, (request.items or "", *request.fills))
    there = response.keys() - _empty_payload(response, unit.service, unit.operation)
    _expect(required_members(unit.service, unit.operation) <= there)
    others = frozenset(output.members) - needed - page_members(unit.service, unit.operation)
    is_empty = request.omits_empty and not foreign and not (others and others.isdisjoint(there))
    _expect(is_empty or not needed.isdisjoint(there))


def _empty_payload(response: Any, service: str, operation: str) -> frozenset[str]:
    """Return the member that is the whole body in JSON, if that has nothing in it."""
    model = operation_model(service, operation)
    payload = model.output_shape.serialization.get("payload") if model.output_shape else None
    is_empty = "json" in model.service_model.resolved_protocol and response.get(payload) == {}
    return frozenset({payload}) if payload and is_empty else frozenset()


@cache
def required_members(service: str, operation: str) -> frozenset[str]:
    """Return the members that the model requires, but for those that echo the asked page: Route 53
    leaves its `Marker` out of the first."""
    output = operation_model(service, operation).output_shape
    paged = pager(service, operation)
    required = frozenset(output.required_members if output else ())
    return required - frozenset(paged.inputs if paged else ())


@cache
def needed_members(service: str, operation: str, paths: tuple[str, ...]) -> frozenset[str]:
    """Return the members of an answer of which one must be there: those that `paths` read, or any
    when they read the answer as a whole."""
    output = operation_model(service, operation).output_shape
    members = frozenset(output.members if output else ())
    return members & frozenset().union(*(names_in(each) for each in paths)) or members


def check_shape(value: Any, shape: Shape | None) -> None:
    """Raise MalformedResponseError where a parsed response is not built as its model says.

    botocore passes on what it finds: a null in a list, an object where a text belongs. What is
    built as it should be can be read by every path; the values themselves are not judged.
    """
    if value is None or shape is None or _is_any_json(shape):
        return
    kind = shape.type_name
    if kind == "structure":
        _expect(isinstance(value, Mapping))
        for name, member in shape.members.items():
            check_shape(value.get(name), member)
    elif kind == "list":
        _expect(isinstance(value, list) and None not in value)
        for each in value:
            check_shape(each, shape.member)
    elif kind == "map":
        _expect(isinstance(value, Mapping))
        for each in value.values():
            check_shape(each, shape.value)
    else:
        _expect(not isinstance(value, Mapping | list))


def _is_any_json(shape: Shape) -> bool:
    """Say whether a model lets a value be built in any way."""
    return shape.name == _DECODED_POLICY or bool(
        getattr(shape, "is_document_type", False) or shape.serialization.get("jsonvalue")
    )


def _members_of_body(operation: OperationModel) -> frozenset[str]:
    """Return the names, as they are sent, of the members that an answer has in its body."""
    output = operation.output_shape
    if output is None:
        return frozenset()
    payload = output.serialization.get("payload")
    within = getattr(output.members[payload], "members", None) if payload else output.members
    if within is None:
        return frozenset({payload})
    return frozenset(
        member.serialization.get("name", name)
        for name, member in within.items()
        if "location" not in member.serialization
    )


def _check_json(operation: OperationModel, text: bytes) -> bool:
    """Say whether the object has members that the model lacks, as newer services have; an object
    that has nothing else is another's."""
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        raise MalformedResponseError from None
    _expect(isinstance(whole, dict))
    known = _members_of_body(operation)
    foreign = whole.keys() - known
    _expect(not foreign or not known or len(foreign) < len(whole))
    return bool(foreign)


def _check_xml(operation: OperationModel, text: bytes) -> None:
    root = root_of(operation)
    if root is None:
        _expect(_is_policy(text))
        return
    found = _ROOT.match(text[:_HEAD])
    # Emulators name every root as most of AWS's services do.
    _expect(found is not None and found[1].decode() in (root, f"{operation.name}Response"))


def root_of(operation: OperationModel) -> str | None:
    """Return the root element of an operation's answer in XML; None when it is the text of a
    policy (GetBucketPolicy)."""
    output = operation.output_shape
    if operation.service_model.resolved_protocol != "rest-xml" or output is None:
        return f"{operation.name}Response"
    payload = output.serialization.get("payload")
    if payload is None:
        named = S3_ROOTS if operation.service_model.service_name == "s3" else {}
        return named.get(operation.name) or output.serialization.get("name") or str(output.name)
    member = output.members[payload]
    if member.type_name != "structure":
        return None
    return str(member.serialization.get("name") or member.name)


def _is_policy(text: bytes) -> bool:
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(whole, dict) and "Statement" in whole


def _expect(good: bool) -> None:
    if not good:
        raise MalformedResponseError
