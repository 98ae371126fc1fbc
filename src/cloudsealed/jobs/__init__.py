"""Background work: enqueue it in the noun's own transaction, run it in a worker under a lease.

Delivery is at least once: a worker that dies loses its lease and another takes the job. What a
job does must therefore stand being done twice.
"""

from cloudsealed.jobs.process import WorkerProcess
from cloudsealed.jobs.pulse_store import PulseStore
from cloudsealed.jobs.store import Admit, Job, admitted, enqueue
from cloudsealed.jobs.worker import Ending, Handler, Worker

__all__ = [
    "Admit",
    "Ending",
    "Handler",
    "Job",
    "PulseStore",
    "Worker",
    "WorkerProcess",
    "admitted",
    "enqueue",
]
