"""What a provider of clouds is: the port that everything above the collectors goes through.

A provider has rows, ways to be reached, and facts about its answers and permissions. It refuses to
know audits, tenants and stores: what it is asked and what it answers are values of `model`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from cloudsealed.collectors.model import Caller, Document, Gap, Row, Unit
from cloudsealed.kit.clock import Clock
from cloudsealed.vocabulary import Provider

if TYPE_CHECKING:
    from cloudsealed.collectors.calling.places import Places  # which imports the storage


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a provider takes us for: the account that we are in, our name there (at AWS an ARN), and
    the account's partition, the part of the provider's world that shares nothing with others.
    `alias` is what whoever leads us there calls the account, where they do."""

    account: str
    name: str
    partition: str
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Regions:
    """The regions that an account has. With a `gap` the provider did not say, and they are the
    session's own alone."""

    names: tuple[str, ...]
    unit: Unit
    gap: Gap | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """What an operator chooses on this machine for one run: whose credentials (`option`: at AWS a
    profile, at Kubernetes a context), or `files` that are read in place of a cloud, and what their
    `account` is called."""

    option: str | None = None
    files: tuple[Path, ...] = ()
    account: str | None = None


NO_CHOICE = Choice()


@dataclass(frozen=True, slots=True)
class Brought:
    """What files hold: the types of their resources, what of them should not be overlooked, and how
    much there is of what nothing is judged of."""

    types: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    other: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """How an account is reached: `fields` are those of its connection that only this provider has,
    `choice` is the operator's.

    `workers` is how many calls are in flight. With `brief`, in seconds, a call is tried once and
    for no longer.
    """

    fields: Mapping[str, str | None]
    choice: Choice = NO_CHOICE
    workers: int = 16
    brief: float | None = None


class OpenCaller(Caller, Protocol):
    """A caller of a provider; it is closed when nobody asks any more."""

    def close(self) -> None:
        """End what waits; nothing is asked after it."""
        ...


class Session(Protocol):
    """One account reached in one way; safe for threads. Its credentials come from the provider's
    own chain, and are neither stored nor said."""

    @property
    def region(self) -> str:
        """Where it asks what is said of no region in particular."""
        ...

    def identify(self) -> Identity:
        """Ask the provider who we are; raises CloudAccessError."""
        ...

    def regions(self, account: str, caller: Caller) -> Regions:
        """Ask for the regions of an account, through a caller."""
        ...

    def clock_skew(self) -> timedelta | None:
        """Return the provider's clock minus ours in whole seconds; None until something answered,
        and where it does not say the time."""
        ...

    def caller(
        self, redaction_key: bytes, *, clock: Clock, places: Places | None = None
    ) -> OpenCaller:
        """Return what asks for units, with its ceilings kept over the processes that share
        `places`; `redaction_key` is the tenant's."""
        ...

    def close(self) -> None:
        """Close its connections; a later call opens them anew."""
        ...


class CloudProvider(Protocol):
    """A provider. Its module is imported when a connection, an audit or a page first needs it."""

    name: ClassVar[Provider]
    rows: ClassVar[tuple[Row, ...]]
    models: ClassVar[str]
    """The versions of what its rows and documents are read by: other versions, other documents."""
    exempt: ClassVar[frozenset[tuple[str, str | None]]]
    """Services, and calls of them, that a provider answers where it otherwise denies a region."""
    endpoints: ClassVar[Mapping[str, str]]
    """Services without regions that have one endpoint, and the region in which it is."""

    def open(self, way: Way, clock: Clock) -> Session:
        """Return a session, which asks nobody yet; raises CloudAccessError for what is not here."""
        ...

    def brought(self, files: Iterable[Path]) -> Brought:
        """Return what files hold; raises CloudAccessError for what cannot be read, or judged."""
        ...

    def next_page(self, unit: Unit, document: Document) -> Mapping[str, Any] | None:
        """Return the parameters that name the page after an answer; None after the last."""
        ...

    def is_stranger(self, error_code: str | None) -> bool:
        """Say whether a call failed as its region knows nobody's credentials: it is not enabled."""
        ...

    def known_regions(self) -> frozenset[str]:
        """Return the regions that the provider's own data name."""
        ...

    def permission_of(self, service: str, operation: str) -> str:
        """Return the permission that allows a call, in the provider's words."""
        ...

    def permissions(self, rows: Iterable[Row]) -> dict[str, Any]:
        """Return the least that collecting rows needs, as the provider takes it."""
        ...

    def parts(self, whole: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return what `permissions` says as several documents, each as long as the provider takes
        one; together they permit the same."""

    def granting(self, permissions: Iterable[str]) -> dict[str, Any]:
        """Return a document that allows some permissions, as the provider takes it."""
        ...

    def statement(self, permissions: Iterable[str]) -> dict[str, Any]:
        """Return the part of such a document that says so: the whole, where it has no parts."""
        ...

    def trust_statement(self, name: str, way: Way) -> dict[str, Any] | None:
        """Return what has to be said in the cloud so that whoever has this name there may go this
        way; None where nothing has."""
        ...

    def trust_policy(self, name: str, way: Way) -> dict[str, Any] | None:
        """Return the whole document that says so, as the cloud takes it."""
        ...

    def shape_of(self, service: str, operation: str) -> Any:
        """Return the shape of a call's answer, as `attributes` has it; None where nobody says."""
        ...
