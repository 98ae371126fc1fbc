"""Who this process is to its cloud: whom roles have to trust. Asked rarely, by one at a time."""

from __future__ import annotations

import threading
from contextlib import closing
from datetime import datetime, timedelta

from cloudsealed.collectors.aws.access import AwsAccess, AwsSession, identify
from cloudsealed.collectors.aws.errors import CloudAccessError
from cloudsealed.kit.clock import Clock

_KNOWN, _NOBODY = timedelta(minutes=5), timedelta(seconds=30)  # how long an answer is kept


class Itself:
    """Asks with the process's own credentials; one try of at most `seconds`."""

    def __init__(self, clock: Clock, *, seconds: float) -> None:
        self._clock = clock
        self._access = AwsAccess(deadline=seconds, max_attempts=1)
        self._turn = threading.Lock()
        self._found: tuple[datetime, str | None] | None = None

    def arn(self) -> str | None:
        """Return the ARN of the process's own identity, None when it has none or that cannot be
        found out."""
        with self._turn:
            now = self._clock()
            if self._found is None or self._found[0] <= now:
                arn = self._asked()
                self._found = (now + (_KNOWN if arn else _NOBODY), arn)
            return self._found[1]

    def _asked(self) -> str | None:
        try:
            with closing(AwsSession(self._access, clock=self._clock)) as session:
                return identify(session).arn
        except CloudAccessError:
            return None
