"""What only connections to Kubernetes say: which context of the kubeconfig leads there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from cloudsealed.kit.shapes import Part, Text
from cloudsealed.vocabulary import ConnectionMethod

FIELDS: Final[Mapping[str, Part]] = {
    "context": Part(
        Text(longest=253),
        "Of Kubernetes: the context of the server's kubeconfig; left out or null: the current one,"
        " or the cluster that it runs in.",
        example="production",
    )
}
METHODS: Final[Mapping[ConnectionMethod, str | None]] = {ConnectionMethod.AMBIENT: None}
REGION: Final = re.compile(r"global")
EXAMPLE: Final = {"name": "cluster", "context": "production"}
