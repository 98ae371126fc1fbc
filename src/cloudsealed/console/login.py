"""Getting in and out: login, confirming, invitations, logout."""

from __future__ import annotations

from starlette.background import BackgroundTask
from starlette.responses import Response

from cloudsealed.auth.sessions import InvalidLoginError
from cloudsealed.auth.user_store import User
from cloudsealed.console.forms import target
from cloudsealed.console.rendering import redirect
from cloudsealed.console.visits import ACCOUNT, CONFIRM, HOME, LOGIN, Need, Page, Visit
from cloudsealed.kit.errors import InvalidFieldError

INVITATION, LOGOUT = "/invitation", "/logout"


def _login(visit: Visit) -> Response:
    """Show the login form; who is logged in goes on."""
    goal = target(visit.query.get("next"), HOME)
    return redirect(goal) if visit.login else _login_page(visit, goal)


def _log_in(visit: Visit) -> Response:
    """Check e-mail and password; a new session replaces whatever the cookie held."""
    goal, email = target(visit.form.get("next"), HOME), visit.form.get("email", "")
    user = visit.services.logins.log_in(
        email=email,
        password=visit.form.get("password", ""),
        ip=visit.address,
        device=visit.known_by,
    )
    if user is not None:
        return _opened(visit, user, goal)
    answer = _login_page(visit, goal, email=email, failed=True)
    answer.status_code = InvalidLoginError.status
    # A 401 names a scheme (RFC 9110, 15.5.2); browsers do not ask for this one.
    answer.headers["WWW-Authenticate"] = 'Bearer realm="cloudsealed"'
    answer.background = _failure(visit, email)
    return answer


def _login_page(visit: Visit, goal: str, *, email: str = "", failed: bool = False) -> Response:
    answer = visit.page(
        "login.html", next=goal, email=email, failed=failed, code=InvalidLoginError.code
    )
    visit.cookie.write(answer, visit.secret)
    return answer


def _failure(visit: Visit, email: str) -> BackgroundTask:
    """Return the writing of a refusal: after the answer, whose time tells nothing of the user."""
    return BackgroundTask(visit.services.logins.record_failure, email=email, ip=visit.address)


def _opened(visit: Visit, user: User, goal: str) -> Response:
    """Log a user in and send them on."""
    answer, sessions = redirect(goal), visit.services.sessions
    if visit.login is not None:
        sessions.close(visit.login.session, visit.address)
    visit.cookie.write(answer, sessions.open(user, visit.address))
    logins = visit.services.logins
    if not logins.knows_device(visit.known_by, email=user.email):
        visit.device.write(answer, logins.device(user))
    return answer


def _confirm(visit: Visit) -> Response:
    goal = target(visit.form.get("next") or visit.query.get("next"), ACCOUNT)
    return visit.page("confirm.html", next=goal)


def _confirmed(visit: Visit) -> Response:
    """Take the user's password again, before something dangerous."""
    user, services = visit.me.user, visit.services
    given, session = visit.form.get("password", ""), visit.me.session
    if not services.logins.check_password(user=user, session=session.id, password=given):
        services.logins.record_failure(email=user.email, ip=visit.address)
        raise InvalidFieldError("password", "The password is wrong")
    services.sessions.confirm(visit.me.session)
    return redirect(target(visit.form.get("next"), ACCOUNT))


def _invitation(visit: Visit) -> Response:
    """Show whom an invitation is for, and ask for their name and a password."""
    text = visit.form.get("invitation") or visit.query.get("token", "")
    invited = visit.services.logins.invited(text)
    name = "" if invited.name == invited.email else invited.name
    answer = visit.page(
        "invitation.html",
        invited=invited,
        invitation=text,
        values={"name": name, **visit.form},
        tenant=visit.services.tenants.get(tenant=invited.tenant_id),
    )
    if visit.login is None:
        visit.cookie.write(answer, visit.secret)
    return answer


def _accept(visit: Visit) -> Response:
    """Make the invited a user who is logged in."""
    form = visit.form
    user = visit.services.logins.accept(
        text=form.get("invitation", ""),
        name=form.get("name", ""),
        password=form.get("password", ""),
        ip=visit.address,
    )
    return _opened(visit, user, HOME)


def _log_out(visit: Visit) -> Response:
    """End the session, or every session of the user."""
    answer = redirect(LOGIN)
    if visit.login is not None and "everywhere" in visit.form:
        visit.services.logins.log_out_everywhere(caller=visit.login.caller)
    elif visit.login is not None:
        visit.services.sessions.close(visit.login.session, visit.address)
    visit.cookie.write(answer, visit.services.sessions.fresh())
    return answer


PAGES = (
    Page(LOGIN, _login, _log_in, need=Need.NOTHING, hashes=True),
    Page(CONFIRM, _confirm, _confirmed, need=Need.USER, hashes=True),
    Page(INVITATION, _invitation, _accept, need=Need.NOTHING, hashes=True),
    Page(LOGOUT, None, _log_out, need=Need.NOTHING),
)
