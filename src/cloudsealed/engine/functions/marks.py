"""Our function on what was redacted: `holds_secret(mark)`.

A secret is replaced before anything is stored, so what it was taken for stands in the mark that is
left, with the version of the detector that looked. Refuses to judge by what an older one said.
"""

from __future__ import annotations

from typing import Any, Final

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.paths import is_redacted
from cloudsealed.engine.signature import Function, kinds
from cloudsealed.engine.values import Value
from cloudsealed.vocabulary import SECRET_DETECTOR


def holds_secret(mark: dict[Any, Value]) -> bool:
    """`holds_secret(resource.UserData)`: whether a redacted value was taken for a secret.

    A value that an older version of the detector looked at is an error, so the verdict is unknown
    until the next audit. So is a map that was not redacted.
    """
    if not is_redacted(mark):
        raise EvaluationError("holds_secret() takes a redacted value, and this is none")
    if mark.get("detector") != SECRET_DETECTOR:
        raise EvaluationError(
            "an older version of the detector looked at this value; the next audit looks anew"
        )
    return bool(mark["looks_like"])


MARKS: Final = (Function("holds_secret", (kinds("map"),), "bool", holds_secret),)
