"""Whether a session still stands when AWS refuses its credentials, and the attempt to renew it.

A region that is not enabled refuses everybody's credentials; what was not recognised there says
nothing of the session while the home region still knows who we are. It refuses to guess: only
AWS's own word, that they expired or that it does not know them at home, ends a session.
"""

from __future__ import annotations

import threading
import time

from cloudsealed.collectors.aws.access import AwsSession, access_error, identify
from cloudsealed.collectors.aws.answers import AwsFailure, is_expired, is_refused
from cloudsealed.collectors.calling.pacing import Monotonic
from cloudsealed.collectors.errors import (
    CloudAccessError,
    CredentialsRefusedError,
    NoCredentialsError,
    RoleRefusedError,
    SessionExpiredError,
)

VOUCHED_SECONDS = 10.0
"""For how long a session stands that AWS knew a moment ago."""

_ENDED = (SessionExpiredError, CredentialsRefusedError, NoCredentialsError, RoleRefusedError)


class Standing:
    """The standing of one session; safe for threads."""

    def __init__(self, session: AwsSession, monotonic: Monotonic = time.monotonic) -> None:
        self._session = session
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._vouched_at: float | None = None

    def renewed(self, failure: AwsFailure, generation: int, *, again: bool) -> bool:
        """Say whether a failed call is to be repeated, with other credentials than those of
        `generation`; `again` when that was done for it already.

        Raises CloudAccessError when the session has ended and the SDK's chain has no other.
        """
        ended = self._ended(failure)
        if ended is None:
            return False
        if not again and self._session.renew(generation):
            return True
        raise ended

    def _ended(self, failure: AwsFailure) -> CloudAccessError | None:
        if is_expired(failure):
            return access_error(failure, self._session)
        return self._unknown_at_home() if is_refused(failure) else None

    def _unknown_at_home(self) -> CloudAccessError | None:
        """Return how AWS refuses us in the home region; None when it knows us, or does not say."""
        with self._lock:
            now = self._monotonic()
            if self._vouched_at is not None and now - self._vouched_at < VOUCHED_SECONDS:
                return None
            try:
                identify(self._session)
            except _ENDED as error:
                return error
            except CloudAccessError:
                return None
            self._vouched_at = now
            return None
