"""Says which regions an account of the emulator has enabled; without a word, it has all of them."""

from __future__ import annotations

from collections.abc import Collection

from moto.ec2.models import ec2_backends


def enable(account: str, regions: Collection[str]) -> int:
    """Let an account have these regions alone, asked in any of them; returns how many it has.

    Raises KeyError for a region that there is not.
    """
    backends = [ec2_backends[account][name] for name in regions]
    for backend in backends:
        backend.regions = [each for each in backend.regions if each.name in regions]
    return len(backends)
