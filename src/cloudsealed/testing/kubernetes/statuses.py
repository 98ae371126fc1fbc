"""What an API server says instead of an answer: the Status objects of a real one, to the letter.

They are held equal to recorded ones by a test. Source: k8s.io/apimachinery, api/errors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from cloudsealed.testing.kubernetes.store import Object

Reply = tuple[int, bytes, Mapping[str, str]]
"""A status, a body and headers."""

NO_PAGE: Reply = (
    404,
    b"404 page not found\n",
    {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"},
)
_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start"
    " a new list without the continue parameter, or use the continue token in this response to"
    " retrieve the remainder of the results. Continuing with the provided token results in an"
    " inconsistent list - objects that were created, modified, or deleted between the time the"
    " first chunk was returned and now may show up in the list."
)


def document(said: Any, code: int = 200) -> Reply:
    """Return an answer that is a document."""
    return code, json.dumps(said).encode(), {}


def status(
    code: int,
    reason: str,
    message: str,
    details: Object | None = None,
    metadata: Mapping[str, str] = MappingProxyType({}),
) -> Reply:
    """Return a failure."""
    said = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": dict(metadata),
        "status": "Failure",
        "message": message,
        "reason": reason,
        **({"details": details} if details is not None else {}),
        "code": code,
    }
    return document(said, code)


def unauthorized() -> Reply:
    """Return what somebody hears whom the server does not know."""
    return status(401, "Unauthorized", "Unauthorized")


def forbidden(user: str, verb: str, group: str, plural: str, namespace: str, name: str) -> Reply:
    """Return what somebody hears who may not do that."""
    resource = f"{plural}.{group}" if group else plural
    place = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    named = f'{resource} "{name}" is forbidden' if name else f"{resource} is forbidden"
    message = (
        f'{named}: User "{user}" cannot {verb} resource "{plural}" in API group "{group}" {place}'
    )
    return status(403, "Forbidden", message, _details(group, plural, name))


def not_found(group: str, plural: str, name: str) -> Reply:
    """Return that there is no object of this name."""
    resource = f"{plural}.{group}" if group else plural
    details = _details(group, plural, name)
    return status(404, "NotFound", f'{resource} "{name}" not found', details)


def expired(onward: str) -> Reply:
    """Return that a place in a list is too old, and where the list goes on as it is now."""
    return status(410, "Expired", _TOO_OLD, None, {"continue": onward})


def _details(group: str, plural: str, name: str) -> Object:
    return {
        **({"name": name} if name else {}),
        **({"group": group} if group else {}),
        "kind": plural,
    }
