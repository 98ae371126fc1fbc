"""What one request does, while it does it: who asks, and which event tells of it.

A deed is known to whatever runs on its behalf, as the ids of log records are, so that no call has
to carry it. It refuses to store anything: whoever began it writes its event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from cloudsealed.vocabulary import ActorKind, EventType

_PROGRAMS = ("gra_", "cli_")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something that an event tells of; None is not known, or nobody.

    `credential_id` is a token's, grant's, session's, app's or client's. The operator at the command
    line has neither id nor address.
    """

    user_id: str | None = None
    credential_id: str | None = None
    ip: str | None = None

    @property
    def kind(self) -> ActorKind:
        """Who that is: a program by OAuth acts for a user, and is told from the user by it."""
        if self.user_id is None:
            return ActorKind.ANONYMOUS if self.ip else ActorKind.OPERATOR
        is_program = (self.credential_id or "").startswith(_PROGRAMS)
        return ActorKind.APP if is_program else ActorKind.USER


OPERATOR = Actor()


@dataclass(slots=True)
class Deed:
    """One request's deed. `kind` is what its event is, None for one that has none of its own.

    What a store tells of that kind meanwhile becomes `facts` of the one event, about `subject`; a
    store that tells of each of many objects leaves no event to write: `is_told`.
    """

    actor: Actor
    request_id: str
    kind: EventType | None = None
    subject: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    is_told: bool = False

    def takes(self, kind: EventType, subject: str, facts: Mapping[str, Any]) -> bool:
        """Say whether what is told is this deed's own event, and if so keep it for that."""
        if kind is not self.kind or self.subject is not None or self.is_told:
            return False
        self.subject, self.facts = subject, facts
        return True


_deed: ContextVar[Deed | None] = ContextVar("deed", default=None)
current = _deed.get
"""Returns the deed that this is done for, None in background work."""


def acting_user() -> str | None:
    """Return the id of the user whose deed this is, None for nobody's."""
    deed = current()
    return None if deed is None else deed.actor.user_id


@contextmanager
def doing(deed: Deed) -> Iterator[None]:
    """Do what is in the block for a deed."""
    token = _deed.set(deed)
    try:
        yield
    finally:
        _deed.reset(token)
