"""The pages of the product: each asks the API as its visitor, and shows the answers."""

from __future__ import annotations

from cloudsealed.console.look import Passage, View
from cloudsealed.console.views import (
    audit,
    audits,
    connections,
    criteria,
    events,
    finding,
    findings,
    frameworks,
    limits,
    overview,
    policies,
    policy_editor,
    reports,
    resource,
    resources,
    schedules,
    search,
    simulations,
    users,
)

_NOUNS = (
    overview,
    findings,
    finding,
    resources,
    resource,
    search,
    audits,
    audit,
    frameworks,
    reports,
    connections,
    schedules,
    users,
    events,
    limits,
    *(criteria, policy_editor, simulations, policies),  # the last has a path that others match
)

VIEWS: tuple[View, ...] = tuple(view for noun in _NOUNS for view in noun.VIEWS)
PASSAGES: tuple[Passage, ...] = tuple(
    passage for noun in _NOUNS for passage in getattr(noun, "PASSAGES", ())
)
