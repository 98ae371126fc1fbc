"""The table of every function of the language, and how a call finds its row.

Refuses to hold a function's meaning: the modules that are imported here do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cloudsealed.engine.functions.addresses import ADDRESSES
from cloudsealed.engine.functions.arns import ARNS
from cloudsealed.engine.functions.documents import DOCUMENTS
from cloudsealed.engine.functions.filter_patterns import FILTER_PATTERNS
from cloudsealed.engine.functions.formatting import FORMATTING
from cloudsealed.engine.functions.hardware import HARDWARE
from cloudsealed.engine.functions.identities import IDENTITIES
from cloudsealed.engine.functions.kubernetes.admission import KUBERNETES_ADMISSION
from cloudsealed.engine.functions.kubernetes.apis import APIS
from cloudsealed.engine.functions.kubernetes.disruptions import DISRUPTIONS
from cloudsealed.engine.functions.kubernetes.flags import FLAGS
from cloudsealed.engine.functions.kubernetes.hosts import HOSTS
from cloudsealed.engine.functions.kubernetes.kubelets import KUBELETS
from cloudsealed.engine.functions.kubernetes.listeners import LISTENERS
from cloudsealed.engine.functions.kubernetes.network import KUBERNETES_NETWORK
from cloudsealed.engine.functions.kubernetes.rbac import RBAC
from cloudsealed.engine.functions.kubernetes.storage import KUBERNETES_STORAGE
from cloudsealed.engine.functions.kubernetes.workloads import WORKLOADS
from cloudsealed.engine.functions.lifecycles import LIFECYCLES
from cloudsealed.engine.functions.lists import LISTS
from cloudsealed.engine.functions.marks import MARKS
from cloudsealed.engine.functions.mathematics import MATHEMATICS
from cloudsealed.engine.functions.moments import MOMENTS
from cloudsealed.engine.functions.network import NETWORK
from cloudsealed.engine.functions.optionals import OPTIONALS
from cloudsealed.engine.functions.policies import IAM
from cloudsealed.engine.functions.resource_policies import RESOURCE_POLICIES
from cloudsealed.engine.functions.standard import STANDARD
from cloudsealed.engine.functions.strings import STRINGS
from cloudsealed.engine.functions.tls import TLS
from cloudsealed.engine.functions.trails import TRAILS
from cloudsealed.engine.signature import Function

FUNCTIONS: Final[tuple[Function, ...]] = (
    *(*STANDARD, *MOMENTS, *STRINGS, *FORMATTING, *LISTS, *MATHEMATICS, *ADDRESSES, *OPTIONALS),
    *(*DOCUMENTS, *ARNS, *MARKS, *NETWORK, *IAM, *RESOURCE_POLICIES, *IDENTITIES),
    *(*LIFECYCLES, *HARDWARE, *TLS, *FILTER_PATTERNS, *TRAILS),
    *(*WORKLOADS, *HOSTS, *FLAGS, *KUBELETS, *LISTENERS, *RBAC, *APIS),
    *(*KUBERNETES_NETWORK, *KUBERNETES_ADMISSION, *KUBERNETES_STORAGE, *DISRUPTIONS),
)
"""All functions, in the order of the documentation."""


def _table(*styles: str) -> dict[str, tuple[Function, ...]]:
    names = {function.name for function in FUNCTIONS}
    rows = {name: [f for f in FUNCTIONS if f.name == name and f.style in styles] for name in names}
    return {name: tuple(found) for name, found in rows.items() if found}


CALLS: Final = _table("call", "both")
"""What is called as `name(arguments)`."""
METHODS: Final = _table("method", "both")
"""What is called as `target.name(arguments)`."""

NAMESPACES: Final = frozenset(name.rpartition(".")[0] for name in CALLS if "." in name)
"""What stands before the dot in `math.abs(x)`."""


def arities(overloads: Sequence[Function], target: bool) -> str:
    """How many arguments a function takes, as it stands in a sentence."""
    counts = sorted({len(each.parameters) - target for each in overloads})
    text = " or ".join(str(count) for count in counts)
    return f"{text} argument{'' if counts == [1] else 's'}"
