"""The user's own account: who they are, what acts for them, their password."""

from __future__ import annotations

from starlette.responses import Response

from cloudsealed.console.forms import target
from cloudsealed.console.rendering import redirect
from cloudsealed.console.visits import ACCOUNT, HOME, TASTE, Need, Page, Visit
from cloudsealed.console.words import told

PASSWORD = "/account/password"


def _show(visit: Visit) -> Response:
    """Show who the user is, and what their apps may do."""
    user, services = visit.me.user, visit.services
    grants = services.grants.of_user(tenant=user.tenant_id, user_id=user.id)
    return visit.shell(
        "account/account.html",
        tenant=services.tenants.get(tenant=user.tenant_id),
        grants=[(grant, told(grant.scopes)) for grant in grants],
    )


def _end_grant(visit: Visit) -> Response:
    visit.services.grants.revoke(caller=visit.me.caller, ident=visit.form.get("grant", ""))
    return redirect(ACCOUNT)


def _password(visit: Visit) -> Response:
    return visit.shell("account/password.html", done="done" in visit.query)


def _change_password(visit: Visit) -> Response:
    """Change the password; every session ends, and this browser gets a new one."""
    form, me = visit.form, visit.me
    visit.services.logins.change_password(
        caller=me.caller,
        current=form.get("current", ""),
        new=form.get("password", ""),
        end_tokens="end_tokens" in form,
    )
    answer = redirect(f"{PASSWORD}?done=1")
    visit.cookie.write(answer, visit.services.sessions.open(me.user, visit.address))
    return answer


def _choose(visit: Visit) -> Response:
    """Keep how the visitor likes the pages."""
    assert visit.tastes is not None
    answer = redirect(target(visit.form.get("next"), HOME))
    visit.tastes.write(answer, visit.form.get("theme", ""), visit.form.get("language", ""))
    return answer


PAGES = (
    Page(TASTE, None, _choose, need=Need.NOTHING),
    Page(ACCOUNT, _show, _end_grant, need=Need.USER),
    Page(PASSWORD, _password, _change_password, need=Need.USER, hashes=True),
)
