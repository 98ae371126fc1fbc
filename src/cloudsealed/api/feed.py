"""What tells the open streams of audits' events how their audits stand.

One look twice a second tells all streams of the process, on one thread; it also asks whether each
credential is still let in. A stream that waits holds no thread and asks the database nothing. It
tells states, not changes: of two between two looks a client hears the second.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio
import anyio.to_thread

from cloudsealed.api.errors import RateLimitedError
from cloudsealed.api.gate.exchange import Again
from cloudsealed.audits.model import Standing
from cloudsealed.auth.model import Caller, Scope
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.storage.database import ServiceUnavailableError
from cloudsealed.wiring import Services

MEDIA_TYPE = "text/event-stream"
LOOK_SECONDS = 0.5
OF_A_TOKEN, SHARE_OF_A_TENANT = 10, 4  # most streams of a token; a tenant has a quarter of all
_RETRY_SECONDS = 5
_log = logging.getLogger("cloudsealed.api")


@dataclass(eq=False, slots=True)
class Watcher:
    """Who reads one open stream: of which audit, and the state that it has not sent yet.

    `again` asks whether the caller is still let in.
    """

    caller: Caller
    again: Again
    needs: Scope
    audit: str
    sent: str | None
    news: Standing | None = None
    is_over: bool = False
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def who(self) -> tuple[str, str]:
        """The credential and the address that it is used from."""
        return self.caller.token_id, self.caller.ip

    def tell(self, standing: Standing | None) -> None:
        """Hear how the audit stands; None when it, or the right to see it, is gone."""
        if standing is None:
            self.end()
        elif standing.tag != self.sent:
            self.news = standing
            self.moved.set()

    def end(self) -> None:
        """Be over at once."""
        self.is_over = True
        self.moved.set()


class Feed:
    """The open streams of a process, and the look that tells them; belongs to one event loop."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._most = services.settings.streams
        self._open: set[Watcher] = set()
        self._looking: asyncio.Task[None] | None = None
        self._thread: anyio.CapacityLimiter | None = None
        self._is_over = False

    @property
    def size(self) -> int:
        """How many streams are open."""
        return len(self._open)

    def enter(self, stream: Watcher) -> None:
        """Add a stream; raises RateLimitedError and ServiceUnavailableError beyond the bounds."""
        of_token = Counter(each.caller.token_id for each in self._open)
        of_tenant = Counter(each.caller.tenant_id for each in self._open)
        wait = {"Retry-After": str(_RETRY_SECONDS)}
        if of_token[stream.caller.token_id] >= OF_A_TOKEN:
            text = f"A token may have {OF_A_TOKEN} streams open: close one"
            raise RateLimitedError(text, headers=wait)
        if of_tenant[stream.caller.tenant_id] >= max(1, self._most // SHARE_OF_A_TENANT):
            raise RateLimitedError("The tenant has too many streams open", headers=wait)
        if self._is_over or len(self._open) >= self._most:
            raise ServiceUnavailableError("Too many streams are open: ask for the audit instead")
        self._open.add(stream)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_on())

    def leave(self, stream: Watcher) -> None:
        """Take a stream out; with the last one looking ends."""
        self._open.discard(stream)
        if not self._open and self._looking is not None:
            self._looking.cancel()
            self._looking = None

    def close(self) -> None:
        """End every stream now, and take no more: the server stops."""
        self._is_over = True
        for stream in self._open:
            stream.end()

    async def _look_on(self) -> None:
        if self._thread is None:
            self._thread = anyio.CapacityLimiter(1)  # of its own: requests wait for none of ours
        while True:
            streams = list(self._open)
            try:
                found = await anyio.to_thread.run_sync(self._look, streams, limiter=self._thread)
                for stream, standing in zip(streams, found, strict=True):
                    stream.tell(standing)
            except CloudSealedError as error:
                _log.warning("streams of events: %s", error.message)
            except Exception:
                _log.exception("streams of events failed")
            await asyncio.sleep(LOOK_SECONDS)

    def _look(self, streams: Sequence[Watcher]) -> list[Standing | None]:
        """Return what each stream is told: how its audit stands, None when that is not its right
        any more or there is none."""
        asked = {each.who: each.again for each in streams}
        callers = {who: again() for who, again in asked.items()}
        audits: dict[str, set[str]] = defaultdict(set)
        for each in streams:
            audits[each.caller.tenant_id].add(each.audit)
        known = {
            tenant: self._services.audits.standings(tenant=tenant, idents=sorted(idents))
            for tenant, idents in audits.items()
        }

        def told(stream: Watcher) -> Standing | None:
            caller = callers[stream.who]
            if caller is None or stream.needs not in caller.scopes:
                return None
            return known[stream.caller.tenant_id].get(stream.audit)

        return [told(each) for each in streams]
