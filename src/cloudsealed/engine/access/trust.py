"""Whom a role's trust policy lets in whom nobody named.

Sources: the AWS IAM user guide, "Identity-provider controls for shared OIDC providers" and "Keys
available for AWS OIDC federation": an issuer that many share tells its customers apart by a claim,
which the policy has to compare with what only one of them has. Issuers and claims are facts
(`packs/facts/oidc_issuers.csv`); an issuer that they do not name is somebody's own, of which any
condition on a claim counts. Who everybody of AWS is stands in `strangers`. Refuses to judge those
who are named: accounts, services and SAML providers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Final, NamedTuple

from cloudsealed.engine.access.conditions import Line, lines
from cloudsealed.engine.access.patterns import covers
from cloudsealed.engine.access.public import opening
from cloudsealed.engine.access.statements import Element, raw_statements, statement_of, texts
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.values import Value
from cloudsealed.packs.facts import facts

_ASSUMING: Final = ("sts:assumerole", "sts:assumerolewithsaml", "sts:assumerolewithwebidentity")
_WEB: Final = _ASSUMING[2]
_PROVIDER: Final = ":oidc-provider/"
_ALWAYS_THERE: Final = frozenset({"sub", "aud"})
"""Claims that every token has: an operator that forgives their absence forgives nothing."""
_EQUAL: Final = frozenset({"stringequals", "stringequalsignorecase"})
_LIKE: Final = frozenset({"stringlike", "arnlike", "arnequals"})
_WILD: Final = re.compile(r"[*?]")


class Issuer(NamedTuple):
    """Who issues tokens for many: its name or a pattern of names, who they are in words, and by
    claim, or key, how a value begins that only one of them has; "" for the whole value."""

    name: str
    everyone: str
    claims: dict[str, list[str]]


@cache
def _issuers() -> tuple[Issuer, ...]:
    found: dict[str, Issuer] = {}
    for row in facts("oidc_issuers"):
        issuer = found.setdefault(row["issuer"], Issuer(row["issuer"], row["everyone"], {}))
        issuer.claims.setdefault(row["claim"], []).append(row["shape"])
    return tuple(found.values())


def strangers_let_in(meter: Meter, document: Value) -> list[str]:
    """Who may assume the role without being named, in words; nobody is the empty list."""
    found = ["everybody in AWS"] if opening(meter, document, _ASSUMING) is not None else []
    allows: list[dict[str, Any]] = []
    denials: list[dict[str, Any]] = []
    for number, text in raw_statements(meter, document):
        actions = statement_of(meter, number, text).actions
        if _takes_in(meter, actions, _WEB):
            (allows if text["Effect"] == "Allow" else denials).append(text)
    for text in allows:
        for issuer in _federated(meter, text):
            who = _let_in(meter, issuer, text, denials)
            if who and who not in found:
                found.append(who)
    return found


def _takes_in(meter: Meter, actions: Element, action: str) -> bool:
    return any(covers(meter, each, action) for each in actions.patterns) != actions.negated


def _federated(meter: Meter, statement: dict[str, Any]) -> Iterator[str]:
    """The issuers of tokens that a statement trusts, by their name without https://."""
    principal = statement.get("Principal")
    if principal.__class__ is dict:
        for each in texts(meter, principal.get("Federated"), "Principal.Federated"):
            if ":saml-provider/" not in each:
                yield each.partition(_PROVIDER)[2] or each


def _let_in(
    meter: Meter, issuer: str, statement: dict[str, Any], denials: Iterable[dict[str, Any]]
) -> str | None:
    shared = next((each for each in _issuers() if covers(meter, each.name, issuer)), None)
    told = [line for line in lines(meter, statement) if not line.negated]
    for denial in denials:
        against = lines(meter, denial)
        if len(against) == 1 and against[0].negated:
            told.append(against[0]._replace(negated=False))
    if shared is None:
        closed = any(_says_something(line, issuer) for line in told)
        return None if closed else f"everybody whom {issuer} knows"
    closed = any(_names(line, issuer, claim, shared) for line in told for claim in shared.claims)
    return None if closed else shared.everyone


def _says_something(line: Line, issuer: str) -> bool:
    """Whether a line keeps anybody out whom an issuer of one's own knows."""
    of_issuer = line.key.startswith(f"{issuer.lower()}:") and line.operator in _EQUAL | _LIKE
    everything = line.operator in _LIKE and any(not each.strip("*") for each in line.values)
    return of_issuer and not everything


def _names(line: Line, issuer: str, claim: str, shared: Issuer) -> bool:
    """Whether a line lets in only those who have what one of the issuer's customers has."""
    key = claim if ":" in claim else f"{issuer}:{claim}"
    if line.key != key.lower() or line.operator not in _EQUAL | _LIKE:
        return False
    if (line.every or line.if_exists) and claim not in _ALWAYS_THERE:
        return False
    is_literal = line.operator in _EQUAL
    return all(is_literal or _is_ones(each, shared.claims[claim]) for each in line.values)


def _is_ones(value: str, shapes: Iterable[str]) -> bool:
    """Whether a pattern is fixed as far as it says whose it is."""
    wild = _WILD.search(value)
    if wild is None:
        return True
    fixed = value[: wild.start()]
    return any(shape and _shape(shape).match(fixed) is not None for shape in shapes)


@cache
def _shape(text: str) -> re.Pattern[str]:
    before, after = text.split("{}")
    return re.compile(f"{re.escape(before)}[^/:]+{re.escape(after)}")
