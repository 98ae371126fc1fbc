"""What bodies about audits and simulations may say."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

from cloudsealed.audits.simulations.model import MOST_AUDITS
from cloudsealed.collectors.fields import regions
from cloudsealed.collectors.providers import PROVIDERS
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.connections.bodies import connections
from cloudsealed.kit.nearest import did_you_mean
from cloudsealed.kit.shapes import (
    ITEM,
    Anything,
    Choice,
    Component,
    FormError,
    Part,
    Path,
    Record,
    Text,
    Texts,
    ident,
)
from cloudsealed.policies.body import CHECK, CLASSIFICATION

AUDIT_ID = ident("AuditId", "aud", "an audit")
POLICY_NAME = Component(
    "PolicyName",
    Text(longest=100, told=r"^[^\s\u0000]+$"),
    "A policy's id or key.",
    ("aws-s3-bucket-versioning",),
)
_REGIONS, _SERVICES, _TYPES = (["eu-west-1"], ["s3", "ec2"], ["aws.s3.bucket"])
_POLICIES = Part(
    Texts(POLICY_NAME, most=500),
    "The policies to judge by; left out or null: all that are enabled.",
    example=["aws-s3-bucket-versioning"],
)


@dataclass(frozen=True, slots=True)
class _Collected(Texts):
    """Some of what is collected."""

    known: Callable[[], Collection[str]] = tuple

    def read(self, value: Any, at: Path) -> tuple[str, ...]:
        found, known = Texts.read(self, value, at), self.known()
        for name in found:
            if name not in known:
                near = did_you_mean(name, known)
                raise FormError(at, f"names nothing that is collected: {name}{near}")
        return found


@cache
def _services() -> frozenset[str]:
    return frozenset(row.service_name for row in RESOURCE_TYPES.values())


@dataclass(frozen=True)
class _Scope(Record):
    """What an audit is narrowed to: the services and the types narrow each other."""

    def read(self, value: Any, at: Path = ()) -> dict[str, Any]:
        found = Record.read(self, value, at)
        for kind in found["resource_types"] or ():
            service = RESOURCE_TYPES[kind].service_name
            if found["services"] and service not in found["services"]:
                there = (*at, "resource_types")
                raise FormError(there, f"names {kind}, whose service is {service}")
        return found


SCOPE = Component(
    "AuditScopeBody",
    _Scope(
        {
            "regions": Part(
                regions(
                    "Region",
                    "^[a-z0-9-]+$",
                    "A region of the provider.",
                    "eu-west-1",
                    *(known.region for known in PROVIDERS.values()),
                ),
                "Only these regions; services without regions are always audited.",
                example=_REGIONS,
            ),
            "services": Part(
                _Collected(ITEM, 200, _services), "Only these services.", example=_SERVICES
            ),
            "resource_types": Part(
                _Collected(ITEM, 200, lambda: RESOURCE_TYPES),
                "Only these types of resources.",
                example=_TYPES,
            ),
        }
    ),
    "What an audit looks at; what is left out is not narrowed.",
    ({"regions": _REGIONS, "services": _SERVICES},),
)

AUDIT = Component(
    "AuditBody",
    Record(
        {
            "connection_ids": connections(
                "The connections to go through, of one tenant.",
                example=["con_01J8ZQ4X7M2N5P8R1T4V6W9YAC"],
            ),
            "scope": Part(SCOPE, "What to look at; left out or null: everything."),
            "policies": _POLICIES,
        }
    ),
    "A new audit; without a scope, of everything.",
)

_AS_IT_IS = Anything()
"""Of a policy to try, policies say themselves what is wrong with it."""

REANALYSIS = Component(
    "ReanalysisBody",
    Record({"policies": _POLICIES}),
    "A reanalysis: by these policies, or by all that are enabled.",
    ({"policies": ["aws-s3-bucket-versioning"]},),
)


SIMULATION = Component(
    "SimulationBody",
    Record(
        {
            "policy": Part(
                Choice((POLICY_NAME, CHECK, CLASSIFICATION), lambda _value, _at: _AS_IT_IS),
                "A policy's id or key, or what `POST /v1/policies` takes.",
                needed=True,
                example="aws-s3-bucket-public-read",
            ),
            "audit_ids": Part(
                Texts(AUDIT_ID, most=MOST_AUDITS),
                "Of a check: the completed audits to judge again.",
                example=[AUDIT_ID.examples[0]],
            ),
        }
    ),
    "A policy and the audits to try it on; a classification needs none.",
)


TRIAL = Component(
    "PolicyTrialBody",
    Record(
        {
            "policy": Part(
                Choice((POLICY_NAME, CHECK), lambda _value, _at: _AS_IT_IS),
                "A policy's id or key, or what `POST /v1/policies` takes.",
                needed=True,
                example="aws-s3-bucket-public-read",
            ),
            "resource_id": Part(
                ident("ResourceId", "res", "a resource"),
                "A resource of a type that the check judges.",
                needed=True,
            ),
        }
    ),
    "A check, and the resource that it is tried on.",
)
