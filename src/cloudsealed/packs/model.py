"""Policies, frameworks and their parts as frozen values. It holds no rule of any of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from cloudsealed.vocabulary import Dimension, Outcome, PolicyKind, Responsibility, Severity

EXAMPLES_AT = datetime(2026, 1, 1, tzinfo=UTC)
"""The clock by which every example of a policy file is judged."""

Effort = Literal["low", "medium", "high"]
EFFORTS: tuple[Effort, ...] = get_args(Effort)

_ABOUT = ("key", "version", "formerly")
AUTHORS: Mapping[str, Any] = {
    "applies_because": None,
    "equivalents": {},
    "formerly": [],
    "examples": None,
}
"""What a policy says for its authors alone, and what it says when it does not: nothing is judged by
it, and no digest covers it."""

Scope = Literal["account", "region", "idle_regions"]
SCOPES: tuple[Scope, ...] = get_args(Scope)


@dataclass(frozen=True, slots=True)
class Relation:
    """Resources of `type` that an expression sees under `related`.

    `source` (`from` in files) and `key` are JMESPaths on this resource and on the other one;
    they are joined on equal ids. Without both, it is every resource of the account, or with
    scope `region` of the account and region. With scope `idle_regions` it is those of the account's
    regions that are idle: of its own region, for a resource of a region.
    """

    type: str
    source: str | None
    key: str | None
    scope: Scope

    def as_dict(self) -> dict[str, Any]:
        """Return the relation under the field names of a file."""
        return {"type": self.type, "from": self.source, "key": self.key, "scope": self.scope}


@dataclass(frozen=True, slots=True)
class Remediation:
    """How a finding is cured; `cli` has `<PLACEHOLDER>`s, `terraform` is an HCL block.

    `caution` says what that takes away or writes over, `first` are commands to run before, which
    look or keep what would be lost.
    """

    summary: str
    caution: str | None
    first: str | None
    cli: str | None
    terraform: str | None
    effort: Effort

    def as_dict(self) -> dict[str, Any]:
        """Return the remediation as JSON values."""
        # Left out where nothing is said: other policies keep the words and the digest they had.
        before = {"caution": self.caution, "first": self.first}
        return {
            "summary": self.summary,
            **{name: text for name, text in before.items() if text is not None},
            "cli": self.cli,
            "terraform": self.terraform,
            "effort": self.effort,
        }


@dataclass(frozen=True, slots=True)
class Degree:
    """The severity of what fails where `when`, CEL, is true."""

    when: str
    severity: Severity

    def as_dict(self) -> dict[str, str]:
        """Return it under the field names of a file."""
        return {"when": self.when, "severity": self.severity.value}


@dataclass(frozen=True, slots=True)
class SavedQuantity:
    """What a cure saves: the name of a price and how much of it, CEL; below zero what it costs."""

    price: str
    quantity: str

    def as_dict(self) -> dict[str, str]:
        """Return it under the field names of a file."""
        return {"price": self.price, "quantity": self.quantity}


@dataclass(frozen=True, slots=True)
class Example:
    """A document, its related documents, and the outcome that the policy gives at EXAMPLES_AT;
    `severity`, where one that fails says it, is the one that the policy gives. `unread` are the
    attributes of the document that nobody could read, and `related.NAME` a relation of which there
    may be more."""

    outcome: Outcome
    resource: Mapping[str, Any]
    related: Mapping[str, Sequence[Mapping[str, Any]]]
    severity: Severity | None = None
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicySpec:
    """A check as its author says it; `fail_when` and `applies_when` are CEL, true fails.

    `severity_when` is asked in its order, before `severity`; `yields_to` are keys of more general
    policies. `controls` are (framework's key, control's id), `equivalents` the checks of other
    programs, by the program's name, that look for the same.
    """

    key: str
    version: int
    title: str
    dimension: Dimension
    severity: Severity
    resource_types: tuple[str, ...]
    description: str | None
    params: Mapping[str, Any]
    related: Mapping[str, Relation]
    foreign: bool
    applies_when: str | None
    fail_when: str
    severity_when: tuple[Degree, ...]
    savings: tuple[SavedQuantity, ...]
    unpriced: str | None
    yields_to: tuple[str, ...]
    message: str | None
    remediation: Remediation | None
    controls: tuple[tuple[str, str], ...]
    references: tuple[str, ...]
    discriminator: str | None
    formerly: tuple[str, ...]
    applies_because: str | None
    equivalents: Mapping[str, tuple[str, ...]]
    examples: tuple[Example, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the policy as JSON values without its examples and what is said for authors."""
        return {
            "key": self.key,
            "version": self.version,
            "title": self.title,
            "dimension": self.dimension.value,
            "severity": self.severity.value,
            "resource_types": list(self.resource_types),
            "description": self.description,
            "params": dict(self.params),
            "related": {name: relation.as_dict() for name, relation in self.related.items()},
            # Left out where it is not said, as are those below: other policies keep the words and
            # the digest they had.
            **({"foreign": True} if self.foreign else {}),
            "applies_when": self.applies_when,
            "fail_when": self.fail_when,
            **self._placed,
            "message": self.message,
            "remediation": self.remediation and self.remediation.as_dict(),
            "controls": [{"framework": f, "control": c} for f, c in self.controls],
            "references": list(self.references),
            "discriminator": self.discriminator,
            "formerly": list(self.formerly),
        }

    @property
    def _placed(self) -> dict[str, Any]:
        degrees = [degree.as_dict() for degree in self.severity_when]
        savings = [each.as_dict() for each in self.savings]
        said = {
            "severity_when": degrees,
            "savings": savings,
            "unpriced": self.unpriced,
            "yields_to": list(self.yields_to),
        }
        return {name: value for name, value in said.items() if value}

    @property
    def words(self) -> dict[str, Any]:
        """What the policy says, without its name and history: what a version's digest covers."""
        return {name: said for name, said in self.as_dict().items() if name not in _ABOUT}


@dataclass(frozen=True, slots=True)
class PolicyBody:
    """A policy of either kind as the API takes it; `words` are what it says, as JSON values."""

    kind: PolicyKind
    key: str
    enabled: bool
    words: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Control:
    """One requirement; without policies it is not assessed, `manual` needs a person.

    What is the provider's `responsibility` alone a customer inherits: no policy can judge it.
    """

    id: str
    title: str
    level: int
    policies: tuple[str, ...]
    manual: bool
    responsibility: str = Responsibility.CUSTOMER


@dataclass(frozen=True, slots=True)
class Section:
    """A chapter of a framework."""

    id: str
    title: str
    controls: tuple[Control, ...]


@dataclass(frozen=True, slots=True)
class Framework:
    """A published set of controls; titles are our wording, `source` names the publisher's text.

    `services`, of one that holds every policy of its provider, are their titles by name.
    """

    key: str
    title: str
    version: str
    source: str
    provider: str
    sections: tuple[Section, ...]
    services: Mapping[str, str] = field(default_factory=dict)

    @property
    def controls(self) -> tuple[Control, ...]:
        """Every control, in the order of the file."""
        return tuple(control for section in self.sections for control in section.controls)
