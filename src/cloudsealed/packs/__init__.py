"""Policies and frameworks as data: one YAML file each, and the strict reader of such files.

It evaluates nothing and knows no engine: expressions are text here, with their place in the file.
"""

from cloudsealed.packs.errors import PolicyFileError
from cloudsealed.packs.form import KEY, policy_schema
from cloudsealed.packs.loader import load_frameworks, load_policies
from cloudsealed.packs.model import (
    EFFORTS,
    EXAMPLES_AT,
    SCOPES,
    Control,
    Example,
    Framework,
    PolicySpec,
    Relation,
    Remediation,
    Section,
)
from cloudsealed.packs.reader import parse_framework, parse_policy

__all__ = [
    "EFFORTS",
    "EXAMPLES_AT",
    "KEY",
    "SCOPES",
    "Control",
    "Example",
    "Framework",
    "PolicyFileError",
    "PolicySpec",
    "Relation",
    "Remediation",
    "Section",
    "load_frameworks",
    "load_policies",
    "parse_framework",
    "parse_policy",
    "policy_schema",
]
