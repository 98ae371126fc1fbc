"""One request to a server, before it is sent: to that server alone, whatever its path says."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from cloudsealed.cli.exchange import ServerError

if TYPE_CHECKING:
    import httpx

KEY: Final = "Idempotency-Key"
LONGEST: Final = 660
"""Seconds that a file may take to begin: the server reads all of an export first."""
Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Written:
    """A body as somebody wrote it, which is sent as it is; `document` is what it says."""

    text: str
    document: Any


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. `once` gives it an Idempotency-Key, unless its headers have one; `patience` is
    how many seconds an answer may take to begin, where that is long."""

    method: str
    path: str
    query: Pairs = ()
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    once: bool = False
    patience: float | None = None

    def request(self, client: httpx.Client) -> httpx.Request:
        """Return it as the client sends it; raises ServerError when it cannot be."""
        import httpx

        headers = {**self.headers}
        if self.once and KEY.lower() not in {name.lower() for name in headers}:
            headers[KEY] = str(uuid4())
        content = None
        if self.body is not None:
            is_written = isinstance(self.body, Written)
            content = (self.body.text if is_written else json.dumps(self.body)).encode()
            headers.setdefault("Content-Type", "application/json")
        try:
            # `params` would take the place of what a path has after its question mark
            url = httpx.URL(self.path)
            if url.scheme or url.host:
                raise ValueError(f"{url.host or url} may be another server, which gets no token")
            url = url.copy_merge_params(list(self.query)) if self.query else url
            made = client.build_request(self.method, url, content=content, headers=headers)
        except (httpx.InvalidURL, UnicodeEncodeError, ValueError) as error:
            raise ServerError(f"This cannot be asked for: {error}") from error
        if self.patience is not None:
            made.extensions["timeout"] = {**made.extensions["timeout"], "read": self.patience}
        return made
