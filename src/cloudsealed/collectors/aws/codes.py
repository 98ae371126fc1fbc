"""Codes of ours, for answers of AWS that have none of their own."""

from __future__ import annotations

from typing import Final

NOT_ENABLED: Final = "ServiceNotEnabled"
"""Of a refusal that names no permission: the account does not use the service."""
