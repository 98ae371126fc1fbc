"""Who this process is to its cloud: whom roles have to trust. Asked rarely, by one at a time."""

from __future__ import annotations

import threading
from contextlib import closing
from datetime import datetime, timedelta

from cloudsealed.collectors.errors import CloudAccessError
from cloudsealed.collectors.provider import CloudProvider, Way
from cloudsealed.kit.clock import Clock
from cloudsealed.vocabulary import Provider

_KNOWN, _NOBODY = timedelta(minutes=5), timedelta(seconds=30)  # how long an answer is kept


class Itself:
    """Asks with the process's own credentials; one try of at most `seconds`."""

    def __init__(self, clock: Clock, *, seconds: float) -> None:
        self._clock = clock
        self._way = Way({}, brief=seconds)
        self._turn = threading.Lock()
        self._found: dict[Provider, tuple[datetime, str | None]] = {}

    def name(self, provider: CloudProvider) -> str | None:
        """Return the process's own name at a provider (at AWS an ARN), None when it has none or
        that cannot be found out."""
        with self._turn:
            now = self._clock()
            until, name = self._found.get(provider.name, (now, None))
            if until <= now:
                name = self._asked(provider)
                self._found[provider.name] = now + (_KNOWN if name else _NOBODY), name
            return name

    def _asked(self, provider: CloudProvider) -> str | None:
        try:
            with closing(provider.open(self._way, self._clock)) as session:
                return session.identify().name
        except CloudAccessError:
            return None
