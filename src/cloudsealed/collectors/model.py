"""The data of collection: rows that declare it, calls and answers, and what is derived from them.

Everything here is a value. It refuses to know how a call is made or where an answer is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Literal, Protocol

from cloudsealed.collectors.paths import names_in
from cloudsealed.kit.canonical import canonical
from cloudsealed.vocabulary import CallOutcome, Provider

Document = Mapping[str, Any]
Decode = Callable[[Any], Any]
Scope = Literal["global", "region"]
GLOBAL = "global"
CIRCUIT_OPEN = "circuit_open"
"""The reason of a failed call whose service did not answer the calls before it either."""
NOT_RECORDED = "NotRecorded"
"""The reason of a failed call that a ledger lacks: whoever recorded it did not make it."""
NOT_ASKED = "not_asked"
"""The reason of a call that was left out, since nothing reads what it says or a setting says so."""
TOO_MANY = "too_many"
"""The reason of a call that would have to be made too often for one resource."""
UNCURED = "which no permission overrides"
"""Stands in the message of a denied call that a statement which allows it would not cure."""
AGAIN = 1_000_000
"""The number of the first page of a list that was asked for a second time."""
MOST_PAGES = 100_000
"""Pages of a list; one that goes on has no end."""


def curable(outcome: CallOutcome, error_message: str | None) -> bool:
    """Whether a permission would have brought an answer, as far as the provider says."""
    return outcome is CallOutcome.DENIED and UNCURED not in (error_message or "")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row is collected: `region` is `global` for a row of a global service."""

    account: str
    region: str
    partition: str = "aws"
    provider: Provider = Provider.AWS


@dataclass(frozen=True, slots=True, order=True)
class Unit:
    """The ledger's key of one call, without the audit. `parameters` is canonical JSON text.

    A page is named by its number and not by its token, so the key is the same in every audit.
    """

    provider: str
    account: str
    region: str
    service: str
    operation: str
    parameters: str
    page: int = 0

    @property
    def action(self) -> str:
        """The call's short name, such as `ec2:DescribeVpcs`; an IAM action may differ."""
        return f"{self.service}:{self.operation}"


def unit_of(
    place: Place, service: str, operation: str, parameters: Mapping[str, Any], page: int = 0
) -> Unit:
    """Return the unit of a call with `parameters`."""
    text = canonical(parameters).decode()
    return Unit(place.provider, place.account, place.region, service, operation, text, page)


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A unit, and what its caller must know beyond it to make the call and to read the answer.

    `token` holds the parameters that name the page; `items` is the JMESPath whose absence makes
    the answer `empty`, `fills` are what else is read of it; an answer without any of them is none,
    unless the service `omits_empty`. `absent` are error codes that say that nothing is configured,
    `gone` those that say that the resource itself is no longer there; `awaits` are error codes that
    say that the answer is not ready yet; `secret_paths` are redacted in the answer.
    """

    unit: Unit
    token: Mapping[str, Any] = field(default_factory=dict)
    items: str | None = None
    fills: tuple[str, ...] = ()
    omits_empty: bool = False
    absent: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    awaits: frozenset[str] = frozenset()
    secret_paths: tuple[str, ...] = ()

    def page_after(self, token: Mapping[str, Any]) -> CallRequest:
        """Return the request of the next page."""
        return replace(self, unit=replace(self.unit, page=self.unit.page + 1), token=token)


@dataclass(frozen=True, slots=True)
class Answer:
    """How a call ended. `document` is JSON, redacted, without the response's metadata."""

    outcome: CallOutcome
    document: Document | None
    called_at: datetime
    error_code: str | None = None
    error_message: str | None = None
    attempts: int = 1
    duration_ms: int = 0
    request_id: str | None = None
    http_status: int | None = None

    @property
    def may_pass(self) -> bool:
        """Whether the same call may well be answered later in the audit."""
        return self.outcome is CallOutcome.THROTTLED or self.error_code == CIRCUIT_OPEN

    @property
    def curable(self) -> bool:
        """Whether a permission would have brought an answer, as far as the provider says."""
        return curable(self.outcome, self.error_message)


