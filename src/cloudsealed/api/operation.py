"""Operations as data: a noun declares a table of them; routes, checks and docs derive from it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from pydantic import BaseModel

from cloudsealed.api.errors import filter_error
from cloudsealed.api.feed import MEDIA_TYPE
from cloudsealed.api.files import File
from cloudsealed.api.gate import coding
from cloudsealed.api.gate.limits import Limits
from cloudsealed.api.listing import Listed, PageArguments
from cloudsealed.api.query import Parameter
from cloudsealed.api.shown import Expansion, Shown, parameters_of
from cloudsealed.audits.model import Standing
from cloudsealed.auth.model import Caller, Scope
from cloudsealed.jobs import Admit, admitted
from cloudsealed.kit.deprecation import Deprecation
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.kit.shapes import Component, deprecations_of
from cloudsealed.storage.filters import Filter
from cloudsealed.storage.keyset import Page
from cloudsealed.storage.tenancy import Rows
from cloudsealed.vocabulary import EventType
from cloudsealed.wiring import Services

_NO_FILTERS = {"limit", "cursor", "sort"}
_NO_PAGE = PageArguments(filters={}, sort="-id", after=None, limit=50)


class _One(TypedDict):
    tenant: str
    ident: str


@dataclass(slots=True)
class Call:
    """One request, checked, as a handler gets it. `body` is None when there is none.

    `admits` spend the operation's heavy budgets, by name, and `admit` its only one: for the last
    moment before work is written.
    """

    services: Services
    limits: Limits
    caller: Caller
    path: Mapping[str, str]
    accept: str = ""
    query: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    page: PageArguments = field(default_factory=_NO_PAGE.copy)
    body: Any = None
    deadline: float | None = None
    shown: Shown | None = None
    admits: Mapping[str, Admit] = field(default_factory=dict)

    @property
    def admit(self) -> Admit:
        """What spends the only heavy budget; admits everything where there is none."""
        return next(iter(self.admits.values()), admitted)

    @property
    def tenant(self) -> str:
        """The caller's tenant."""
        return self.caller.tenant_id

    @property
    def ident(self) -> str:
        """The object that the path names."""
        return self.path["id"]

    @property
    def one(self) -> _One:
        """The arguments by which services find the object."""
        return {"tenant": self.tenant, "ident": self.path["id"]}

    def given(self, name: str) -> str | None:
        """Return the value of a query parameter that takes one, None when it is absent."""
        return self.query[name][0] if name in self.query else None


@dataclass(frozen=True, slots=True)
class Stream:
    """A file as an answer, sent in pieces."""

    pieces: Iterator[bytes]
    media_type: str
    filename: str


@dataclass(frozen=True, slots=True)
class Costs:
    """What an operation costs beyond this process: a child, or a wait for a foreign network.

    Each request spends of the tenant's `budget` before anything is done. At most `most` are at
    work in a process, of one caller their share of these, each in a thread that nobody else needs.
    A request whose body `when` is false of costs nothing of it.
    """

    budget: str
    most: int
    when: Callable[[Any], bool] = lambda _body: True


@dataclass(frozen=True, slots=True)
class Follow:
    """An audit's events as an answer, from how it stands until it ends."""

    standing: Standing


