"""What only the extra `cluster` brings, asked for when a setting needs it."""

from __future__ import annotations

from importlib.util import find_spec

from cloudsealed.kit.errors import CloudSealedError


class MissingExtraError(CloudSealedError):
    """A setting needs packages that are not installed."""

    code = "missing_extra"
    status = 500


def need(module: str, what: str) -> None:
    """Raise MissingExtraError unless a module is installed."""
    if find_spec(module) is None:
        raise MissingExtraError(f"{what} needs an extra: pip install 'cloudsealed[cluster]'")
