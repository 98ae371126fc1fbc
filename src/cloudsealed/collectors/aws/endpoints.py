"""Where services are that have no region of their own."""

from __future__ import annotations

from collections.abc import Mapping

ONE_ENDPOINT: Mapping[str, Mapping[str, str]] = {"aws": {"globalaccelerator": "us-west-2"}}
"""By partition, global services that have one endpoint in it, elsewhere than its home ("AWS Global
Accelerator endpoints and quotas")."""