class Caller(Protocol):
    """Whoever answers a request: the cloud, a ledger, or a ledger before the cloud.

    What the provider does is an answer's outcome. Only the end of the session is none: nothing
    that is asked after it says anything of the cloud.
    """

    def call(self, request: CallRequest) -> Answer:
        """Answer one request; called from several threads at once. Raises CloudAccessError when the
        session has ended."""
        ...


MapCalls = Callable[[Iterable[CallRequest]], Iterable[Answer]]
"""Answers requests in their order; a thread pool's `map` over `Caller.call` is one."""


@dataclass(frozen=True, slots=True)
class Relation:
    """`path` gives the ids of related resources of `type`, whose document's `key` equals one."""

    name: str
    path: str
    type: str
    key: str


@dataclass(frozen=True)
class Enrich:
    """A call a resource that fills attributes of its document.

    `params` are parameters read from the document by JMESPath, `constants` are fixed ones (with
    `{account}` filled in), `fills` are attributes read from the answer. With `each`, the call is
    made for every element of that list (read as `each` in `params`) and every attribute is the
    list of what they gave. `region` is the JMESPath of the region that answers, where that is not
    the place's. A call whose parameter is null or whose `when` is false is not made:
    its attributes are absent, as they are when the provider answers with a code of `absent`. A
    service that `omits_empty` leaves out of its answer what there is none of.

    A code of `gone`, or an answer without what `holds` names, says that the resource is no longer
    there. Where one code says either, it is in `absent` and `decided_by` names another call of the
    row: made after this one, it says whether the resource still is there. A call that is `too_many`
    is never made: of a resource for which it would be, its attributes are unread.
    """

    operation: str
    fills: Mapping[str, str]
    params: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    holds: str | None = None
    decided_by: str | None = None
    awaits: frozenset[str] = frozenset()
    when: str | None = None
    each: str | None = None
    region: str | None = None
    secret_paths: tuple[str, ...] = ()
    omits_empty: bool = False
    too_many: bool = False

    @cached_property
    def reads(self) -> frozenset[str]:
        """Every name that the parameters and conditions mention."""
        expressions = [*self.params.values(), self.when, self.each, self.region]
        return frozenset().union(*(names_in(each) for each in expressions if each))


