"""What is known of a cell's findings, so that the same words, said again, need not be read.

A line of an audit is known by the SHA-256 of its bytes, which stands in the row of the finding that
came of it. That tells all that the line makes of the finding, as long as nothing else had a say:
whoever is in doubt asks for no digest, and reconciles. It reads no finding and writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any, NamedTuple, TypeAlias

import orjson

from cloudsealed.audits.records.blocks import Block
from cloudsealed.audits.records.observation import Observation
from cloudsealed.findings.model import Finding, Follows, Moment, fingerprint
from cloudsealed.findings.pin_store import Pin
from cloudsealed.findings.said_store import Stored
from cloudsealed.policies.yielding import Yields
from cloudsealed.vocabulary import FindingStatus, Outcome

_SNAPSHOT = b'"snapshot":"'
_BYTES = 20
_SUPPRESSED, _FAIL = FindingStatus.SUPPRESSED.value, Outcome.FAIL.value
_UNCLASSIFIED, _HEAD = b'"classified_by":null,', 60  # before it stands one severity at most
_YIELDS, _FORMERLY = b'"yields_to":', b'"formerly":'
NOBODY = ""
Reconciled: TypeAlias = tuple[Observation, Finding | None, Finding | None]
"""An observation, and its finding before and after it."""
_SEEN, _OVER = int(Follows.SEEN), FindingStatus.RESOLVED.value


class Spoken(NamedTuple):
    """An observation, and its line as it is stored."""

    line: bytes
    observation: Observation


class Wording:
    """What the lines of one block say of findings, by digest."""

    def __init__(self, header: Mapping[str, Any]) -> None:
        """`header` is the block's: a line says of the policy only what is not in it."""
        self._policy = b"%d %b " % (header["policy_version"], header["severity"].encode())

    def of(self, line: bytes, behind: str = NOBODY) -> bytes:
        """Return the digest of a line that leaves its finding behind another, by id.

        The snapshot is left out, which changes with what the policy does not read. A line is
        canonical: members after the snapshot's are words, in which a quotation mark is escaped, so
        what is found last is the line's own.
        """
        start = line.rindex(_SNAPSHOT)
        end = line.index(b'"', start + len(_SNAPSHOT))
        said = self._policy + behind.encode() + line[:start] + line[end:]
        return sha256(said).digest()[:_BYTES]


@dataclass(frozen=True, slots=True)
class Above:
    """What the findings of a cell may yield to, as it stands: id and status by fingerprint.

    `key` is that of the cell's policy.
    """

    yields: Yields
    key: str
    place: Mapping[str, str]
    standing: Mapping[str, tuple[str, str]]

    def of(self, said: Mapping[str, Any]) -> str | None:
        """Return the id of the finding that asks for attention in the place of that of a line,
        NOBODY's if it asks itself; None if that takes reading them."""
        if said["reasons"] or said["outcome"] == Outcome.UNKNOWN.value:
            return None  # it may fail still
        if said["outcome"] != _FAIL or said["suppressed"]:
            return NOBODY
        failing: dict[str, str] = {}
        for key in self.yields.above[self.key]:
            there = fingerprint(policy_key=key, native_id=said["native_id"], **self.place)
            ident, status = self.standing.get(there, (NOBODY, _OVER))
            if status == _SUPPRESSED:
                return None  # by what it yields to in turn, or by a classification
            if status != _OVER:
                failing[key] = ident
        asking = self.yields.asking(self.key, failing)
        return NOBODY if asking is None else failing[asking]


