"""The application's operations for pages of the same process, as the user who visits one.

What a page shows and does is what the API answers, with the same permissions, budgets and events;
only the gate is not passed twice, as it has let the visitor in already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from cloudsealed.api.gate.exchange import KEY, Again, Exchange, exchange_of
from cloudsealed.auth.model import Caller


class Inside:
    """Asks the application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def base(self, outer: Mapping[str, Any]) -> str:
        """Return what the addresses of the API begin with for the visitor of a page."""
        return exchange_of(outer).base

    async def serve(
        self,
        outer: Scope,
        receive: Receive,
        send: Send,
        *,
        caller: Caller,
        again: Again,
        method: str | None,
        target: str,
        headers: Sequence[tuple[bytes, bytes]],
    ) -> None:
        """Answer a request for `target`, a path with its query, within a page's request.

        `again` asks whether its visitor is still logged in; `method` None is the page's own, GET or
        HEAD.
        """
        met = exchange_of(outer)
        path, _, query = target.partition("?")
        inner = {
            **outer,
            "method": method or outer["method"],
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": list(headers),
            "path_params": {},
            KEY: Exchange(
                met.request_id,
                met.address,
                met.base,
                met.is_head and method is None,
                caller=caller,
                again=again,
            ),
        }
        await self._app(inner, receive, send)