Reply = bytes | Mapping[str, Any] | Page | Stream | File | Follow | None
Handler = Callable[[Call], Reply]
Getter = Callable[[Call], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path.

    `scope` None means any valid credential; `quick` that it is read on the event loop under a
    deadline; `tagged` that the answer has an ETag; `heavy` names the budgets of which a 202
    spends one, `costs` what each request costs beyond this process; `ranged`
    that it answers a file, which can be asked for in ranges; `asks` that a POST changes nothing;
    `once` that it takes an Idempotency-Key; `secrets` are keys of the answer shown only once;
    `files` says what is in the media types of a download: a shape, or a schema;
    `getter` reads the object that the path names, a row of `rows`, whose ETag does not look at
    the fields `untagged`; `made_at` is where a POST's
    object is when it is not below the POST's own path; `{object}` in it is what it is;
    `expansions` are what `expand` shows whole; `deprecated` says when it goes;
    `event` is what tells of a change, or of a read that is told, `tells_made` that it is about the
    object that a POST makes where the path names another.
    """

    method: str
    path: str
    handler: Handler
    tag: str
    scope: Scope | None = None
    status: int = 200
    answer: type[BaseModel] | None = None
    parameters: Mapping[str, Filter | Parameter] = field(default_factory=dict)
    listed: Listed | None = None
    body: Component | None = None
    body_optional: bool = False
    produces: tuple[str, ...] = ("application/json",)
    files: Mapping[str, type[BaseModel] | dict[str, Any]] = field(default_factory=dict)
    quick: bool = False
    tagged: bool = False
    heavy: tuple[str, ...] = ()
    costs: Costs | None = None
    ranged: bool = False
    asks: bool = False
    once: bool = False
    secrets: tuple[str, ...] = ()
    getter: Getter | None = None
    rows: Rows | None = None
    untagged: tuple[str, ...] = ()
    made_at: str | None = None
    expansions: tuple[Expansion, ...] = ()
    errors: tuple[type[CloudSealedError], ...] = ()
    deprecated: Deprecation | None = None
    event: EventType | None = None
    tells_made: bool = False

    @property
    def name(self) -> str:
        """The operation's id, such as `list_findings`."""
        return self.handler.__name__

    @property
    def is_json(self) -> bool:
        """Whether it answers JSON alone."""
        return self.produces == ("application/json",)

    @property
    def ages_in_part(self) -> bool:
        """Whether a parameter or a field of its body is deprecated."""
        old = (item.deprecated for item in self.parameters.values())
        return any(old) or (self.body is not None and any(deprecations_of(self.body)))

    @property
    def is_followed(self) -> bool:
        """Whether it answers a stream of events."""
        return self.produces == (MEDIA_TYPE,)

    @property
    def is_list(self) -> bool:
        """Whether it answers many objects."""
        return self.listed is not None or self.name.startswith("list_")

    @property
    def is_conditional(self) -> bool:
        """Whether it takes If-None-Match."""
        return self.method == "GET" and (self.tagged or self.is_list or self.ranged)

    @property
    def codings(self) -> tuple[str, ...]:
        """The codings that its answer may be in besides none: of JSON without a secret."""
        return tuple(coding.CODINGS) if self.is_json and not self.secrets else ()

    @property
    def texts(self) -> tuple[str, str]:
        """The summary and the description: the first line of the handler's doc, and the rest."""
        summary, _, rest = inspect.cleandoc(self.handler.__doc__ or "").partition("\n\n")
        return summary.rstrip("."), rest

    @property
    def writes(self) -> bool:
        """Whether it may change what is stored."""
        return self.method not in ("GET", "HEAD") and not self.asks

    @property
    def budgets(self) -> tuple[str, ...]:
        """The budgets of the tenant that a request may spend."""
        return (*self.heavy, *((self.costs.budget,) if self.costs else ()))

    @property
    def collection(self) -> str:
        """The path of the noun that a POST makes an object of."""
        return self.made_at or self.path.partition("/{id}")[0]


def _shown(options: Mapping[str, Any]) -> dict[str, Parameter]:
    return parameters_of(options["answer"], options.get("expansions", ()))


Declare = Callable[[Handler], Handler]


class Table:
    """The operations of one noun, in the order in which routes are tried."""

    def __init__(
        self,
        tag: str,
        description: str,
        *,
        getter: Getter | None = None,
        rows: Rows | None = None,
        untagged: tuple[str, ...] = (),
    ) -> None:
        self.tag = tag
        self.description = description
        self.operations: list[Operation] = []
        self._object = {"getter": getter, "rows": rows, "untagged": untagged}

    def lists(self, path: str, listed: Listed, **options: Any) -> Declare:
        """Declare a list of pages."""
        parameters = {**listed.parameters, **_shown(options)}
        return self._add("GET", path, listed=listed, parameters=parameters, quick=True, **options)

    def reads(self, path: str, **options: Any) -> Declare:
        """Declare a read of anything else."""
        return self._add("GET", path, **options)

    def gets(self, path: str, **options: Any) -> Declare:
        """Declare the read of one object, with an ETag."""
        parameters = _shown(options)
        return self._add("GET", path, parameters=parameters, quick=True, tagged=True, **options)

    def makes(self, path: str, *, event: EventType, **options: Any) -> Declare:
        """Declare a POST that makes an object: 201, or 202 when work begins."""
        options = {"status": 201, "once": True, **options}
        return self._add("POST", path, event=event, **options)

    def acts(self, path: str, *, event: EventType | None, **options: Any) -> Declare:
        """Declare a POST that makes no object; one without an event changes nothing."""
        options = {"once": True, "body_optional": True, **options}
        return self._add("POST", path, event=event, **options)

    def changes(self, path: str, *, event: EventType, **options: Any) -> Declare:
        """Declare a PATCH."""
        return self._add("PATCH", path, event=event, tagged=True, **options)

    def deletes(self, path: str, *, event: EventType, **options: Any) -> Declare:
        """Declare a DELETE."""
        return self._add("DELETE", path, event=event, status=204, **options)

    def _add(self, method: str, path: str, **options: Any) -> Declare:
        if "{id}" in path:
            options = {**self._object, **options}
        for name in options.get("parameters", {}).keys() - _NO_FILTERS:
            filter_error(name)  # so that the catalogue has its code

        def declare(handler: Handler) -> Handler:
            operation = Operation(
                method=method, path=path, handler=handler, tag=self.tag, **options
            )
            self.operations.append(operation)
            return handler

        return declare
