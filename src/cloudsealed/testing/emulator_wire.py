"""What a request to AWS asks for, and errors as each of AWS's five protocols writes them.

Works on the bytes of a request with botocore's service models. It refuses to know the emulator
behind it and to judge credentials.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape

from botocore.exceptions import UnknownServiceError
from botocore.model import OperationModel
from botocore.session import get_session

_CREDENTIAL = re.compile(r"Credential=([^/\s,]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
_UNKNOWN = "Unknown"
_LABEL = re.compile(r"\{(\w+)(\+?)\}")

_SERVICES_OF_SIGNING_NAME: Mapping[str, tuple[str, ...]] = {
    "monitoring": ("cloudwatch",),
    "elasticfilesystem": ("efs",),
    "states": ("stepfunctions",),
    "email": ("ses",),
    "ses": ("ses", "sesv2"),
    "elasticmapreduce": ("emr",),
    "tagging": ("resourcegroupstaggingapi",),
    "aps": ("amp",),
    "access-analyzer": ("accessanalyzer",),
    "apigateway": ("apigateway", "apigatewayv2"),
    "bedrock": ("bedrock", "bedrock-agent"),
    "es": ("opensearch", "es"),
}
"""Services that sign under another name, or several that share one: which it is the path says."""
_LOAD_BALANCING_V2 = "2015-12-01"
_S3_CONTROL_PATH = "/v20180820/"
_REST_XML = frozenset({"s3", "s3control", "route53", "cloudfront"})


@dataclass(frozen=True, slots=True)
class Call:
    """One operation asked of AWS: botocore's service name, and the access key that signed it."""

    service: str
    operation: str
    region: str
    access_key: str
    protocol: str


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """An HTTP answer, ready to send."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class _Route:
    method: str
    path: re.Pattern[str]
    literal: int
    needs: tuple[tuple[str, str], ...]
    operation: str

    def rank(self, method: str, path: str, given: Mapping[str, str]) -> tuple[int, int] | None:
        if method != self.method or not self.path.fullmatch(path):
            return None
        if any(name not in given or value not in ("", given[name]) for name, value in self.needs):
            return None
        return len(self.needs), self.literal


def read_call(
    method: str, path: str, query_string: str, headers: Mapping[str, str], body: bytes
) -> Call:
    """Return what a request asks; `headers` has lower-case names.

    An operation that no model knows is `Unknown`; an unsigned request is of service `unsigned`.
    """
    signed = _CREDENTIAL.search(headers.get("authorization", ""))
    access_key, region, signing_name = signed.groups() if signed else ("", "", "unsigned")
    query = dict(parse_qsl(query_string, keep_blank_values=True))
    form: dict[str, str] = {}
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    service, *others = _services(signing_name, path, form.get("Version", ""))
    target = headers.get("x-amz-target")
    if target:
        return Call(service, target.rpartition(".")[2], region, access_key, "json")
    if "Action" in form:
        protocol = "ec2" if service == "ec2" else "query"
        return Call(service, form["Action"], region, access_key, protocol)
    protocol = "rest-xml" if service in _REST_XML else "rest-json"
    operation = _rest_operation(service, method, path, {**headers, **query})
    while operation == _UNKNOWN and others:
        service, *others = others
        operation = _rest_operation(service, method, path, {**headers, **query})
    return Call(service, operation, region, access_key, protocol)


def labels_of(call: Call, path: str) -> dict[str, str]:
    """Return what stands in the path of a call for the labels of its operation."""
    for route in _routes(call.service):
        found = route.path.fullmatch(path) if route.operation == call.operation else None
        if found is not None:
            return {name: unquote(value) for name, value in found.groupdict().items()}
    return {}


def _services(signing_name: str, path: str, version: str) -> tuple[str, ...]:
    if signing_name == "elasticloadbalancing":
        return ("elbv2" if version == _LOAD_BALANCING_V2 else "elb",)
    if signing_name == "s3" and path.startswith(_S3_CONTROL_PATH):
        return ("s3control",)
    return _SERVICES_OF_SIGNING_NAME.get(signing_name, (signing_name,))


def _rest_operation(service: str, method: str, path: str, given: Mapping[str, str]) -> str:
    ranked = [
        (rank, route.operation)
        for route in _routes(service)
        if (rank := route.rank(method, path, given)) is not None
    ]
    return max(ranked, key=lambda entry: entry[0])[1] if ranked else _UNKNOWN


@cache
def _routes(service: str) -> tuple[_Route, ...]:
    try:
        model = get_session().get_service_model(service)
    except UnknownServiceError:
        return ()
    return tuple(_route(model.operation_model(name)) for name in model.operation_names)


def _route(operation: OperationModel) -> _Route:
    path, _, query = operation.http["requestUri"].partition("?")
    pattern, end = "", 0
    for label in _LABEL.finditer(path):
        pattern += re.escape(path[end : label.start()])
        pattern += f"(?P<{label[1]}>{'.+' if label[2] else '[^/]+'})"
        end = label.end()
    pattern += re.escape(path[end:].rstrip("/")) + "/?"
    needs = (*parse_qsl(query, keep_blank_values=True), *_required_fields(operation))
    literal = len(_LABEL.sub("", path))
    return _Route(
        operation.http["method"], re.compile(pattern), literal, needs, str(operation.name)
    )


def _required_fields(operation: OperationModel) -> Iterator[tuple[str, str]]:
    """Yield the query and header names without which the operation is not this one."""
    shape = operation.input_shape
    for name in shape.required_members if shape else ():
        place = shape.members[name].serialization
        if place.get("location") in ("querystring", "header"):
            yield place["name"].lower() if place["location"] == "header" else place["name"], ""


def error_answer(protocol: str, status: int, code: str, message: str) -> WireAnswer:
    """Return the error `code` in the form that clients of `protocol` read.

    Forms: https://smithy.io/2.0/aws/protocols/ (awsQuery, ec2Query, restXml, awsJson, restJson1).
    """
    if protocol in ("json", "rest-json"):
        body = json.dumps({"__type": code, "message": message})
        return WireAnswer(status, "application/x-amz-json-1.1", body.encode())
    error = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    request_id = "<RequestId>00000000-0000-0000-0000-000000000000</RequestId>"
    form = {
        "ec2": f"<Response><Errors><Error>{error}</Error></Errors>{request_id}</Response>",
        "rest-xml": f"<Error>{error}{request_id}</Error>",
    }
    default = (
        f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error>{request_id}</ErrorResponse>"
    )
    body = '<?xml version="1.0" encoding="UTF-8"?>' + form.get(protocol, default)
    return WireAnswer(status, "text/xml", body.encode())
