"""Accepted risks in a file: which finding, why, and until when. They count where the file is given.

    exceptions:
      - policy: aws-ec2-sg-ssh-open
        resource: arn:aws:ec2:eu-west-1:*:security-group/sg-0ab1   # or its name; * is any text
        reason: Bastion host, behind the company's VPN
        expires_at: 2026-12-31                                     # that day still counts

A finding that one is about reads as people's triage `accepted_risk` does; its status stays what the
audit says. It stores nothing, and refuses a file with anything in it that it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from cloudsealed.kit.clock import rfc3339
from cloudsealed.kit.shapes import FormError, Many, Moment, Part, Path, Record, Text, words
from cloudsealed.packs.document import Document
from cloudsealed.packs.reader import placed
from cloudsealed.vocabulary import TriageState

MOST = 10_000
LONGEST = 4 << 20
"""Characters of a file: those of as many exceptions, and room for what people remark."""
_ANY = "*"
_LAST_MOMENT = time(23, 59, 59, 999_000)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _End:
    """A time, or a day, which counts to its end in UTC."""

    def read(self, value: Any, at: Path) -> str:
        if not (isinstance(value, str) and _DAY.fullmatch(value)):
            return Moment().read(value, at)
        try:
            day = date.fromisoformat(value)
        except ValueError:
            raise FormError(at, f"is no day that there is: {value}") from None
        return rfc3339(datetime.combine(day, _LAST_MOMENT, UTC))

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


@dataclass(frozen=True, slots=True)
class _Number:
    """An account's number, which people write without quotes too."""

    def read(self, value: Any, at: Path) -> str:
        plain = isinstance(value, int) and not isinstance(value, bool)
        return Text().read(str(value) if plain else value, at)

    def schema(self) -> dict[str, Any]:
        return {"type": ["string", "integer"]}


def _form(policies: Collection[str]) -> Record:
    """Return the form of a file; `policies` are the keys that it may name."""
    entry = Record(
        {
            "policy": Part(words(sorted(policies)), needed=True),
            "resource": Part(Text(longest=2048), needed=True),
            "account": Part(_Number(), default="*"),
            "region": Part(Text(longest=100), default="*"),
            "reason": Part(Text(longest=4000), needed=True),
            "expires_at": Part(_End(), needed=True),
            "accepted_by": Part(Text(longest=200)),
        }
    )
    return Record({"exceptions": Part(Many(entry, most=MOST), needed=True)})


@dataclass(frozen=True, slots=True)
class Accepted:
    """One accepted risk; `line` is where it begins in its file, and `expires_at` RFC 3339."""

    policy: str
    resource: str
    account: str
    region: str
    reason: str
    expires_at: str
    accepted_by: str | None
    line: int

    def covers(self, resource: Mapping[str, Any]) -> bool:
        """Say whether it is about a resource, which a finding of its policy shows."""
        named = any(
            _fits(self.resource, resource[name]) for name in ("native_id", "name") if resource[name]
        )
        return (
            named
            and _fits(self.account, resource["account"])
            and _fits(self.region, resource["region"])
        )


class Exceptions:
    """The exceptions of a file: says which findings they are about, and which are of no use."""

    def __init__(self, file: str, entries: Sequence[Accepted]) -> None:
        self.file = file
        self._entries = entries
        self._used: set[Accepted] = set()
        self._by_name: dict[tuple[str, str], list[Accepted]] = {}
        for entry in entries:
            name = _ANY if _ANY in entry.resource else entry.resource
            self._by_name.setdefault((entry.policy, name), []).append(entry)

    def of(
        self, finding: Mapping[str, Any], policy: str, resource: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Return a finding with its triage: the file's, unless a person decided to accept it. Of
        several the one that ends last counts."""
        names = (resource["native_id"], resource["name"], _ANY)
        known = (each for name in names for each in self._by_name.get((policy, name), ()))
        about = [each for each in known if each.covers(resource)]
        if not about:
            return finding
        self._used.update(about)
        if (finding["triage"] or {}).get("state") in ACCEPTING:
            return finding
        return {**finding, "triage": self._triage(max(about, key=lambda each: each.expires_at))}

    def applied(self, findings: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """Yield findings, as the API shows them, with their triage."""
        for finding in findings:
            yield self.of(finding, finding["policy"]["key"], finding["resource"])

    def remarks(self, now: str) -> Iterator[str]:
        """Yield what whoever keeps the file should know: what has ended, and what is about nothing
        that was found in what `applied` has yielded."""
        for entry in self._entries:
            place = f"{self.file}:{entry.line}: {entry.policy} on {entry.resource}"
            if entry.expires_at <= now:
                yield f"{place} ended {entry.expires_at[:10]}, and counts no more"
            elif entry not in self._used:
                yield f"{place} is about no finding of this audit"

    def _triage(self, entry: Accepted) -> dict[str, Any]:
        return {
            "state": TriageState.ACCEPTED_RISK.value,
            "assignee": None,
            "note": entry.reason,
            "expires_at": entry.expires_at,
            "updated_at": None,
            "updated_by": entry.accepted_by or self.file,
        }


ACCEPTING = (TriageState.ACCEPTED_RISK, TriageState.FALSE_POSITIVE)
"""The decisions after which a finding asks for no more attention, until they end."""


def is_accepted(finding: Mapping[str, Any], now: str) -> bool:
    """Say whether somebody accepted a finding, and that has not ended at `now`, RFC 3339."""
    triage = finding["triage"]
    if triage is None or triage["state"] not in ACCEPTING:
        return False
    return triage["expires_at"] is None or triage["expires_at"] > now


def read_exceptions(text: str, *, file: str, policies: Collection[str]) -> Exceptions:
    """Read a file; `policies` are the keys that there are.

    Raises PolicyFileError: the first thing that is wrong, with its line and field, and the others.
    """
    document = Document(text, file, longest=LONGEST)
    try:
        found = _form(policies).read(document.value(document.root))["exceptions"]
    except FormError as refused:
        errors = [placed(document, each) for each in refused.every]
        first, *others = sorted(errors, key=lambda each: (each.line, each.column))
        first.others = tuple(others)
        raise first from refused
    places = (document.node(("exceptions", index)) for index in range(len(found)))
    lines = (place.start_mark.line + 1 for place in places)
    entries = [Accepted(**each, line=line) for each, line in zip(found, lines, strict=True)]
    return Exceptions(file, entries)


def _fits(pattern: str, value: str) -> bool:
    """Say whether a pattern is a value; `*` in it is any text. It looks at the value once."""
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == value
    *middle, last = rest
    at = len(first) if value.startswith(first) else -1
    for part in middle:
        found = value.find(part, at) if at >= 0 else -1
        at = found + len(part) if found >= 0 else -1
    return at >= 0 and value.endswith(last) and len(value) - len(last) >= at
