"""What people decide about findings, as a form says it."""

from __future__ import annotations

from typing import Any

from cloudsealed.console.look import Look

CLEAR = "clear"


def decision(look: Look) -> dict[str, Any] | None:
    """Return the triage that a form asks for, as the API takes it; None clears what was decided."""
    state = look.sent("state")
    if state == CLEAR:
        return None
    day = look.sent("until")
    return {
        "state": state,
        "assignee": look.sent("assignee") or None,
        "note": look.sent("note") or None,
        "expires_at": f"{day}T23:59:59Z" if day else None,
    }