@dataclass
class Known:
    """What is known of one cell's findings.

    `unseen` are, in order, the fingerprints of those of which something is to be said if the audit
    did not see their resource, each with the resource's id. `by_words` are those that may be
    recognised, by the digest of what was said of them; `unvouched` the fingerprints of those that
    follow the cell and have none. `recognises` says that nobody else has a say, but for what is
    `above` findings that yield; `is_empty` that nothing follows the cell, nor would.
    """

    recognises: bool
    above: Above | None = None
    is_empty: bool = True
    unseen: dict[str, str] = field(default_factory=dict)
    by_words: dict[bytes, Stored] = field(default_factory=dict)
    unvouched: set[str] = field(default_factory=set)

    @classmethod
    def of(
        cls, rows: Iterable[Stored], block: Block, *, recognises: bool, above: Above | None = None
    ) -> Known:
        """Return what is known by a cell's rows; nothing is recognised unless it `recognises`."""
        found = cls(recognises, above)
        complete, gone = block.header["complete"], block.header.get("gone", {})
        for row in rows:
            _ident, name, said, follows, status, resource, kind, *_others, is_past = row
            is_missing = complete.get(kind, False)
            if not (follows or is_missing):
                continue
            found.is_empty = False
            if recognises and is_past:
                if follows == _SEEN:
                    if said is None:
                        found.unvouched.add(name)
                    else:
                        found.by_words[said] = row
                elif status == _OVER and is_missing and follows and not gone.get(kind):
                    continue  # it was missing, and is
            found.unseen[name] = resource
        return found

    def recognise(self, wording: Wording, line: bytes) -> tuple[bool, Pin | None]:
        """Say whether a line is what was said last of a finding, which was seen then; with what it
        says of it if it fails."""
        if not self.by_words:
            return False, None
        told = _is_told(line) or self.above is not None
        said = orjson.loads(line) if told else {}
        behind = NOBODY if self.above is None else self.above.of(said)
        found = None if behind is None else self.by_words.get(wording.of(line, behind))
        if found is None or "formerly" in said:
            return False, None
        ident, name, _said, _follows, status, _resource, _type, last, rank, base, _is_past = found
        self.unseen.pop(name, None)
        if last != _FAIL:
            return True, None
        if not told:
            return True, (ident, rank, base, None, status == _SUPPRESSED, None)
        other = said.get("yields_to")
        silent = said["suppressed"] or other is not None
        return True, (ident, rank, base, said["classified_by"], silent, self._named(other))

    def _named(self, other: str | None) -> str | None:
        """Return the id of what a line says that its finding yields to, by its fingerprint."""
        if other is None or self.above is None:
            return None
        return self.above.standing.get(other, (None, ""))[0]

    def words(
        self, block: Block, batch: Sequence[Spoken], found: Sequence[Reconciled]
    ) -> dict[str, bytes]:
        """Return, by the finding's id, the digest of each line that alone makes it what it is."""
        if not self.recognises:
            return {}
        wording, at = Wording(block.header), block.header["observed_at"]
        return {
            new.id: wording.of(spoken.line, new.yields_to or NOBODY)
            for spoken, (observation, _old, new) in zip(batch, found, strict=True)
            if new is not None and _vouches(new, observation, at)
        }

    def unheard(
        self, found: Iterable[Reconciled], words: Mapping[str, bytes], moment: Moment
    ) -> dict[str, bytes]:
        """Return, by id, the words to note of findings that they did not change, as none are known.

        Other words for the same failure are of another version of this program. What else a line
        shows may change with every audit, and is not worth a write.
        """
        noted: dict[str, bytes] = {}
        for observation, old, new in found:
            if old is None or new is None or new.id not in words or not old.follows:
                continue
            fails = observation.outcome is Outcome.FAIL
            lacks = old.fingerprint in self.unvouched or (fails and old.fingerprint in self._heard)
            if lacks and words[new.id] not in self.by_words and old.at(moment) == new:
                noted[new.id] = words[new.id]
        return noted

    @cached_property
    def _heard(self) -> frozenset[str]:
        """The fingerprints of what may be recognised."""
        return frozenset(row[1] for row in self.by_words.values())


def _is_told(line: bytes) -> bool:
    """Say whether a line may say what no column of a finding's row has: how it was classified, what
    it yields to, or by which id it went."""
    return _UNCLASSIFIED not in line[:_HEAD] or _YIELDS in line or _FORMERLY in line


def _vouches(finding: Finding, observation: Observation, at: str) -> bool:
    """Say whether an observation of the time `at`, the newest of its cell, alone made a finding
    what it is, but for who it is: it left nothing open, and nobody decided it later."""
    latest = max(finding.decided, finding.looked, finding.failed)
    return latest.at <= at == finding.looked.at and not observation.severity_open
