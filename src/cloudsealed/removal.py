"""What goes, and what goes with it: uses of several nouns at once."""

from __future__ import annotations

from cloudsealed.auth.model import Caller
from cloudsealed.wiring import Services


def remove_connection(services: Services, *, tenant: str, ident: str) -> None:
    """Delete a connection and resolve what was found through it."""
    services.connections.delete(tenant=tenant, ident=ident)
    services.database.after(
        lambda: services.findings.remove_connection(tenant=tenant, connection_id=ident)
    )


def remove_user(services: Services, *, caller: Caller, ident: str) -> None:
    """Remove a user, and the views that they alone saw; raises as `UserService.remove`."""
    services.users.remove(caller=caller, ident=ident)
    services.views.forget(tenant=caller.tenant_id, user=ident)
