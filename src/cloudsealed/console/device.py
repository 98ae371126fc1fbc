"""The page where a user answers a device: a code, then who asks for what, then Allow or Deny."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response

from cloudsealed.auth.oauth.device import PAGE_PATH, Question
from cloudsealed.auth.sessions import CsrfFailedError
from cloudsealed.console.rendering import redirect
from cloudsealed.console.visits import Need, Page, Visit
from cloudsealed.console.words import told

_LONGEST = 100


def _show(visit: Visit) -> Response:
    """Ask for the code, also when the address has it: whoever is asked compares it."""
    code = visit.form.get("user_code") or visit.query.get("user_code", "")
    answered = visit.query.get("answered")
    done = answered if answered in ("allow", "deny") else ""
    return visit.page("device.html", values={"user_code": code[:_LONGEST]}, done=done)


def _act(visit: Visit) -> Response:
    devices, code = visit.services.devices, visit.form.get("user_code", "")
    decision = visit.form.get("decision")
    if decision is None:
        return _consent(visit, devices.question(visit.me.caller, code))
    if decision not in ("allow", "deny"):
        raise CsrfFailedError("The form cannot be read: load the page again")
    answer = devices.allow if decision == "allow" else devices.deny
    answer(visit.me.caller, code)
    return redirect(f"{PAGE_PATH}?{urlencode({'answered': decision})}")


def _consent(visit: Visit, question: Question) -> Response:
    user, app = visit.me.user, question.app
    publisher = None if question.is_own else visit.services.tenants.get(tenant=app.tenant_id)
    return visit.page(
        "device_consent.html",
        app=app,
        publisher=publisher,
        device=question.device,
        is_foreign=not question.is_own and app.tenant_id != user.tenant_id,
        scopes=told(question.offered),
        user_code=question.user_code,
    )


PAGES = (Page(PAGE_PATH, _show, _act, need=Need.USER),)
