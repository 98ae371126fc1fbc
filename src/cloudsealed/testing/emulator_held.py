"""Answers that the emulator holds, written as AWS writes them, in front of moto.

botocore's models say what an operation asks and answers; moto's own readers and writers of AWS's
protocols do the rest. It refuses an answer that the operation's output shape has not.
"""

from __future__ import annotations

import io
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any
from wsgiref.types import WSGIEnvironment

from botocore.exceptions import UnknownServiceError
from botocore.model import OperationNotFoundError
from botocore.utils import parse_timestamp
from botocore.validate import ParamValidator
from moto.core.model import OperationModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model

from cloudsealed.testing.aws import services
from cloudsealed.testing.emulator_tags import Tags, reads_tags, tags_as, tags_asked
from cloudsealed.testing.emulator_wire import Call, WireAnswer, error_answer, labels_of

ANYWHERE = "*"
"""The region of what is answered in every one."""
_Answer = Mapping[str, Any]
_Place = tuple[str, str, str, str]


class Held:
    """Holds answers by account, region, service and operation."""

    def __init__(self) -> None:
        self._answers: dict[_Place, list[_Answer]] = defaultdict(list)
        self._tags: dict[tuple[str, str, str], dict[str, Tags]] = defaultdict(dict)
        self._lock = threading.Lock()

    def hold(
        self,
        account: str,
        region: str,
        service: str,
        answers: Iterable[dict[str, Any]],
        tags: Mapping[str, Tags],
    ) -> int:
        """Hold what `Service.at` says and tags by ARN; returns how many answers. Raises ValueError
        for an answer that the operation has not."""
        count = 0
        with self._lock:
            self._tags[account, region, service].update(tags)
        for each in answers:
            operation = each["operation"]
            answer = dict(each)
            if "error" not in each:
                answer["answer"] = _checked(service, operation, each["answer"])
            with self._lock:
                self._answers[account, region, service, operation].append(answer)
            count += 1
        return count

    def answer(self, call: Call, account: str, environ: WSGIEnvironment) -> WireAnswer | None:
        """Return the answer that is held for a call: of several, the one that asks for most."""
        with self._lock:
            held = [
                each
                for region in (call.region, ANYWHERE)
                for each in self._answers.get((account, region, call.service, call.operation), ())
            ]
        if not held and not reads_tags(call.operation):
            return None
        asked = _asked(call, environ)
        fitting = [each for each in held if _fits(each["when"], asked)]
        if not fitting:
            tags = (
                tags_asked(asked, self._told(call, account)) if reads_tags(call.operation) else {}
            )
            return _written(call, environ, tags_as(_shape_of(call), tags)) if tags else None
        chosen = max(fitting, key=lambda each: len(each["when"]))
        if "error" in chosen:
            return _refused(call, chosen["error"])
        return _written(call, environ, chosen["answer"])

    def _told(self, call: Call, account: str) -> dict[str, Tags]:
        with self._lock:
            places = [self._tags[account, each, call.service] for each in (call.region, ANYWHERE)]
            return {arn: tags for each in places for arn, tags in each.items()}

    def otherwise(self, call: Call, environ: WSGIEnvironment) -> WireAnswer | None:
        """Return what is answered of what nobody knows: an empty list, or that it is missing."""
        for service in _services_of(call.service):
            if call.operation in service.lists:
                return _written(call, environ, _nothing(_shape_of(call)))
            if call.operation in service.answers:
                return _refused(call, service.missing)
        return None


@cache
def _services_of(name: str) -> tuple[Any, ...]:
    return tuple(service for service in services() if service.name == name)


def _refused(call: Call, code: str) -> WireAnswer:
    status = 404 if "NotFound" in code or "NoSuch" in code else 400
    return error_answer(call.protocol, status, code, f"{call.operation}: {code}")


def _fits(when: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    return all(asked.get(name) == value for name, value in when.items())


_EMPTY: Mapping[str, Any] = {
    "list": [],
    "map": {},
    "string": "",
    "integer": 0,
    "long": 0,
    "boolean": False,
}


def _nothing(shape: Any) -> dict[str, Any]:
    """Return an answer whose lists are empty, and which has what is required."""
    found: dict[str, Any] = {}
    for name, member in shape.members.items():
        is_needed = name in shape.required_members
        if member.type_name == "structure" and is_needed | any(
            each.type_name == "list" for each in member.members.values()
        ):
            found[name] = _nothing(member)
        elif member.type_name == "list" or (is_needed and member.type_name in _EMPTY):
            found[name] = _EMPTY[member.type_name]
    return found


def _shape_of(call: Call) -> Any:
    return _model(call.service, call.operation).output_shape


@cache
def _model(service: str, operation: str) -> OperationModel:
    try:
        model: OperationModel = get_service_model(service).operation_model(operation)
    except (UnknownServiceError, OperationNotFoundError) as error:
        raise ValueError(f"AWS has no {service}:{operation}") from error
    return model


def _checked(service: str, operation: str, answer: Any) -> Any:
    shape = _model(service, operation).output_shape
    converted = _converted(shape, answer)
    report = ParamValidator().validate(converted, shape)
    if report.has_errors():
        raise ValueError(f"{service}:{operation} does not answer so: {report.generate_report()}")
    return converted


def _converted(shape: Any, value: Any) -> Any:
    """Return an answer with its moments as such; what has no place in the shape stays as it is."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        members = shape.members
        return {n: _converted(members[n], v) if n in members else v for n, v in value.items()}
    if kind == "list" and isinstance(value, list):
        return [_converted(shape.member, each) for each in value]
    if kind == "map" and isinstance(value, dict):
        return {name: _converted(shape.value, each) for name, each in value.items()}
    if kind == "timestamp" and value is not None:
        return parse_timestamp(value)
    return value


def _asked(call: Call, environ: WSGIEnvironment) -> Mapping[str, Any]:
    """Return the parameters of a call, under botocore's names."""
    model = _model(call.service, call.operation)
    request = Request(dict(environ, **{"wsgi.input": io.BytesIO(environ["wsgi.input"].getvalue())}))
    protocol = determine_request_protocol(model.service_model, request.content_type)
    parsed: Mapping[str, Any] = PROTOCOL_PARSERS[protocol](model).parse(
        {
            "method": request.method,
            "values": request.values,
            "headers": request.headers,
            "body": request.data,
            "url_path": request.path,
            "url_params": labels_of(call, path_of(environ)),
        }
    )
    return parsed


def path_of(environ: WSGIEnvironment) -> str:
    """Return the path as it was sent: an encoded `/` is part of a name."""
    sent = str(environ.get("RAW_URI") or environ["PATH_INFO"])
    return sent.partition("?")[0]


def _written(call: Call, environ: WSGIEnvironment, answer: Any) -> WireAnswer:
    model = _model(call.service, call.operation)
    protocol = determine_request_protocol(model.service_model, environ.get("CONTENT_TYPE") or "")
    made = get_serializer_class(call.service, protocol)(model).serialize(answer)
    body = made["body"]
    kind = made["headers"].get("Content-Type", "application/json")
    return WireAnswer(
        made["status_code"], kind, body if isinstance(body, bytes) else body.encode("utf-8")
    )
