"""/v1/events: who did what, and what happened, in a tenant."""

from __future__ import annotations

from cloudsealed.api import accept
from cloudsealed.api.errors import filter_error
from cloudsealed.api.listing import Listed
from cloudsealed.api.operation import Call, Reply, Stream, Table
from cloudsealed.api.query import Parameter
from cloudsealed.api.v1.schemas import access as shapes
from cloudsealed.auth.model import Scope
from cloudsealed.events.export import FORMATS
from cloudsealed.events.store import LISTING
from cloudsealed.vocabulary import EventType

FILTERS = {item.name: item for item in Listed.of(LISTING).filters}
JSONL = FORMATS["jsonl"]
# A media type as clients name it, without what it says of the file.
_MEDIA = {media.partition(";")[0]: name for name, media in FORMATS.items()}
FORMAT = Parameter("format", "Format of the file; else `Accept` decides", tuple(FORMATS))
AFTER = Parameter("after", "Number of the event after which the file begins", example="1200")
_DIGITS = 15

TABLE = Table(
    "Events",
    "Every change that somebody made, the evidence that was read, and what happened to findings,"
    " audits and reports; nothing changes an event.",
)


@TABLE.lists("/v1/events", Listed.of(LISTING), scope=Scope.EVENTS_READ, answer=shapes.Event)
def list_events(call: Call) -> Reply:
    """List events: who did what, when, from where, and what it was before and after.

    Newest first. Events are never changed or deleted; within seconds each gets its place in a chain
    of hashes, which `cloudsealed verify` checks in an export. `category=security` is the log of who
    did what to whose access.
    """
    return call.services.events.list(tenant=call.tenant, deadline=call.deadline, **call.page)


@TABLE.reads(
    "/v1/events/export",
    scope=Scope.EVENTS_READ,
    produces=tuple(_MEDIA),
    heavy=("exports",),
    parameters={"format": FORMAT, "after": AFTER, **FILTERS},
    event=EventType.EVENTS_EXPORTED,
)
def export_events(call: Call) -> Reply:
    """Export events, oldest first, as JSON Lines or CSV.

    `cloudsealed verify` checks that the lines of the first are the chain as it was signed: none
    changed, left out or added. It needs all of them, so filters other than `after` are for reading;
    `after`, the number of the last event of the file before, is for the next one.
    """
    wanted = call.given("format") or _MEDIA[accept.choose(call.accept, tuple(_MEDIA)) or JSONL]
    filters = {name: values for name, values in call.query.items() if name in FILTERS}
    after = call.given("after") or "0"
    if not (after.isascii() and after.isdigit() and len(after) <= _DIGITS):
        raise filter_error("after")("after", "after must be the number of an event, such as 1200")
    call.admit()
    pieces = call.services.event_files.export(
        tenant=call.tenant, filters=filters, after=int(after), wanted=wanted
    )
    return Stream(pieces, FORMATS[wanted], f"cloudsealed-events.{wanted}")
