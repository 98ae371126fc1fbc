"""The pages where people make what programs use: personal access tokens and OAuth apps.

They are thin: a form becomes the JSON body of the API's own operation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import groupby
from typing import Any

import orjson
from starlette.responses import Response

from cloudsealed.auth.errors import InsufficientRoleError
from cloudsealed.auth.model import Scope
from cloudsealed.auth.oauth.model import Audience
from cloudsealed.console.rendering import redirect
from cloudsealed.console.visits import Page, Visit
from cloudsealed.console.words import SCOPES, told
from cloudsealed.kit.clock import rfc3339

TOKENS, APPS, APP = "/account/tokens", "/account/apps", "/account/apps/{id}"
DAYS = (7, 30, 90, 365)
_SHOWN = 200
_SCOPE = "scope:"


def _tokens(visit: Visit, made: Mapping[str, Any] | None = None) -> Response:
    """Show the user's tokens and the form of a new one; `made` has the text of one just made."""
    me, services = visit.me, visit.services
    page = services.tokens.list(caller=me.caller, filters={"user": (me.user.id,)}, limit=_SHOWN)
    days = [day for day in DAYS if day <= services.settings.token_max_days]
    tokens = [(one, told(one["scopes"])) for one in map(orjson.loads, page.items)]
    return visit.shell(
        "account/tokens.html",
        tokens=tokens,
        made=made,
        days=days,
        scopes=_choices(visit),
        now=rfc3339(services.clock()),
    )


def _change_tokens(visit: Visit) -> Response:
    form, caller, tokens = visit.form, visit.me.caller, visit.services.tokens
    if "revoke" in form:
        tokens.revoke(caller=caller, ident=form["revoke"])
        return redirect(TOKENS)
    if "rotate" in form:
        made = tokens.rotate(caller=caller, ident=form["rotate"], body=None)
        return _tokens(visit, orjson.loads(made))
    body = {"name": form.get("name", ""), "scopes": _scopes(form), "expires_at": _ends(visit)}
    if cidrs := _lines(form, "allowed_cidrs"):
        body["allowed_cidrs"] = cidrs
    return _tokens(_emptied(visit), orjson.loads(tokens.create(caller=caller, body=body)))


def _ends(visit: Visit) -> str:
    text = visit.form.get("days", "")
    days = int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 0
    return rfc3339(visit.services.clock() + timedelta(days=days))


def _apps(visit: Visit, made: Mapping[str, Any] | None = None) -> Response:
    """Show the tenant's apps and the form of a new one; `made` has the secret of one just made."""
    _refuse_who_has_no_apps(visit)
    page = visit.services.apps.list(caller=visit.me.caller, filters={}, limit=_SHOWN)
    return visit.shell(
        "account/apps.html",
        apps=[orjson.loads(item) for item in page.items],
        made=made,
        scopes=_choices(visit),
        audiences=list(Audience),
    )


def _add_app(visit: Visit) -> Response:
    _refuse_who_has_no_apps(visit)
    body = {**_app_body(visit.form), "confidential": "public" not in visit.form}
    made = visit.services.apps.create(caller=visit.me.caller, body=body)
    return _apps(_emptied(visit), orjson.loads(made))


def _app(visit: Visit, made: Mapping[str, Any] | None = None) -> Response:
    """Show one app, to change it."""
    _refuse_who_has_no_apps(visit)
    tenant = visit.me.user.tenant_id
    app = orjson.loads(visit.services.apps.get(tenant=tenant, ident=visit.ident))
    kept = {
        "name": app["name"],
        "redirect_uris": "\n".join(app["redirect_uris"]),
        "audience": app["audience"],
        "device_flow": "on" if app["device_flow"] else "",
        **{f"{_SCOPE}{name}": "on" for name in app["scopes"]},
    }
    return visit.shell(
        "account/app.html",
        app=app,
        made=made,
        scopes=_choices(visit),
        audiences=list(Audience),
        values=visit.form if visit.error else kept,
    )


def _change_app(visit: Visit) -> Response:
    _refuse_who_has_no_apps(visit)
    form, caller, apps = visit.form, visit.me.caller, visit.services.apps
    if "delete" in form:
        apps.delete(caller=caller, ident=visit.ident)
        return redirect(APPS)
    if "rotate" in form:
        return _app(visit, orjson.loads(apps.rotate(caller=caller, ident=visit.ident, body=None)))
    apps.change(caller=caller, ident=visit.ident, body=_app_body(form))
    return redirect(APPS)


def _app_body(form: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": form.get("name", ""),
        "redirect_uris": _lines(form, "redirect_uris"),
        "scopes": _scopes(form),
        "audience": form.get("audience", ""),
        "device_flow": "device_flow" in form,
    }


def _refuse_who_has_no_apps(visit: Visit) -> None:
    if Scope.APPS_WRITE not in visit.me.caller.scopes:
        raise InsufficientRoleError("Only an admin can manage apps")


def _choices(visit: Visit) -> list[list[tuple[str, str]]]:
    """Return the scopes that the user has to give, each noun's together: field and words."""
    power = visit.me.caller.scopes
    having = (scope.value for scope in Scope if scope in power)
    nouns = groupby(having, key=lambda name: name.partition(":")[0])
    return [[(f"{_SCOPE}{name}", SCOPES[name]) for name in names] for _, names in nouns]


def _scopes(form: Mapping[str, str]) -> list[str]:
    return [name.removeprefix(_SCOPE) for name in form if name.startswith(_SCOPE)]


def _lines(form: Mapping[str, str], name: str) -> list[str]:
    return [line.strip() for line in form.get(name, "").splitlines() if line.strip()]


def _emptied(visit: Visit) -> Visit:
    """Return the visit with its form as it is before anything is filled in."""
    return replace(visit, form={})


PAGES = (
    Page(TOKENS, _tokens, _change_tokens),
    Page(APPS, _apps, _add_app),
    Page(APP, _app, _change_app),
)
