"""What AWS's words of a refusal say beside its code: which kind of policy denies the call.

Source of the words: AWS IAM User Guide, "Troubleshoot access denied error messages". Services that
say less leave it open. Nothing of a text is passed on but the kind of policy that it names.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from enum import StrEnum


class Denier(StrEnum):
    """What denies a call that no statement that allows it would cure; the value is its name."""

    SERVICE_CONTROL = "a service control policy"
    RESOURCE_CONTROL = "a resource control policy"
    IDENTITY = "an explicit deny in an identity-based policy"
    RESOURCE = "a policy of the resource"
    BOUNDARY = "a permissions boundary"
    SESSION = "a session policy"
    ENDPOINT = "a policy of the VPC endpoint"
    OWNER = "the resource's owner"
    OTHER = "an explicit deny"

    @property
    def is_organization(self) -> bool:
        """Whether it is the organisation's, which the account itself cannot change."""
        return self in (Denier.SERVICE_CONTROL, Denier.RESOURCE_CONTROL)


_KINDS: Mapping[str, Denier] = {
    "service control": Denier.SERVICE_CONTROL,
    "resource control": Denier.RESOURCE_CONTROL,
    "identity-based": Denier.IDENTITY,
    "resource-based": Denier.RESOURCE,
    "permissions boundary": Denier.BOUNDARY,
    "session": Denier.SESSION,
    "vpc endpoint": Denier.ENDPOINT,
}

_NAMED = "|".join(_KINDS)
_CAUSE = re.compile(
    rf"(?P<explicit>explicit deny)(?: in an? (?P<by>{_NAMED})\b)?"
    rf"|because no (?P<without>{_NAMED})\b[\w ]* allows",
    re.IGNORECASE,
)
_FOREIGN = re.compile(
    r"Not authorized for|You don't have permissions to access this resource", re.IGNORECASE
)
"""What EC2 says of another account's, and Organizations to all but its management account."""
_LONGEST = 10_000  # characters of a message that are looked at


def denier_of(message: object) -> Denier | None:
    """Return what a refusal names as the cause; None for one that a permission may cure. The cause
    comes last: what stands before it are names that people gave."""
    text = message[-_LONGEST:] if isinstance(message, str) else ""
    causes = deque(_CAUSE.finditer(text), maxlen=1)
    if not causes:
        return Denier.OWNER if _FOREIGN.match(text) else None
    found = causes.pop()
    kind = _KINDS.get((found["by"] or found["without"] or "").lower(), Denier.OTHER)
    return None if kind is Denier.IDENTITY and not found["explicit"] else kind
