"""Watches over an audit's thread: nothing that it waits for, and nothing that it meets, holds it.

The audit runs in a thread of its own. Whoever watches renews its lease for as long as that thread
lives and gives signs of life, and hears within a second that the audit is to be canceled. What
does not end by itself then is left behind: its lease is taken anew, so it can write nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from time import monotonic

from cloudsealed.audits.model import AuditStalledError, LeaseLostError
from cloudsealed.audits.shard_store import RENEW_SECONDS, Lease
from cloudsealed.kit.logs import carried
from cloudsealed.storage.database import ServiceUnavailableError

log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.5
_GRACE_SECONDS = 3.0
STALLED_SECONDS = 900.0


def supervised(lease: Lease, work: Callable[[], None]) -> None:
    """Do the work of an audit; raises what it raises, and what ends it from outside:
    LeaseLostError, CanceledError, AuditStalledError."""
    met: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # raised again by whoever watches
            met.append(error)

    thread = threading.Thread(target=carried(run), name="audit", daemon=True)
    thread.start()
    try:
        _watch(lease, thread)
    except BaseException as error:
        if not isinstance(error, Exception):  # Ctrl+C: whoever pressed it waits
            lease.end(LeaseLostError(lease.audit_id))
            raise
        lease.end(error)
        thread.join(_GRACE_SECONDS)
        if met or thread.is_alive() or not isinstance(error, LeaseLostError):
            raise  # else the work ended the shards itself while they were to be renewed
    if met:
        raise met[0]


def _watch(lease: Lease, thread: threading.Thread) -> None:
    renewed = monotonic()
    while thread.is_alive():
        thread.join(_LOOK_SECONDS)
        if not thread.is_alive():
            return
        if lease.silent_for() > STALLED_SECONDS:
            raise AuditStalledError(
                f"The audit gave no sign of life for {STALLED_SECONDS / 60:.0f} minutes"
            )
        try:
            if monotonic() - renewed >= RENEW_SECONDS:
                lease.renew()
                renewed = monotonic()
            else:
                lease.look()
        except ServiceUnavailableError as error:  # the audit's own writes will say so
            log.warning("audit %s: its lease could not be looked at: %s", lease.audit_id, error)
