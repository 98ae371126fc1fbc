"""The consent page: a user lets an app act for them, or does not."""

from __future__ import annotations

from starlette.responses import Response

from cloudsealed.auth.oauth import redirects
from cloudsealed.auth.oauth.errors import OAuthError
from cloudsealed.auth.oauth.model import Asked
from cloudsealed.auth.sessions import CsrfFailedError
from cloudsealed.console.forms import here
from cloudsealed.console.rendering import redirect
from cloudsealed.console.visits import Need, Page, Visit
from cloudsealed.console.words import told

AUTHORIZE = "/oauth/authorize"


def _show(visit: Visit) -> Response:
    """Ask the user what an app asks for; consent is asked at every authorization."""
    asked = _asked(visit)
    if isinstance(asked, Response):
        return asked
    user, services = visit.me.user, visit.services
    offered = services.oauth.offered(asked, visit.me.caller)
    return visit.page(
        "consent.html",
        form_target=redirects.source(asked.redirect_uri),
        app=asked.app,
        publisher=services.tenants.get(tenant=asked.app.tenant_id).name,
        is_foreign=asked.app.tenant_id != user.tenant_id,
        place=redirects.place(asked.redirect_uri),
        scopes=told(offered),
        action=visit.here,
        token=visit.token(visit.here),
    )


def _decide(visit: Visit) -> Response:
    asked = _asked(visit)
    if isinstance(asked, Response):
        return asked
    decision = visit.form.get("decision")
    if decision not in ("allow", "deny"):
        raise CsrfFailedError("The form cannot be read: load the page again")
    if decision == "deny":
        return redirect(visit.services.oauth.deny(asked))
    return redirect(visit.services.oauth.allow(asked, visit.me.caller))


def _asked(visit: Visit) -> Asked | Response:
    """Return what an app asks for; or the redirect that refuses it, or that leads to the login."""
    try:
        asked = visit.services.oauth.ask(visit.here.partition("?")[2].encode("latin-1"))
    except OAuthError as error:
        return redirect(error.location)
    return asked if visit.login else visit.to_login()


PAGES = (Page(AUTHORIZE, _show, _decide, need=Need.NOTHING, about=here),)
