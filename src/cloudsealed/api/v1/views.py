"""/v1/views: lists as people saved them, a tenant's and one's own."""

from __future__ import annotations

from cloudsealed.api.listing import Listed
from cloudsealed.api.operation import Call, Reply, Table
from cloudsealed.api.v1.narrowing import Whole
from cloudsealed.api.v1.schemas import views as shapes
from cloudsealed.auth.errors import InsufficientRoleError
from cloudsealed.auth.model import Scope
from cloudsealed.findings.listing import LISTING as FINDINGS
from cloudsealed.findings.summary import GROUPS as OF_FINDINGS
from cloudsealed.policies.model import NameAlreadyExistsError, QuotaExceededError
from cloudsealed.policies.selecting import selects_policies
from cloudsealed.resources.store import LISTING as RESOURCES
from cloudsealed.resources.summary import GROUPS as OF_RESOURCES
from cloudsealed.storage import schema
from cloudsealed.storage.filters import Filter
from cloudsealed.storage.keyset import Listing
from cloudsealed.storage.objects import EvidenceExpiredError
from cloudsealed.views.bodies import Forms, ListForm
from cloudsealed.views.store import LISTING
from cloudsealed.vocabulary import EventType, ViewOf


def _form(listing: Listing, groups: tuple[str, ...], scope: Scope) -> ListForm:
    listed = Listed.of(listing)
    naming = frozenset(item.name for item in listed.filters if _names(item))
    return ListForm(Whole(listed), groups, scope, naming)


def _names(item: Filter) -> bool:
    return item.known is not None or item.pins or selects_policies({item.name: ()})


FORMS = Forms(
    {
        ViewOf.FINDINGS: _form(FINDINGS, OF_FINDINGS, Scope.FINDINGS_READ),
        ViewOf.RESOURCES: _form(RESOURCES, OF_RESOURCES, Scope.RESOURCES_READ),
    }
)
"""What views of each list may say."""

TABLE = Table(
    "Views",
    "Lists as people saved them: a tenant's views and one's own.",
    getter=lambda call: call.services.views.get(caller=call.caller, ident=call.ident, forms=FORMS),
    rows=schema.views,
)
_REFUSALS = (
    NameAlreadyExistsError,
    QuotaExceededError,
    InsufficientRoleError,
    EvidenceExpiredError,
)


@TABLE.lists("/v1/views", Listed.of(LISTING), scope=Scope.VIEWS_READ, answer=shapes.View)
def list_views(call: Call) -> Reply:
    """List views: one's own, and those that the whole tenant sees.

    Another user's own are never listed. One whose query its list refuses by now says so in `error`.
    """
    views = call.services.views
    return views.list(caller=call.caller, forms=FORMS, deadline=call.deadline, **call.page)


@TABLE.makes(
    "/v1/views",
    scope=Scope.VIEWS_WRITE,
    answer=shapes.View,
    body=FORMS.new,
    errors=_REFUSALS,
    event=EventType.VIEW_CREATED,
)
def create_view(call: Call) -> Reply:
    """Save a view of a list.

    Its query is what the list takes, but for `cursor` and `limit`; what the list refuses is refused
    here in its words. The credential needs the list's own scope too. Editors and admins share
    views with the tenant. A service account has views of its own as people have.
    """
    return call.services.views.create(caller=call.caller, body=call.body, forms=FORMS)


@TABLE.gets("/v1/views/{id}", scope=Scope.VIEWS_READ, answer=shapes.View)
def get_view(call: Call) -> Reply:
    """Retrieve a view.

    `path` is the request that lists what it shows.
    """
    views = call.services.views
    return views.get(caller=call.caller, ident=call.ident, forms=FORMS, deadline=call.deadline)


@TABLE.changes(
    "/v1/views/{id}",
    scope=Scope.VIEWS_WRITE,
    answer=shapes.View,
    body=FORMS.change,
    errors=_REFUSALS,
    event=EventType.VIEW_CHANGED,
)
def update_view(call: Call) -> Reply:
    """Change a view's name, query or looks, or who sees it.

    Its query is replaced whole; which list it is of stays. What is shared is changed by editors and
    admins, and taken back by its owner alone.
    """
    views = call.services.views
    return views.update(caller=call.caller, ident=call.ident, body=call.body, forms=FORMS)


@TABLE.deletes(
    "/v1/views/{id}",
    scope=Scope.VIEWS_WRITE,
    errors=(InsufficientRoleError,),
    event=EventType.VIEW_DELETED,
)
def delete_view(call: Call) -> Reply:
    """Delete a view; what it showed stays.

    What is shared is deleted by editors and admins.
    """
    call.services.views.delete(caller=call.caller, ident=call.ident)
    return None