@dataclass(frozen=True)
class Together:
    """A list that says of all resources of a row what a call for each of them would say.

    `items` is the JMESPath of what it lists and `key` what says in one whose it is: what `of` is in
    the document of the resource. `fills` are attributes read from the item. An attribute of `joins`
    is a list of names, in whose place stand what the same answer says of the things of these names:
    (items, key, value). A resource that the list lacks has the attributes `lacking`; without them
    it is no longer there. The list is asked for once a place, when the first resource is there. Of
    a resource of which it could not be read, the calls that fill these attributes are made; what
    none of them fills is unread.
    """

    service: str
    operation: str
    items: str
    key: str
    of: str
    fills: Mapping[str, str]
    constants: Mapping[str, Any] = field(default_factory=dict)
    joins: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)
    lacking: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Row:
    """How one resource type is collected.

    `items` is the JMESPath of the resources in the list call's answer. A row without an operation
    is a singleton of its place: it always exists and all that is known of it comes by enriching
    calls. With a `parent` type, the list call is made for each resource of it: `inherit` are
    attributes copied from the parent's item, and `params` read them; a code of `gone` says that
    the parent is no longer there, and its children with it. `native_id` is a template
    of JMESPaths over the item and of `{partition} {region} {account} {owner}`, of all that makes
    the id unique in its place; it never reads an enriched attribute. A row whose ids are built in
    another way than before says in `formerly_native_id` how: what is known under the former id
    goes on under the new one. `owner` is the JMESPath of the account that owns the item, where a
    list may bring what others own; an id that is an ARN says it itself. `given` is the JMESPath
    that is true of what a provider puts into every region and of what only watches over one: a
    region without anything else is idle. `located` is the JMESPath of the region in which a
    resource of a global list is. `decode` maps paths of the document to the function that parses
    them. A service that `omits_empty` answers a list without
    resources by leaving it out. `together` are the lists that stand in for
    enriching calls, in the order in which they need each other. `not_asked` are attributes that an
    audit does without: in the table of rows, none. `names_accounts` is the JMESPath of what people
    call accounts by what the document says, a list of `{Id, Name}`. `ident` is the attribute in
    which a document has the resource's id, where the provider has such a name.
    """

    type: str
    service: str
    operation: str | None
    native_id: str
    formerly_native_id: str | None = None
    owner: str | None = None
    given: str | None = None
    located: str | None = None
    items: str = "@"
    scope: Scope = "region"
    name: str | None = None
    tags: str | None = "Tags"
    params: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    parent: str | None = None
    inherit: Mapping[str, str] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    enrich: tuple[Enrich, ...] = ()
    together: tuple[Together, ...] = ()
    not_asked: frozenset[str] = frozenset()
    decode: Mapping[str, Decode] = field(default_factory=dict)
    secret_paths: tuple[str, ...] = ()
    relations: tuple[Relation, ...] = ()
    created: str | None = None
    omits_empty: bool = False
    names_accounts: str | None = None
    ident: str | None = "Arn"

    @property
    def provider(self) -> Provider:
        """The provider whose type it is."""
        return Provider.of_type(self.type)

    def naming(self, native_id: str) -> dict[str, Any]:
        """Return what a document says of its resource's id."""
        return {self.ident: native_id} if self.ident else {}

    @property
    def service_name(self) -> str:
        """The service as people name it, in its type: `s3` also where the SDK says `s3control`."""
        return self.type.split(".")[1]

    @cached_property
    def stages(self) -> tuple[tuple[Enrich, ...], ...]:
        """The enriching calls in rounds: a call comes after those whose attributes it reads, and
        after those whose answers it decides."""
        stages: list[tuple[Enrich, ...]] = []
        left = list(self.enrich)
        while left:
            unfilled = frozenset(name for call in left for name in call.fills)
            undecided = {call.decided_by for call in left}
            ready = tuple(
                call
                for call in left
                if not call.reads & unfilled and call.operation not in undecided
            )
            if not ready:
                raise ValueError(f"the enriching calls of {self.type} wait for each other")
            stages.append(ready)
            left = [call for call in left if call not in ready]
        return tuple(stages)

    def decider(self, call: Enrich) -> Enrich | None:
        """Return the call that says whether the resource was there when `call` found nothing."""
        return next((each for each in self.enrich if each.operation == call.decided_by), None)


@dataclass(frozen=True, slots=True)
class Gap:
    """Why an attribute could not be read: the call, how it ended, and whether a permission would
    cure that."""

    unit: Unit
    outcome: CallOutcome
    error_code: str | None = None
    curable: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one audit saw of one resource.

    An attribute that could not be read is absent from `document` and named in `unread`.
    `sources` names the calls behind each enriched attribute, and under `*` the list call. With
    `error`, the kind of what went wrong while it was derived, nothing is known but its id.
    `owner` is the account that can change it, `formerly` the id that it had by its row's former
    template, None where that is the same.
    """

    provider: str
    account: str
    region: str
    type: str
    native_id: str
    name: str | None
    tags: Mapping[str, str]
    document: Document
    relations: Mapping[str, tuple[str, ...]]
    unread: Mapping[str, Gap]
    sources: Mapping[str, tuple[Unit, ...]]
    owner: str
    formerly: str | None = None
    created: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """How the listing of one type in one place ended; the last thing that a walk yields.

    Only a `complete` listing says that a resource that it lacks is deleted. `gone` are the native
    ids of those that it named and that later calls no longer found: nothing is said of them. `gap`
    names the first call that was not answered; where there is no such list, the outcome is
    `unsupported` and there is none. `called_at` is the time of the first call, None without calls.
    """

    provider: str
    account: str
    region: str
    type: str
    complete: bool
    outcome: CallOutcome
    resources: int
    units: tuple[Unit, ...]
    called_at: datetime | None
    gap: Gap | None = None
    gone: tuple[str, ...] = ()
