"""/v1/me, /v1/rate_limit and /v1/errors: what any valid credential may ask."""

from __future__ import annotations

import math

from cloudsealed.api.errors import catalogue
from cloudsealed.api.gate.limits import OF_TENANTS, Rate
from cloudsealed.api.listing import Listed
from cloudsealed.api.operation import Call, Reply, Table
from cloudsealed.api.v1.schemas import access as shapes
from cloudsealed.auth.model import Scope
from cloudsealed.storage.keyset import ordered

TABLE = Table("Account", "Who calls, what is left of their budgets, and what errors mean.")


@TABLE.reads("/v1/me", answer=shapes.Me, quick=True)
def get_me(call: Call) -> Reply:
    """Retrieve the caller: tenant, user, role and effective scopes."""
    caller, services = call.caller, call.services
    with services.database.read(call.deadline):  # both within the deadline
        user = services.users.get(tenant=call.tenant, ident=caller.user_id)
        tenant = services.tenants.get(tenant=call.tenant)
    return {
        "object": "me",
        "tenant": tenant.public(),
        "user": user.public(),
        "role": caller.role,
        "scopes": [scope.value for scope in Scope if scope in caller.scopes],
        "token_id": caller.token_id,
        "expires_at": caller.expires_at,
    }


@TABLE.lists("/v1/errors", Listed(), answer=shapes.ErrorCode)
def list_error_codes(call: Call) -> Reply:
    """List every code that an error can carry, by status and code."""
    after, limit = call.page["after"], call.page["limit"]
    items = {f"{entry['status']} {code}": entry for code, entry in catalogue().items()}
    return ordered(items, after=after, limit=limit)


@TABLE.reads("/v1/rate_limit", answer=shapes.RateLimits)
def get_rate_limits(call: Call) -> Reply:
    """Retrieve every budget of the credential and its tenant."""
    limits = call.limits
    keys = {"core": call.caller.token_id, **dict.fromkeys(OF_TENANTS, call.tenant)}
    resources = {
        name: [_window(rate) for rate in limits.windows(name, keys[name])] for name in keys
    }
    return {"object": "rate_limits", "resources": {k: _budget(v) for k, v in resources.items()}}


def _window(rate: Rate) -> dict[str, int]:
    return {
        "limit": rate.window.amount,
        "window": rate.window.seconds,
        "remaining": rate.remaining,
        "used": rate.window.amount - rate.remaining,
        "reset": math.ceil(rate.reset),
    }


def _budget(windows: list[dict[str, int]]) -> dict[str, object]:
    """Return the window with the fewest requests left, and all of them."""
    tightest = min(windows, key=lambda window: window["remaining"])
    return {**tightest, "windows": windows}
