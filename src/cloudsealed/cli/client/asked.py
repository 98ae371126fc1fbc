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
Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. `once` gives it an Idempotency-Key, unless its headers have one."""

    method: str
    path: str
    query: Pairs = ()
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    once: bool = False

    def request(self, client: httpx.Client) -> httpx.Request:
        """Return it as the client sends it; raises ServerError when it cannot be."""
        import httpx

        headers = {**self.headers}
        if self.once and KEY.lower() not in {name.lower() for name in headers}:
            headers[KEY] = str(uuid4())
        content = None
        if self.body is not None:
            content = json.dumps(self.body).encode()
            headers.setdefault("Content-Type", "application/json")
        try:
            # `params` would take the place of what a path has after its question mark
            url = httpx.URL(self.path)
            if url.scheme or url.host:
                raise ValueError(f"{url.host or url} may be another server, which gets no token")
            url = url.copy_merge_params(list(self.query)) if self.query else url
            return client.build_request(self.method, url, content=content, headers=headers)
        except (httpx.InvalidURL, UnicodeEncodeError, ValueError) as error:
            raise ServerError(f"This cannot be asked for: {error}") from error
